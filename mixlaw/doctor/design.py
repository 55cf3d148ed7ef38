"""Findings about the plan of the sweep: which settings were run, and which were not."""

import numpy as np
import pandas as pd

from mixlaw.doctor.few_runs import ENOUGH, Run, described, missing_runs
from mixlaw.doctor.finding import Check, Finding, Table, finding
from mixlaw.quantities import format_factor, format_quantity
from mixlaw.runs.table import SHARE, UNIQUE_TOKENS

#: Correlation of log N and log D from which their exponents cannot be separated in practice: the
#: variance of either exponent is then 1 / (1 - 0.95^2), ten times that of a crossed design.
COLLINEAR = 0.95

#: Tokens per parameter below which small-model laws may bend. On the over-training tables of Gadre
#: et al. (arXiv 2403.08540) laws with free exponents forecast worse without such runs.
SHORT = 10.0

#: Up to about four epochs repeated tokens are worth nearly as much as new ones (Muennighoff et
#: al., arXiv 2305.16264).
EPOCHS = 4.0

#: How far beyond the sweep the coverage of the intervals has been tested.
TESTED_MULTIPLE = 4.0

#: Rise of the general loss, in nats, that ``recommend`` tolerates by default.
TOLERANCE = 0.02

#: Domain ratios from here on count as the end of what there is to sweep.
_NO_DOMAIN, _ALL_DOMAIN = 0.02, 0.95


def collinear(table: Table) -> Finding | None:
    """N and D grow together (fixed tokens per parameter), so neither exponent is identified."""
    points = table.ends[["n_params", "tokens"]].apply(np.log).round(6).drop_duplicates()
    if points["n_params"].nunique() < 2 or points["tokens"].nunique() < 2:
        return None
    correlation = float(np.corrcoef(points.to_numpy(), rowvar=False)[0, 1])
    if not abs(correlation) > COLLINEAR:
        return None
    return finding(
        "collinear-size-tokens", "warning", table.ends,
        f"Model size and tokens move together over the {len(points)} measured settings "
        f"(correlation of their logarithms {correlation:.3f}).",
        "Size and token exponents cannot be told apart: intervals grow about tenfold, and a "
        "target with other tokens per parameter is not covered (arXiv 2605.08541).",
        "Add runs that vary the tokens at a fixed size, at least two budgets a size.",
    )  # fmt: skip


def short_runs(table: Table) -> Finding | None:
    """Runs that end below ten tokens per parameter, pre-training included where it is known."""
    last = table.ends.loc[table.ends.groupby("run_id")["tokens"].idxmax()]
    seen = last["tokens"] + (last["base_tokens"].fillna(0) if "base_tokens" in last else 0)
    short = last[seen / last["n_params"] < SHORT]
    if short.empty:
        return None
    rows = table.ends[table.ends["run_id"].isin(short["run_id"])]
    return finding(
        "short-runs", "note", rows,
        f"{len(short)} of {len(last)} runs end below {SHORT:.0f} tokens per parameter "
        f"(the shortest at {float((seen / last['n_params']).min()):.2g}).",
        "Such runs may still be in the early bend of the curve. Leaving them out is no rule: it "
        "made forecasts of over-trained models worse by a factor of 1.7 to 2.5.",
        "Keep them; 'mixlaw fit' tries without them and says so where this table supports it. "
        "base_tokens says that a base model was pre-trained for long.",
    )  # fmt: skip


def replicates_missing(table: Table) -> Finding | None:
    """No setting was run twice, so the noise between runs is unknown."""
    cell = ["n_params", "tokens", "mixture", "eval_set"]
    cell += ["annealed"] if "annealed" in table.trained else []
    if table.trained.empty or table.trained.groupby(cell)["trunk"].nunique().max() > 1:
        return None
    return finding(
        "replicates-missing", "warning", table.trained,
        "No setting was run with a second seed.",
        "Noise between runs and lack of fit look the same: what a law misses is taken for noise, "
        "which averages out, and intervals are too narrow where it misses much.",
        "Repeat one or two cheap settings with another seed, best one per size.",
    )  # fmt: skip


