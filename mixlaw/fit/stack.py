"""Which laws a fit consists of, and their weights: one by name, or a stack of several.

Stacking weights are those that would have predicted the held-out rows best: non-negative, summing
to one, every split counting alike. With few runs they say little, so they are drawn towards equal
weights (Yao et al. 2018 stack by held-out error; the shrinkage is ours). Laws that miss by half as
much again as the best one do not take part.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from mixlaw import laws
from mixlaw.errors import FitError
from mixlaw.fit import shapes
from mixlaw.fit.compare import EXACT, Compared, candidates, compare, named, rows_for
from mixlaw.fit.discrepancy import out_of_range
from mixlaw.fit.held_out import Forecast, document, forecasts, held_out
from mixlaw.fit.law_fit import LawFit, fit_law
from mixlaw.fit.row_fit import Settings
from mixlaw.fit.selection import Selection, select
from mixlaw.laws import Array, Law, Takes
from mixlaw.roles import Roles

#: Name of a stack: as the law to fit, and in a saved fit.
AUTO = "auto"
#: Laws whose score is within this factor of the best one take part: conventional.
WITHIN = 1.5
#: Runs at which held-out errors and equal weights count alike: conventional.
FEW_RUNS = 20
#: Least weight of a law, for the time that its refits take: conventional.
LEAST_WEIGHT = 0.02


@dataclass(frozen=True)
class Choice:
    """Laws fitted to the rows of every eval set, with their weights.

    Attributes:
        law: the name of the law, or AUTO.
        selection: the rows.
        fits: by eval set and law, the heaviest first.
        weights: the same, summing to one.
        forecasts: of the weighted laws by eval set and split.
        compared: every law beside the others, by eval set; empty for one law by name.
    """

    law: str
    selection: Selection
    fits: Mapping[str, Mapping[str, LawFit]]
    weights: Mapping[str, Mapping[str, float]]
    forecasts: Mapping[str, Mapping[str, Forecast]]
    compared: Mapping[str, Mapping[str, Compared]] = field(default_factory=dict)

    @property
    def leading(self) -> dict[str, LawFit]:
        """The heaviest law of every eval set."""
        return {name: next(iter(by_law.values())) for name, by_law in self.fits.items()}

    @property
    def n_trunks(self) -> int:
        """Number of trunks, with those of the base models where a law was fitted to these too."""
        fits = (fit for by_law in self.fits.values() for fit in by_law.values())
        return max(len(self.selection.trunks), *(fit.n_trunks for fit in fits))

    def beyond(self) -> dict[str, dict[str, float]]:
        """Widening out of range by eval set, as ``out_of_range.learn`` gives it."""
        return {
            name: out_of_range.learn(self.selection.rows[name], self.forecasts[name])
            for name in self.leading
        }


def single_law(
    frame: pd.DataFrame,
    law: Law,
    roles: Roles,
    eval_sets: Sequence[str] | None,
    mix: Sequence[str],
    constraints: Sequence[str],
) -> Choice:
    """One law, given by name, with all the weight."""
    selection = shapes.without_rising_edges(select(frame, law, roles, eval_sets, mix), law)
    settings = Settings(selection.corpora, tuple(constraints))
    return Choice(
        law.name,
        selection,
        {name: {law.name: fit_law(law, rows, settings)} for name, rows in selection.rows.items()},
        {name: {law.name: 1.0} for name in selection.rows},
        {name: forecasts(law, rows, settings) for name, rows in selection.rows.items()},
    )


def auto(
    frame: pd.DataFrame,
    roles: Roles,
    eval_sets: Sequence[str] | None,
    mix: Sequence[str],
    names: Sequence[str] | None = None,
) -> Choice:
    """The stack of all laws that describe these rows, or of those named.

    Laws of final losses are compared on annealed rows; laws of trajectories take part where the
    table has trunk rows only, or does not tell the two apart.

    Raises:
        FitError: no law can be fitted and held against held-out rows.
    """
    known = "annealed" in frame.columns
    trunks = known and not frame.loc[frame["tokens"] > 0, "annealed"].any()
    kind: Takes = "trunk" if trunks else "ends"
    # Rows are selected for no law in particular: any that are of the kind compared.
    anything = replace(laws.load("constant"), name=AUTO, takes=kind)
    selection = select(frame, anything, roles, eval_sets, mix)
    every = named(names) if names else candidates(selection)
    offered = [law for law in every if not known or law.takes in (kind, "all")]
    if not offered:
        raise FitError("None of these laws describes the kind of rows that this table has.")
    compared = compare(selection, offered, Settings(selection.corpora))
    other = {
        law.name: Compared(law, note=f"describes {'annealed' if trunks else 'trunk'} rows")
        for law in every
        if law not in offered
    }
    n_runs = len(selection.trunks)
    weights = {name: stack_weights(by_law, n_runs) for name, by_law in compared.items()}
    fits = {
        name: {law: _fit_all(selection, compared[name][law].law, name) for law in by_law}
        for name, by_law in weights.items()
    }
    return Choice(
        AUTO,
        selection,
        fits,
        weights,
        {name: stacked_forecasts(compared[name], by_law) for name, by_law in weights.items()},
        {name: {**by_law, **other} for name, by_law in compared.items()},
    )


def _fit_all(selection: Selection, law: Law, eval_set: str) -> LawFit:
    """A law fitted to all the rows that it can describe."""
    return fit_law(law, rows_for(selection, law, eval_set), Settings(selection.corpora))


def stack_weights(compared: Mapping[str, Compared], runs: int) -> dict[str, float]:
    """Weights of the laws that take part, heaviest first.

    Args:
        compared: the laws on one eval set.
        runs: number of independent runs.

    Raises:
        FitError: no law has a prediction for every held-out row.
    """
    answered = {
        split
        for c in compared.values()
        if not c.note
        for split, forecast in c.forecasts.items()
        if np.isfinite(forecast.predicted).all()
    }
    # A split that no law can answer, such as the larger of two sizes, tells none from another.
    answerable = {name: c.on(answered) for name, c in compared.items()}
    complete = {name: c for name, c in answerable.items() if c.complete}
    if not answered or not complete:
        reasons = "; ".join(f"{name}: {c.note}" for name, c in compared.items() if c.note)
        reasons = reasons or "one level of every setting leaves nothing to hold out"
        raise FitError(f"No law can be compared on these rows ({reasons}); name one with --law.")
    best = min(c.score for c in complete.values())
    usable = {name: c for name, c in complete.items() if not c.score > WITHIN * best}
    trust = runs / (runs + FEW_RUNS)
    weights = trust * held_out_weights(list(usable.values())) + (1 - trust) / len(usable)
    weights = np.where(weights < LEAST_WEIGHT, 0.0, weights)
    pairs = zip(usable, weights / weights.sum(), strict=True)
    return dict(sorted(((n, float(w)) for n, w in pairs if w > 0), key=lambda pair: -pair[1]))


def held_out_weights(usable: Sequence[Compared]) -> Array:
    """Non-negative weights, summing to one, that minimise the squared error over all splits."""
    from scipy.optimize import nnls

    splits = usable[0].forecasts
    if not splits or len(usable) == 1:
        return np.full(len(usable), 1 / len(usable))
    errors = np.concatenate([_split_errors(usable, split) for split in splits])
    # Weights that sum to one turn the error of the mean into the mean of the errors; the sum is
    # imposed by a row that outweighs the others.
    heavy = 1e3 * max(float(np.abs(errors).max()), 1e-12)
    target = np.append(np.zeros(len(errors)), heavy)
    weights = nnls(np.vstack([errors, np.full(len(usable), heavy)]), target)[0]
    return np.asarray(weights / weights.sum())


def _split_errors(usable: Sequence[Compared], split: str) -> Array:
    """Errors of one split (n, K), in units of what the best law reaches there."""
    errors = np.stack([c.forecasts[split].error for c in usable], axis=1)
    best = np.sqrt(np.mean(errors**2, axis=0)).min() + EXACT
    return np.asarray(errors / best / np.sqrt(len(errors)))


def stacked_forecasts(
    compared: Mapping[str, Compared], weights: Mapping[str, float]
) -> dict[str, Forecast]:
    """Forecasts of the weighted mean of the laws."""
    first = compared[next(iter(weights))].forecasts
    return {split: _mean(compared, weights, split) for split in first}


def _mean(compared: Mapping[str, Compared], weights: Mapping[str, float], split: str) -> Forecast:
    every = [(weight, compared[law].forecasts[split]) for law, weight in weights.items()]
    return replace(
        every[0][1],
        predicted=np.sum([weight * f.predicted for weight, f in every], axis=0),
        fits=tuple((weight, fit) for weight, f in every for _, fit in f.fits),
        note="",
    )


def compared_document(choice: Choice) -> dict[str, dict[str, Any]]:
    """Every law's scores, weight and note, as JSON."""
    return {
        name: {
            law: {
                "weight": choice.weights[name].get(law, 0.0),
                "regret": c.regret,
                "note": c.note or ("" if c.complete else "has no prediction for some rows"),
                "splits": document(held_out(c.forecasts)),
            }
            for law, c in by_law.items()
        }
        for name, by_law in choice.compared.items()
    }
