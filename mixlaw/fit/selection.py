"""From a runs table to what a law is fitted to: arrays by eval set, and what was left out and why.

A law of final loss takes annealed rows, a law of trajectories the rows of trunks. Rows of different
definitions are mixed on request only, and every row left out is counted with its reason.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mixlaw.errors import DataError, unknown_name
from mixlaw.fit.base_rows import base_inputs
from mixlaw.fit.checklist import of_points
from mixlaw.fit.definitions import refuse_mixed, training_of_the_largest, with_lr_ratio
from mixlaw.fit.thinning import thin
from mixlaw.laws import Array, Law
from mixlaw.result.inputs import (
    MixtureRoles,
    RowSettings,
    law_inputs,
    training_columns,
    with_columns,
)
from mixlaw.result.types import Status
from mixlaw.roles import Roles
from mixlaw.runs.table import SHARE, base_rows, corpora_of, read_runs, validate_runs
from mixlaw.runs.views import (
    base_identity,
    domain_corpora,
    trunk_names,
    with_general_loss,
)


@dataclass(frozen=True)
class Rows:
    """The rows of one eval set that a law can take.

    Attributes:
        x: inputs of laws by name, as plain counts, each (n,); ``h`` is (n_corpora, n).
        loss: nats per token, shape (n,).
        loss_se: its standard error, shape (n,); zero where the table gives none.
        trunk: index of each row's trunk in ``Selection.trunks``, shape (n,).
        bases: rows of the base models that the runs started from, for laws that describe these too;
            their trunks have the numbers after those of the runs.
    """

    x: Mapping[str, Array]
    loss: Array
    loss_se: Array
    trunk: NDArray[np.intp]
    bases: "Rows | None" = None

    def __len__(self) -> int:
        return len(self.loss)

    def where(self, mask: NDArray[np.bool_]) -> "Rows":
        """The rows of a mask, shape (n,), and the bases of their sizes."""
        x = {name: values[..., mask] for name, values in self.x.items()}
        bases = self.bases and self.bases.where(np.isin(self.bases.x["N"], x["N"]))
        return Rows(x, self.loss[mask], self.loss_se[mask], self.trunk[mask], bases)

    def described_by(self, law: Law) -> "Rows":
        """The rows to fit a law to: with the base models where it describes these too.

        A law that starts from the base's loss says nothing about it.
        """
        if self.bases is None or law.takes != "all" or "L0" in law.inputs:
            return self
        bases = self.bases
        if set(law.inputs) - set(bases.x) or not law.admits(bases.x).all():
            return self

        def joined(of_runs: Array, of_bases: Array) -> Array:
            return np.concatenate([of_runs, of_bases], axis=-1)

        return Rows(
            {name: joined(self.x[name], values) for name, values in bases.x.items()},
            joined(self.loss, bases.loss),
            joined(self.loss_se, bases.loss_se),
            np.concatenate([self.trunk, bases.trunk]),
        )


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
        assumes: how a target is trained, as ``FitRecord.assumes``.
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
    assumes: dict[str, Any] = field(default_factory=dict)
    checklist: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class GivenTable:
    """A validated runs table and its origin.

    Attributes:
        frame: the table, as ``validate_runs`` returns it.
        source: path that it was read from; empty for a table in memory.
        sha256: of the file, or of a table in memory written as CSV.
    """

    frame: pd.DataFrame
    source: str
    sha256: str

    @classmethod
    def of(cls, runs: pd.DataFrame | str | Path) -> "GivenTable":
        """Validate a table in memory, or read one.

        Raises:
            DataError: the file is missing, or the table breaks a rule of runs tables.
        """
        if isinstance(runs, pd.DataFrame):
            frame = validate_runs(runs)
            return cls(frame, "", hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest())
        frame = read_runs(runs)
        return cls(frame, str(runs), hashlib.sha256(Path(runs).read_bytes()).hexdigest())


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
        mix: columns of ``definitions.DEFINITIONS`` whose values may differ within the fit.

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
    refuse_mixed(trained, mix)
    trained = with_lr_ratio(trained, bases)
    trained = thin(trained.assign(_trunk=trunk_names(trained)), left_out)
    corpora = corpora_of(frame)
    domain = domain_corpora(roles, corpora)
    trained, trunks = _numbered(trained)
    rows = {}
    for name in wanted:
        counted = MixtureRoles(corpora, domain, roles.own_corpus(name, corpora), roles.side(name))
        base = bases[bases["eval_set"] == name]
        every = _rows(trained[trained["eval_set"] == name], base, counted)
        if eval_sets is None and (lacking := [n for n in law.inputs if n not in every.x]):
            left_out[_lacks(name, lacking)] += len(every)
            continue
        fit = replace(_admitted(every, law), bases=_as_rows(base, every, len(trunks)))
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
        assumes=training_of_the_largest(trained, corpora),
        checklist=of_points(trained, law),
    )


def _numbered(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The rows with numbers for the names of their trunks, and the names."""
    trunks = tuple(sorted(set(frame["_trunk"])))
    number = {trunk: i for i, trunk in enumerate(trunks)}
    return frame.assign(_trunk=frame["_trunk"].map(number)), trunks


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
    if law.takes == "all":
        return frame, ()
    trunk = law.takes == "trunk"
    right = frame["annealed"] != trunk
    if len(frame) and not right.any():
        have, want = ("annealed", "trunk") if trunk else ("trunk", "annealed")
        raise DataError(
            f"All {len(frame)} rows are {have} rows, and the law '{law.name}' describes {want} "
            f"rows; fit a law of {have} rows, or drop the column 'annealed' to use them as given."
        )
    reason = "annealed" if trunk else "not annealed"
    left_out[f"{reason} (law '{law.name}')"] += int((~right).sum())
    return frame[right], ()


