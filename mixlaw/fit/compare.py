"""Laws side by side: what each says about the same rows that it did not see.

Every law is fitted to the same rows and held against the same splits; a law that needs what the
table lacks, or has no finite value on one of the rows, is not offered, with the reason. The score
of a law is in relative loss: the geometric mean over the splits of its mean absolute error, so that
no split drowns the others, plus the ratio regret, the loss given away by running the mixture that
the law prefers instead of the best one measured.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mixlaw import laws, plugins
from mixlaw.fit import shapes
from mixlaw.fit.held_out import Forecast, forecasts_of_sets
from mixlaw.fit.law_fit import SIZES, levels
from mixlaw.fit.row_fit import Settings
from mixlaw.fit.selection import Rows, Selection
from mixlaw.laws import Array, Law
from mixlaw.result.inputs import with_columns

#: Why a law without inputs is held against the rows, and is in no stack.
NO_INPUTS = "a baseline"
#: Added to relative errors, so that one far below the noise of any evaluation is no merit.
EXACT = 1e-4


@dataclass(frozen=True)
class Compared:
    """One law beside the others on one eval set.

    Attributes:
        law: the law.
        forecasts: by split.
        regret: mean ratio regret over the splits that measured several mixtures; nan if none did.
        note: why the law is not in the stack, if so.
    """

    law: Law
    forecasts: Mapping[str, Forecast] = field(default_factory=dict)
    regret: float = float("nan")
    note: str = ""

    @property
    def error(self) -> float:
        """Geometric mean over the splits of the mean absolute error."""
        errors = [np.mean(np.abs(f.error)) + EXACT for f in self.forecasts.values()]
        return float(np.exp(np.mean(np.log(errors)))) if errors else 0.0

    @property
    def score(self) -> float:
        """The error, plus the ratio regret."""
        return self.error + (0.0 if np.isnan(self.regret) else self.regret)

    @property
    def complete(self) -> bool:
        """Whether every held-out row has a prediction."""
        return not self.note and all(
            np.isfinite(f.predicted).all() for f in self.forecasts.values()
        )

    def on(self, splits: Collection[str]) -> "Compared":
        """The law on these splits alone."""
        kept = {split: f for split, f in self.forecasts.items() if split in splits}
        return replace(self, forecasts=kept)


def named(names: Sequence[str]) -> tuple[Law, ...]:
    """These laws, without two names for one formula."""
    return _distinct([laws.load(name) for name in names])


def candidates(selection: Selection) -> tuple[Law, ...]:
    """The installed laws that are worth comparing on these rows.

    On a mixture those that know no share are not; nor, with two corpora, those of all shares, if
    every eval set has a share of its own, which says the same.
    """
    every = [laws.load(name) for name in plugins.available("laws")]
    rows = list(selection.rows.values())
    mixed = bool(selection.corpora)
    pair = len(selection.corpora) == 2 and all("r" in of_set.x for of_set in rows)
    return _distinct(
        [
            law
            for law in every
            if law.candidate
            and (not mixed or not law.inputs or bool({"r", "R", "h"} & set(law.inputs)))
            and not (pair and "h" in law.inputs)
        ]
    )


def _distinct(every: Sequence[Law]) -> tuple[Law, ...]:
    first: dict[str, Law] = {}
    for law in every:
        first.setdefault(law.formula, law)
    return tuple(first.values())


def compare(
    selection: Selection, laws_: Sequence[Law], settings: Settings
) -> dict[str, dict[str, Compared]]:
    """Every law on every eval set, by eval set and name.

    Args:
        selection: rows that every law may see, the same for all.
        laws_: candidates.
        settings: how they are fitted.
    """
    compared: dict[str, dict[str, Compared]] = {name: {} for name in selection.rows}
    for law in laws_:
        for name, of_law in _compared(law, selection.rows, settings).items():
            compared[name][law.name] = of_law
    best = {name: _best_forecasts(by_law) for name, by_law in compared.items()}
    for name, by_law in compared.items():
        for known_as, c in by_law.items():
            beside = {**best, name: c.forecasts}
            by_law[known_as] = replace(c, regret=ratio_regret(selection.rows, beside))
    return compared


def _best_forecasts(by_law: Mapping[str, Compared]) -> Mapping[str, Forecast]:
    """Forecasts of the law with the least error, of those that answer the most splits.

    A mixture is chosen by the losses of all eval sets, and each may have a law of its own: a law of
    one of them is held against the choice that it leads to beside the best law of the others.
    """
    answered = [
        c.on([split for split, f in c.forecasts.items() if np.isfinite(f.predicted).all()])
        for c in by_law.values()
        if not c.note
    ]
    usable = [c for c in answered if c.forecasts]
    return min(usable, key=lambda c: (-len(c.forecasts), c.error)).forecasts if usable else {}


def not_offered(law: Law, rows: Rows) -> str:
    """Why a law cannot be fitted to these rows; empty if it can."""
    lacking = [name for name in law.inputs if name not in rows.x]
    if lacking:
        return f"needs {with_columns(lacking)}, which the rows lack"
    if not law.inputs:
        return NO_INPUTS
    if "U" in law.inputs and not np.isfinite(rows.x["U"]).any():
        return "is about repeated tokens, and no run repeats its own corpus"
    if law.per_size and len(levels(rows.x["N"])) >= SIZES:
        return "describes one size at a time, while the table has several to extrapolate from"
    if not law.admits(rows.x).all():
        return "has no finite value on some of the rows"
    return ""


def _compared(law: Law, rows: Mapping[str, Rows], settings: Settings) -> dict[str, Compared]:
    """One law by eval set."""
    reasons = {name: not_offered(law, of_set) for name, of_set in rows.items()}
    offered = {name: rows[name] for name, why in reasons.items() if why in ("", NO_INPUTS)}
    forecasts = forecasts_of_sets(law, offered, settings)
    return {name: Compared(law, forecasts.get(name, {}), note=why) for name, why in reasons.items()}


def ratio_regret(
    rows: Mapping[str, Rows], forecasts_of: Mapping[str, Mapping[str, Forecast]]
) -> float:
    """Loss given away by the mixtures that forecasts prefer, relative; nan if nothing was chosen.

    A choice is made at every held-out (size, tokens) with several mixtures; the loss is the mean
    log loss over the eval sets.
    """
    splits = (
        set.intersection(*(set(by_split) for by_split in forecasts_of.values()))
        if forecasts_of
        else set()
    )
    regrets = [
        _regrets(rows, {name: forecasts_of[name][split] for name in forecasts_of})
        for split in splits
    ]
    every = [regret for by_split in regrets for regret in by_split]
    return float(np.mean(every)) if every else float("nan")


def _regrets(rows: Mapping[str, Rows], split: Mapping[str, Forecast]) -> Array:
    """Regret of the choice at every (size, tokens) of one split, shape (n_choices,)."""
    keys, measured, predicted = [], [], []
    for name, forecast in split.items():
        held = rows[name].where(forecast.mask)
        if "h" not in held.x:
            return np.empty(0)
        setting = np.stack([np.log(held.x["N"]), np.log(held.x["D"]), *held.x["h"]])
        keys.append(np.round(setting, 3))
        measured.append(np.log(forecast.measured))
        predicted.append(np.log(np.where(forecast.predicted > 0, forecast.predicted, np.nan)))
    setting, index = np.unique(np.concatenate(keys, axis=1), axis=1, return_inverse=True)
    count = np.bincount(index.ravel())
    true = np.bincount(index.ravel(), np.concatenate(measured)) / count
    expected = np.bincount(index.ravel(), np.concatenate(predicted)) / count
    # A replicate counts again for every eval set; a mixture without one of the sets is no choice.
    whole = np.isfinite(expected) & (count % len(split) == 0) & (count > 0)
    cell = np.unique(setting[:2], axis=1, return_inverse=True)[1].ravel()
    regrets = []
    for c in range(cell.max() + 1):
        here = np.flatnonzero((cell == c) & whole)
        if len(here) > 1:
            regrets.append(true[here[np.argmin(expected[here])]] - true[here].min())
    return np.array(regrets)


def rows_for(selection: Selection, law: Law, eval_set: str) -> Rows:
    """The rows that a law is finally fitted to: without edges that it cannot describe."""
    return shapes.without_rising_edges(selection, law).rows[eval_set]