def base_missing(table: Table) -> Finding | None:
    """Runs whose base model has no loss in the table (rows at tokens = 0)."""
    if not table.corpora or table.trained.empty:
        return None
    needed = pd.MultiIndex.from_frame(table.trained[["base", "eval_set"]])
    known = pd.MultiIndex.from_frame(table.base[["base", "eval_set"]])
    rows = table.trained[~needed.isin(known)]
    if rows.empty:
        return None
    bases = rows["base"].nunique()
    return finding(
        "base-missing", "warning", rows,
        f"{bases} of {table.trained['base'].nunique()} base models lack their loss before CPT "
        "(rows at tokens = 0) on some eval set.",
        "The rise of the general loss is unknown there, so anchored laws are not offered and the "
        "ratio depends on --base-general-loss.",
        "Evaluate each base model on the same eval sets and add the rows at tokens = 0.",
    )  # fmt: skip


def runs_missing(table: Table) -> Finding | None:
    """A small table lacks runs of the smallest sweep that answers."""
    general = table.ends[table.ends["eval_set"].isin(table.roles.general_sets)]
    if not table.domain_corpora or general.empty:
        return None
    settings = general.assign(ratio=table.roles.domain_ratio(general).round(6))
    runs = [Run(*run) for run in settings[["n_params", "tokens", "ratio"]].to_numpy(float)]
    if len(set(runs)) >= ENOUGH or not (missing := missing_runs(runs)):
        return None
    return finding(
        "runs-missing", "warning", general,
        f"{len(missing)} of the five runs of the smallest sweep that answers are missing.",
        "The share rests on what studies say more than on these runs, and its interval is wide; "
        "from one run alone no share is given.",
        f"Add {described(missing)}.",
    )  # fmt: skip


def unique_tokens_missing(table: Table) -> Finding | None:
    """The domain tokens seen may be repeats: the table does not say how many are distinct."""
    unknown = {
        corpus: table.trained
        if (column := UNIQUE_TOKENS + corpus) not in table.trained
        else table.trained[table.trained[column].isna()]
        for corpus in table.domain_corpora
    }
    missing = {corpus: rows for corpus, rows in unknown.items() if not rows.empty}
    if not missing:
        return None
    rows = pd.concat(missing.values())
    corpus = next(iter(missing))
    most = float((missing[corpus][SHARE + corpus] * missing[corpus]["tokens"]).max())
    return finding(
        "unique-tokens-missing", "note", rows.drop_duplicates(["run_id", "tokens", "eval_set"]),
        f"Up to {format_quantity(most)} tokens of '{corpus}' were seen, and unique_tokens.{corpus} "
        "does not say how many are distinct.",
        "Repeated tokens are worth less than new ones; proxies that repeat less or more often "
        "than the target chose ratios off by up to 0.75 (arXiv 2606.07597).",
        f"Add unique_tokens.{corpus}, and let the proxies repeat as often as the target will.",
    )  # fmt: skip


def repeated_tokens(table: Table) -> Finding | None:
    """A domain corpus was seen more often than laws without a repetition term allow."""
    for corpus in table.domain_corpora:
        if UNIQUE_TOKENS + corpus not in table.trained:
            continue
        seen = table.trained[SHARE + corpus] * table.trained["tokens"]
        epochs = seen / table.trained[UNIQUE_TOKENS + corpus]
        rows = table.trained[epochs > EPOCHS]
        if not rows.empty:
            return finding(
                "repeated-tokens", "warning", rows,
                f"'{corpus}' was repeated up to {float(epochs.max()):.3g} times in a run.",
                "Beyond about four epochs repeats lose their worth; a law without a repetition "
                "term takes that for an effect of the ratio.",
                "Fit without these rows, or match the target's epochs in every proxy.",
            )  # fmt: skip
    return None