def _rows(frame: pd.DataFrame, bases: pd.DataFrame, roles: MixtureRoles) -> Rows:
    """The rows of one eval set, with every input of laws that the table has."""
    shares = [f"{SHARE}{corpus}" for corpus in roles.corpora]
    optional = [c for c in training_columns(roles.corpora) if c in frame.columns]
    columns = ("n_params", "tokens", *shares, *optional)
    settings = RowSettings({c: _numbers(frame[c]) for c in columns}, roles)
    base_loss = _base_loss(frame, bases)
    if base_loss is not None:
        settings = settings.with_base_loss(base_loss)
    trunk = frame["_trunk"].to_numpy()
    return Rows(law_inputs(settings), _numbers(frame["loss"]), _standard_error(frame), trunk)


def _base_loss(frame: pd.DataFrame, bases: pd.DataFrame) -> Array | None:
    """Base loss of every row, by base_id where there is one, else by size; None if one lacks it."""
    identity, known = (
        base_identity(frame),
        dict(zip(base_identity(bases), bases["loss"], strict=True)),
    )
    loss = identity.map(known)
    by_size = frame["n_params"].map(dict(zip(bases["n_params"], bases["loss"], strict=True)))
    loss = loss.fillna(by_size)
    return None if len(loss) == 0 or loss.isna().any() else _numbers(loss)


def _base(frame: pd.DataFrame) -> Rows:
    frame = frame.assign(_id=base_identity(frame)).drop_duplicates("_id")
    x = {"N": _numbers(frame["n_params"]), "D": np.ones(len(frame))}
    return Rows(x, _numbers(frame["loss"]), _standard_error(frame), np.arange(len(frame)))


def _as_rows(frame: pd.DataFrame, runs: Rows, first_trunk: int) -> Rows | None:
    """The base models of an eval set as rows, each a trunk of its own; None without any."""
    frame = frame[frame["n_params"].isin(runs.x["N"])]
    frame = frame.assign(_id=base_identity(frame)).drop_duplicates("_id").sort_values("_id")
    if frame.empty:
        return None
    x, trunk = base_inputs(frame, runs.x), first_trunk + np.arange(len(frame))
    return Rows(x, _numbers(frame["loss"]), _standard_error(frame), trunk)


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
    return f"no {with_columns(lacking)} for '{name}'"


def _refuse_empty(rows: Mapping[str, Rows], left_out: Counter[str]) -> None:
    empty = [f"of '{name}' " for name, fitted in rows.items() if not len(fitted)]
    if empty or not rows:
        reasons = "; ".join(f"{n} rows: {reason}" for reason, n in left_out.items() if n)
        raise DataError(
            f"No rows {(empty or [''])[0]}are left to fit ({reasons or 'none with tokens > 0'})."
        )


def _numbers(column: pd.Series) -> Array:
    return column.to_numpy(dtype=float)
