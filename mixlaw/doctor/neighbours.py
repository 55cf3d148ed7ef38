"""Findings about losses that do not fit those of their neighbours: multiples, switched shares."""

import numpy as np
import pandas as pd

from mixlaw.doctor.finding import Check, Finding, Table, finding
from mixlaw.doctor.measurement import in_other_unit
from mixlaw.quantities import format_quantity

#: A loss this many times that of the nearest mixtures of its size is no effect of the mixture:
#: between the ends of a sweep losses differ by a third at most. Conventional.
FAR = 1.6
#: How close a ratio must be to a whole number to be taken for one.
_WHOLE = 0.12
#: A change of all losses below this, in nats, is nothing: a tenth of what ``recommend`` allows.
NOTHING = 0.002
#: Text that was not trained on has more than this many nats a token.
LEAST = 0.05
#: Below this every loss of a sweep looks like bits per byte, which lie between 0.5 and 1.2 for text
#: (nats per token between 1.5 and 5); code by large models alone can be as low.
BITS_PER_BYTE = 1.2
#: Losses at the mirrored share fit this many times better than at the given one.
_MIRRORED = 2.1
#: Rank correlation with the ratio from which losses go the wrong way. Conventional.
_MONOTONE = 0.9


def multiples(table: Table) -> Finding | None:
    """Runs whose losses are far above, or a fraction of, those of the other runs of their size."""
    far = _far_runs(table)
    if far.empty:
        return None
    rows = table.trained[table.trained["run_id"].isin(far.index)]
    worst = float(far.iloc[np.abs(np.log(far)).argmax()])
    factor = max(worst, 1 / worst)
    names = ", ".join(map(str, far.index[:3])) + (
        f" and {len(far) - 3} more" if len(far) > 3 else ""
    )
    whole = abs(factor / round(factor) - 1) < _WHOLE
    times = f"about {round(factor)}" if whole else f"{factor:.3g}"
    up = worst > 1
    cause = (
        f"summed over {round(factor)} devices or accumulation steps" if up and whole else
        "another unit, or a run that diverged" if up else
        f"divided by {round(factor)} devices or accumulation steps" if whole else "another unit"
    )  # fmt: skip
    return finding(
        "loss-multiple", "error", rows,
        f"The losses of {names} are {times} times {'those' if up else 'below those'} of the runs "
        f"beside them; the likely cause: {cause}.",
        "One run in another scale is a step that every law takes for an effect of size or ratio.",
        "Divide or multiply them by the factor if the cause is confirmed, evaluate them again, or "
        "leave them out by a flag.",
    )  # fmt: skip


def bits_per_byte(table: Table) -> Finding | None:
    """All losses are as low as bits per byte are, and no bpb column says otherwise."""
    rows = table.trained
    sets = rows.groupby("eval_set")["loss"]
    if rows.empty or len(sets) < 2 or not (sets.max() < BITS_PER_BYTE).all():
        return None
    if rows["loss"].median() < LEAST or ("bpb" in rows and rows["bpb"].notna().any()):
        return None
    smallest = float(rows["n_params"].min())
    return finding(
        "bits-per-byte-as-loss", "warning", rows,
        f"Every loss is below {BITS_PER_BYTE} ({rows['loss'].min():.3g} to {rows['loss'].max():.3g}"
        f", down to {format_quantity(smallest)} parameters), as bits per byte are and nats per "
        "token of text are not.",
        "A tolerance of 0.02 nats per token is then three times too wide: a sweep in bits per byte "
        "was answered with 63% instead of 34%.",
        "If it is bits per byte, import it as such: bytes_per_token in the description makes nats "
        "per token of it.",
    )  # fmt: skip


def nothing_moved(table: Table) -> Finding | None:
    """No loss of any eval set differs between mixtures and budgets, or from the base."""
    rows = pd.concat([table.trained, table.base])
    if table.trained["mixture"].nunique() < 2 and table.trained["tokens"].nunique() < 2:
        return None
    of_size = rows.groupby(["n_params", "eval_set"])["loss"]
    spread = (of_size.max() - of_size.min())[of_size.size() > 2]
    is_loss = not rows.empty and float(rows["loss"].median()) > LEAST
    if spread.empty or not is_loss or not 0 < float(spread.max()) < NOTHING:
        return None
    return finding(
        "nothing-moved", "error", table.trained,
        f"No loss moves by more than {float(spread.max()):.2g} nats over all mixtures and budgets "
        "of a size.",
        "Training changed nothing, or the evaluation reads the base: every ratio looks alike, and "
        "the answer is empty.",
        "See that the evaluation reads the checkpoint it names, and that the learning rate was not "
        "zero.",
    )  # fmt: skip