def target_outside(table: Table) -> Finding | None:
    """The target lies outside the swept sizes, tokens or tokens per parameter."""
    setting = table.trained[["n_params", "tokens"]].copy()
    target = {name: table.target[name] for name in setting.columns if name in table.target}
    if not target or setting.empty:
        return None
    if len(target) == 2:
        setting["tokens_per_param"] = setting["tokens"] / setting["n_params"]
        target["tokens_per_param"] = target["tokens"] / target["n_params"]
    factors = {name: _beyond(setting[name], value) for name, value in target.items()}
    outside = {name: factor for name, factor in factors.items() if factor > 1}
    if not outside:
        return None
    listing = ", ".join(f"{name} by {format_factor(factor)}x" for name, factor in outside.items())
    worst = max(outside.values())
    return finding(
        "target-outside", "warning" if worst > TESTED_MULTIPLE else "note", setting.assign(
            run_id=table.trained["run_id"]
        ),
        f"The target lies outside the sweep: {listing}.",
        "The answer is an extrapolation; intervals were tested up to "
        f"{TESTED_MULTIPLE:.0f}x the largest size and the longest budget, not beyond.",
        "Sweep closer to the target, or hold the largest size out and see what the law misses.",
    )  # fmt: skip


def best_mixture_outside(table: Table) -> Finding | None:
    """The best ratio is not bracketed: it lies beyond the smallest or largest swept one."""
    losses = _losses_by_ratio(table)
    if losses is None:
        return None
    low, high = losses.index[0], losses.index[-1]
    good = (
        losses["rise"] <= TOLERANCE if "rise" in losses else losses["mean"] == losses["mean"].min()
    )
    if low > _NO_DOMAIN and (not good.any() if "rise" in losses else good.iloc[0]):
        edge, ratio = "smallest", low
    elif high < _ALL_DOMAIN and good.iloc[-1]:
        edge, ratio = "largest", high
    else:
        return None
    seen = (
        f"the general loss rises by {losses['rise'].loc[ratio]:.3f} nats over the base there"
        if "rise" in losses
        else "the mean of domain and general loss is lowest there"
    )
    rows = table.ends[np.isclose(table.roles.domain_ratio(table.ends), ratio)]
    return finding(
        "best-mixture-outside", "warning", rows,
        f"The best observed mixture is at the edge of the sweep, at the {edge} domain ratio "
        f"{ratio:.3g}: {seen}.",
        "The ratio asked for lies beyond the swept ones, where laws of equal fit disagree.",
        f"Add one or two ratios beyond {ratio:.3g}.",
    )  # fmt: skip


def _losses_by_ratio(table: Table) -> pd.DataFrame | None:
    """At the largest size: mean loss and, with base rows, rise of the general loss by ratio."""
    sets = [table.roles.domain_set, *table.roles.general_sets]
    ends = table.ends[table.ends["eval_set"].isin(sets)]
    if not table.domain_corpora or ends.empty or ends["eval_set"].nunique() < len(set(sets)):
        return None
    ends = ends[ends["n_params"] == ends["n_params"].max()]
    ends = ends.assign(ratio=table.roles.domain_ratio(ends).round(6))
    longest = ends[ends["tokens"] >= 0.99 * ends.groupby("ratio")["tokens"].transform("max")]
    losses = longest.pivot_table(index="ratio", columns="eval_set", values="loss").dropna()
    if len(losses) < 2 or len(losses.columns) < len(set(sets)):
        return None
    general = table.roles.general_loss(losses)
    result = pd.DataFrame({"mean": (losses[table.roles.domain_set] + general) / 2})
    base = table.base[table.base["base"].isin(longest["base"].unique())]
    levels = base.groupby("eval_set")["loss"].mean()
    if set(table.roles.general_sets) <= set(levels.index):
        result["rise"] = general - float(table.roles.general_loss(levels))
    return result


def _beyond(values: pd.Series, target: float) -> float:
    """By which factor a target lies outside the range of values; 1 inside."""
    return float(max(1.0, target / values.max(), values.min() / target))


CHECKS: tuple[Check, ...] = (
    collinear, short_runs, replicates_missing, base_missing, repeated_tokens, best_mixture_outside,
    target_outside, unique_tokens_missing, runs_missing,
)  # fmt: skip
