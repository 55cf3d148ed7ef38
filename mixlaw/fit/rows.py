"""From a runs table to what a law is fitted to: arrays by eval set, and what was left out and why.

A law of final loss takes annealed rows, a law of trajectories the rows of trunks. Rows of different
definitions are never mixed unasked, and no row leaves in silence.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mixlaw.errors import ConfigError, DataError, unknown_name
from mixlaw.fit.result import Status
from mixlaw.fit.thinning import thin
from mixlaw.laws import Array, Law
from mixlaw.roles import Roles
from mixlaw.runs import base_rows, corpora_of

#: Columns that say how a loss was defined or trained; one fit takes one value of each.
DEFINITIONS = ("schedule", "metric_version", "tokenizer", "recipe")


@dataclass(frozen=True)
class Rows:
    """The rows of one eval set that a law can take.

    Attributes:
        x: inputs of laws by name, as plain counts, each (n,); ``h`` is (n_corpora, n).
        loss: nats per token, shape (n,).
        loss_se: its standard error, shape (n,); zero where the table gives none.
        trunk: index of each row's trunk in ``Selection.trunks``, shape (n,).
    """

    x: Mapping[str, Array]
    loss: Array
    loss_se: Array
    trunk: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.loss)

    def where(self, mask: NDArray[np.bool_]) -> "Rows":
        """The rows of a mask, shape (n,)."""
        x = {name: values[..., mask] for name, values in self.x.items()}
        return Rows(x, self.loss[mask], self.loss_se[mask], self.trunk[mask])


@dataclass(frozen=True)
class Selection:
    """What of a table is fitted.

    Attributes:
        rows: rows by eval set.
        base: tokens = 0 rows by eval set.
        trunks: names of the trunks; rows point into it.
        corpora: corpora of the mixture.
        domain_corpora: those that count as domain.
        own: own corpus by eval set.
        left_out: rows that are not fitted, by reason.
        statuses: what the selection had to assume.
        checklist: facts about the rows that papers forget to report.
    """

    rows: dict[str, Rows]
    base: dict[str, Rows]
    trunks: tuple[str, ...]
    corpora: tuple[str, ...]
    domain_corpora: tuple[str, ...]
    own: dict[str, str]
    left_out: dict[str, int] = field(default_factory=dict)
    statuses: tuple[Status, ...] = ()
    checklist: dict[str, object] = field(default_factory=dict)


def select(
    frame: pd.DataFrame,
    law: Law,
    roles: Roles,
    eval_sets: Sequence[str] | None = None,
    mix: Sequence[str] = (),
) -> Selection:
    """Rows of a validated table for a law.

    Args:
        frame: from ``read_runs`` or ``validate_runs``.
        law: decides between annealed and trunk rows, and which zeros it can take.
        roles: domain and general eval sets and corpora.
        eval_sets: what to fit; default the domain and the general loss, or all without them.
        mix: columns of DEFINITIONS whose values may differ within the fit.

    Raises:
        ConfigError: ``mix`` names no definition.
        DataError: unknown eval set, mixed definitions, or nothing left to fit.
    """
    _refuse_unknown_roles(frame, roles)
    left_out: Counter[str] = Counter()
    left_out.update(frame.loc[frame["flag"] != "", "flag"].tolist())
    kept = with_general_loss(frame[frame["flag"] == ""], roles, left_out)
    wanted = _wanted(kept, roles, eval_sets)
    left_out["eval set not asked for"] += int((~kept["eval_set"].isin(wanted)).sum())
    kept = kept[kept["eval_set"].isin(wanted)]
    bases, trained = base_rows(kept), kept[kept["tokens"] > 0]
    trained, annealing = _annealing(trained, law, left_out)
    _refuse_mixed(trained, mix)
    trained = thin(trained.assign(_trunk=_trunk_names(trained)), left_out)
    corpora = corpora_of(frame)
    domain = domain_corpora(roles, corpora)
    trunks = tuple(sorted(set(trained["_trunk"])))
    number = {trunk: i for i, trunk in enumerate(trunks)}
    trained = trained.assign(_trunk=trained["_trunk"].map(number))
    rows = {}
    for name in wanted:
        every = _rows(trained[trained["eval_set"] == name], bases, name, roles, corpora, domain)
        if eval_sets is None and (lacking := [n for n in law.inputs if n not in every.x]):
            left_out[_lacks(name, lacking)] += len(every)
            continue
        fit = _admitted(every, law)
        left_out[f"outside the range of {law.name}"] += len(every) - len(fit)
        rows[name] = fit
    _refuse_empty(rows, left_out)
    return Selection(
        rows=rows,
        base={name: _base(bases[bases["eval_set"] == name]) for name in rows},
        trunks=trunks,
        corpora=corpora,
        domain_corpora=domain,
        own={n: c for n in rows if (c := roles.own_corpus(n, corpora)) is not None},
        left_out={reason: n for reason, n in left_out.items() if n},
        statuses=annealing,
        checklist=_checklist(trained, law),
    )


def only_where(frame: pd.DataFrame, where: Mapping[str, str]) -> pd.DataFrame:
    """The rows with these values; base rows were trained by nobody here and stay.

    Raises:
        DataError: there is no such column, or no row is left.
    """
    for column, wanted in where.items():
        if column not in frame.columns:
            raise DataError(unknown_name("column in this table", column, frame.columns))
        values = frame[column].map(_kind) if column == "schedule" else frame[column]
        same = values.map(lambda value, wanted=wanted: _equal(value, wanted))
        if not (same & (frame["tokens"] > 0)).any():
            raise DataError(f"No row has {column} = '{wanted}'; nothing is left to fit.")
        frame = frame[same | (frame["tokens"] == 0)]
    return frame


def _equal(value: object, text: str) -> bool:
    """Whether a cell is what a person wrote: 0, 0.0 and 0e0 are one number."""
    try:
        return float(str(value)) == float(text)
    except ValueError:
        return str(value).lower() == text.lower()


def with_general_loss(frame: pd.DataFrame, roles: Roles, left_out: Counter[str]) -> pd.DataFrame:
    """Several general sets become rows of one: their weighted loss per (run, tokens)."""
    if len(roles.general_sets) == 1:
        return frame
    missing = sorted(set(roles.general_sets) - set(frame["eval_set"]))
    if missing:
        raise DataError(unknown_name("eval set", missing[0], set(frame["eval_set"])))
    parts = frame[frame["eval_set"].isin(roles.general_sets)]
    weight = parts["eval_set"].map(dict(roles.general_sets))
    se = parts["loss_se"] if "loss_se" in parts else pd.Series(np.nan, index=parts.index)
    parts = parts.assign(loss=weight * parts["loss"], loss_se=(weight * se) ** 2)
    groups = parts.groupby(["run_id", "tokens"], sort=False)
    whole = groups["loss"].transform("size") == len(roles.general_sets)
    left_out["one of the general losses is missing"] += int((~whole).sum())
    parts = parts[whole]
    groups = parts.groupby(["run_id", "tokens"], sort=False)
    combined = groups.head(1).drop(columns=["loss", "loss_se"]).assign(eval_set=roles.general_set)
    sums = groups[["loss", "loss_se"]].sum(min_count=1).reset_index()
    sums["loss_se"] = np.sqrt(sums["loss_se"])
    return pd.concat([frame, combined.merge(sums, on=["run_id", "tokens"])], ignore_index=True)


def _refuse_unknown_roles(frame: pd.DataFrame, roles: Roles) -> None:
    """Eval sets that somebody named must be there; the usual names may be absent."""
    known, usual = set(frame["eval_set"]), Roles()
    for name in (roles.domain_set, *roles.general_sets, *roles.own):
        if name not in {*known, usual.domain_set, usual.general_set}:
            raise DataError(unknown_name("eval set in this table", name, known))


def _wanted(frame: pd.DataFrame, roles: Roles, eval_sets: Sequence[str] | None) -> list[str]:
    known = list(dict.fromkeys(frame["eval_set"]))
    if eval_sets:
        for name in eval_sets:
            if name not in known:
                raise DataError(unknown_name("eval set in this table", name, known))
        return list(eval_sets)
    usual = [name for name in (roles.domain_set, roles.general_set) if name in known]
    return usual if len(usual) == 2 else known


def _annealing(
    frame: pd.DataFrame, law: Law, left_out: Counter[str]
) -> tuple[pd.DataFrame, tuple[Status, ...]]:
    if "annealed" not in frame.columns:
        message = (
            "The table does not say which rows are annealed; all rows were used as given, and "
            "checkpoints of a decaying schedule would not be budgets."
        )
        return frame, (Status("annealing-unknown", message),)
    right = frame["annealed"] != law.trajectory
    if len(frame) and not right.any():
        have, want = ("trunk", "annealed") if not law.trajectory else ("annealed", "trunk")
        raise DataError(
            f"All {len(frame)} rows are {have} rows, and the law '{law.name}' describes {want} "
            f"rows; fit a law of {have} rows, or drop the column 'annealed' to use them as given."
        )
    reason = "annealed" if law.trajectory else "not annealed"
    left_out[f"{reason} (law '{law.name}')"] += int((~right).sum())
    return frame[right], ()


def _refuse_mixed(frame: pd.DataFrame, mix: Sequence[str]) -> None:
    for column in mix:
        if column not in DEFINITIONS:
            raise ConfigError(unknown_name("definition for --mix", column, DEFINITIONS))
    for column in DEFINITIONS:
        if column not in frame.columns or column in mix:
            continue
        values = frame[column].map(_kind) if column == "schedule" else frame[column]
        found = sorted(set(values) - {""})
        if len(found) > 1:
            raise DataError(
                f"The rows have {len(found)} values of '{column}' ({', '.join(found[:3])}), and "
                "losses of different definitions are not mixed unasked; filter the table "
                f"(--where {column}={found[0]}) or allow it (--mix {column})."
            )


def _kind(schedule: str) -> str:
    """Kind of a schedule given as JSON; other text stands for itself."""
    try:
        return str(json.loads(schedule)["kind"])
    except (ValueError, KeyError, TypeError):
        return schedule


def _trunk_names(frame: pd.DataFrame) -> pd.Series:
    if "trunk_id" not in frame.columns:
        return frame["run_id"]
    return frame["trunk_id"].mask(frame["trunk_id"] == "", frame["run_id"])


def domain_corpora(roles: Roles, corpora: tuple[str, ...]) -> tuple[str, ...]:
    """Domain corpora of this mixture; none where the table has no such corpus and nobody asked."""
    if not corpora:
        return ()
    try:
        return roles.domain_corpora_in(corpora)
    except DataError:
        if roles.domain_corpora != Roles().domain_corpora:
            raise
        return ()


def _rows(
    frame: pd.DataFrame,
    bases: pd.DataFrame,
    eval_set: str,
    roles: Roles,
    corpora: tuple[str, ...],
    domain: tuple[str, ...],
) -> Rows:
    x = {"N": _numbers(frame["n_params"]), "D": _numbers(frame["tokens"])}
    if corpora:
        x["h"] = np.stack([_numbers(frame[f"share.{c}"]) for c in corpora])
    if domain:
        x["R"] = x["h"][[corpora.index(c) for c in domain]].sum(axis=0)
    if domain or roles.own_corpus(eval_set, corpora):
        share = roles.own_share(eval_set, frame)
        if share is not None:
            x["r"] = _numbers(share)
    base_loss = _base_loss(frame, bases[bases["eval_set"] == eval_set])
    if base_loss is not None:
        x["L0"] = base_loss
    return Rows(x, _numbers(frame["loss"]), _standard_error(frame), frame["_trunk"].to_numpy())


def _base_loss(frame: pd.DataFrame, bases: pd.DataFrame) -> Array | None:
    """Base loss of every row, by base_id where there is one, else by size; None if one lacks it."""
    identity, known = _identity(frame), dict(zip(_identity(bases), bases["loss"], strict=True))
    loss = identity.map(known)
    by_size = frame["n_params"].map(dict(zip(bases["n_params"], bases["loss"], strict=True)))
    loss = loss.fillna(by_size)
    return None if len(loss) == 0 or loss.isna().any() else _numbers(loss)


def _identity(frame: pd.DataFrame) -> pd.Series:
    size = frame["n_params"].astype(str)
    if "base_id" not in frame.columns:
        return size
    return frame["base_id"].mask(frame["base_id"] == "", size)


def _base(frame: pd.DataFrame) -> Rows:
    frame = frame.assign(_id=_identity(frame)).drop_duplicates("_id")
    x = {"N": _numbers(frame["n_params"]), "D": np.ones(len(frame))}
    return Rows(x, _numbers(frame["loss"]), _standard_error(frame), np.arange(len(frame)))


def _standard_error(frame: pd.DataFrame) -> Array:
    if "loss_se" not in frame.columns:
        return np.zeros(len(frame))
    return _numbers(frame["loss_se"].fillna(0.0))


def _admitted(rows: Rows, law: Law) -> Rows:
    present: dict[str, Array] = {n: rows.x[n] for n in law.inputs if n in rows.x}
    if not len(rows) or not present:
        return rows
    known = replace(law, needs_positive=tuple(n for n in law.needs_positive if n in present))
    return rows.where(known.admits(present))


def _lacks(name: str, lacking: Sequence[str]) -> str:
    """Why an eval set is left out, with what would mend it."""
    if "r" in lacking or "R" in lacking:
        return (
            f"nothing says whose loss '{name}' is (--domain-set, --general-set, "
            f"--domain-corpora, --own {name}=CORPUS)"
        )
    if "L0" in lacking:
        return f"no base loss of '{name}' (rows at 0 tokens)"
    return f"no {', '.join(lacking)} for '{name}'"


def _refuse_empty(rows: Mapping[str, Rows], left_out: Counter[str]) -> None:
    empty = [f"of '{name}' " for name, fitted in rows.items() if not len(fitted)]
    if empty or not rows:
        reasons = "; ".join(f"{n} rows: {reason}" for reason, n in left_out.items() if n)
        raise DataError(
            f"No rows {(empty or [''])[0]}are left to fit ({reasons or 'none with tokens > 0'})."
        )


def _checklist(frame: pd.DataFrame, law: Law) -> dict[str, object]:
    """What papers forget to report about their points (arXiv 2502.18969)."""
    points = frame.groupby(["run_id", "eval_set"])["tokens"].size()
    return {
        "n_params": "non-embedding parameters, as the table's n_params column gives them",
        "flops": "as measured in the table" if "flops" in frame else "not used by the laws",
        "checkpoints": f"{'trunk' if law.trajectory else 'annealed'} rows"
        if "annealed" in frame
        else "all rows as given: the table does not say which are annealed",
        "checkpoints_per_run": [int(points.min()), int(points.max())] if len(points) else [0, 0],
        "seeds": int(frame["seed"].nunique()) if "seed" in frame else None,
        "schedules": sorted({_kind(s) for s in frame["schedule"]} - {""})
        if "schedule" in frame
        else [],
    }


def _numbers(column: pd.Series) -> Array:
    return column.to_numpy(dtype=float)