def switched(table: Table) -> Finding | None:
    """Losses that fit the mirrored share: domain and general share were exchanged."""
    names = (table.roles.domain_set, *table.roles.general_sets)
    off = table.ends["run_id"].isin(_far_runs(table).index) | in_other_unit(table.ends)
    ends = table.ends[table.ends["eval_set"].isin(names) & ~off]
    if not table.domain_corpora or len(set(names) - set(ends["eval_set"])) or len(names) != 2:
        return None
    ends = ends.assign(ratio=table.roles.domain_ratio(ends))
    longest = ends[ends["tokens"] >= 0.99 * ends.groupby("run_id")["tokens"].transform("max")]
    runs = [
        run
        for _, cell in longest.groupby(["n_params", "tokens"])
        for run in _switched_in(_by_run(cell), names)
    ]
    if not runs:
        return None
    rows = table.trained[table.trained["run_id"].isin(runs)]
    return finding(
        "shares-switched", "error", rows,
        f"{len(set(runs))} runs have losses that fit the mirrored mixture: more domain data goes "
        "with a higher domain loss and a lower general loss.",
        "The law learns the opposite of what the mixture does, and recommends it.",
        "Look whether the shares (domain, general), or the eval sets, were exchanged for them.",
    )  # fmt: skip


def _by_run(cell: pd.DataFrame) -> pd.DataFrame:
    """Losses by run, a column an eval set, with the run's domain ratio."""
    wide = cell.pivot_table(index=["run_id", "ratio"], columns="eval_set", values="loss")
    return wide.dropna().reset_index("ratio")


def _switched_in(cell: pd.DataFrame, names: tuple[str, ...]) -> list[str]:
    """Runs of one size and budget whose losses fit the mirrored share, or all of them."""
    domain, general = names
    if len(cell) < 3 or cell["ratio"].nunique() < 3:
        return []
    ranks = cell.rank()
    slopes = [np.corrcoef(ranks["ratio"], ranks[name])[0, 1] for name in names]
    if slopes[0] > _MONOTONE and slopes[1] < -_MONOTONE:
        return list(cell.index)
    found = []
    for i, (run, row) in enumerate(cell.iterrows()):
        others = cell.drop(cell.index[i]).sort_values("ratio")
        mirror = 1 - row["ratio"]
        low, high = sorted((row["ratio"], mirror))
        inside = others["ratio"].min() <= low and high <= others["ratio"].max()
        if len(others) < 3 or abs(mirror - row["ratio"]) < 0.1 or not inside:
            continue
        misses = [
            (abs(row[n] - np.interp(row["ratio"], others["ratio"], others[n])),
             abs(row[n] - np.interp(mirror, others["ratio"], others[n])))
            for n in (domain, general)
        ]  # fmt: skip
        if all(here > _MIRRORED * there and here > 10 * NOTHING for here, there in misses):
            found.append(str(run))
    return found


def _far_runs(table: Table) -> pd.Series:
    """Ratio to its neighbours of every run that is far from them and in no other unit."""
    known = table.trained[~in_other_unit(table.trained)]
    by_run = _to_neighbours(known).groupby(known["run_id"]).median()
    far: pd.Series = by_run[(by_run > FAR) | (by_run < 1 / FAR)]
    return far


def _to_neighbours(rows: pd.DataFrame) -> pd.Series:
    """Ratio of every loss to the median of the other runs of its size, tokens and eval set.

    Of sizes with a single run there, the runs of all sizes are the neighbours.
    """
    tokens = np.log(rows["tokens"]).round(1)
    ratio = pd.Series(1.0, index=rows.index)
    for keys in ([rows["eval_set"], tokens], [rows["n_params"], rows["eval_set"], tokens]):
        cells = rows.groupby(keys)["loss"]
        size, median = cells.transform("size"), cells.transform("median")
        ratio = ratio.mask(size > 2, rows["loss"] / median)
    return ratio


CHECKS: tuple[Check, ...] = (multiples, bits_per_byte, nothing_moved, switched)
