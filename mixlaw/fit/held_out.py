"""Held-out error: what a law says about larger sizes, longer budgets and edge ratios it never saw.

The splits are extrapolations, never random rows: random rows are interpolated by any flexible law
and say nothing about the question (arXiv 2605.08541).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from mixlaw.errors import FitError
from mixlaw.fit.law_fit import SIZES, LawFit, joined, levels, slices
from mixlaw.fit.row_fit import DEFAULT, Part, Settings, fit_parts
from mixlaw.fit.selection import Rows
from mixlaw.fit.solver.search import REFIT_STEPS, REFIT_TOLERANCE
from mixlaw.laws import Array, Law
from mixlaw.quantities import SAME_LEVEL

#: Budgets over this part of the longest are held out with it: the last checkpoint of a dense trunk
#: is so short a step that a wrong law passes it, and then misses at twice the budget.
LONGEST = 0.5
#: With more sizes and budgets than this, neither is a level of a grid: conventional.
MANY = 12
#: Where there are many sizes and budgets, runs within this factor of the most compute are held out.
COMPUTE = 4.0
#: Starts of the search in a split: fewer than in a fit, since every law is fitted to every split.
N_STARTS = 32
#: Starts that are polished in a split: on simulated sweeps more change its errors by about 1%.
N_POLISH = 2
#: Mixtures are equal when no share differs by more than this, the rounding of published shares.
SAME_SHARE = 1e-3


@dataclass(frozen=True)
class Score:
    """Error on held-out rows.

    Attributes:
        n: rows that could be predicted.
        error: mean relative error, absolute.
        bias: mean relative error, signed (predicted minus measured).
        note: what had to be assumed, or why there is no number.
    """

    n: int
    error: float
    bias: float
    note: str = ""

    @classmethod
    def of(cls, predicted: Array, measured: Array, note: str = "") -> "Score":
        """Score of the rows that have a finite prediction."""
        relative = predicted / measured - 1
        relative = relative[np.isfinite(relative)]
        if not len(relative):
            return cls(0, float("nan"), float("nan"), note)
        return cls(len(relative), float(np.abs(relative).mean()), float(relative.mean()), note)


@dataclass(frozen=True)
class Forecast:
    """What was predicted for the rows of a split.

    Attributes:
        mask: which rows were held out, shape (n_rows,); n of them are.
        predicted: their losses as predicted, nan where there is no prediction, shape (n,).
        measured: their losses, shape (n,).
        note: what had to be assumed, or why there is no number.
        fits: the fits that made them, each with its weight.
    """

    mask: NDArray[np.bool_]
    predicted: Array
    measured: Array
    note: str = ""
    fits: tuple[tuple[float, LawFit], ...] = ()

    @property
    def error(self) -> Array:
        """Relative errors, shape (n,)."""
        return np.asarray(self.predicted / self.measured - 1)


def splits(rows: Rows) -> dict[str, NDArray[np.bool_]]:
    """Masks of the held-out rows, shape (n_rows,), by the name of the split.

    Sizes, budgets and shares that differ by rounding (0.1%, and 1e-9 of share) are one level.
    """
    sizes = levels(rows.x["N"])
    masks = {"largest-size": rows.x["N"] >= sizes[-1] * 0.999} if len(sizes) > 1 else {}
    budgets = levels(rows.x["D"])
    if len(budgets) > 1:
        masks["longest-budget"] = rows.x["D"] > budgets[-1] * LONGEST * 1.001
    if min(len(sizes), len(budgets)) > MANY:
        # Sizes and budgets that follow from compute: neither alone says how far a run reaches.
        compute = rows.x["N"] * rows.x["D"]
        masks["largest-compute"] = compute >= compute.max() / COMPUTE
    share = rows.x.get("R", rows.x.get("r"))
    if share is not None and len(ratios := levels(share)) > 2:
        masks["highest-ratio"] = share >= ratios[-1] - 1e-9
        masks["lowest-ratio"] = share <= ratios[0] + 1e-9
    return {name: mask for name, mask in masks.items() if not mask.all()}


def forecasts(law: Law, rows: Rows, settings: Settings = DEFAULT) -> dict[str, Forecast]:
    """What a law says about the rows of every split when it is fitted to the others."""
    return forecasts_of_sets(law, {"": rows}, settings)[""]


def forecasts_of_sets(
    law: Law, rows: Mapping[str, Rows], settings: Settings = DEFAULT
) -> dict[str, dict[str, Forecast]]:
    """The same of several eval sets, by eval set and split; all fits are searched for together."""
    quick = replace(
        settings, n_starts=N_STARTS, n_polish=N_POLISH, max_steps=REFIT_STEPS,
        tolerance=REFIT_TOLERANCE,
    )  # fmt: skip
    asked = [
        (name, split, mask)
        for name, of_set in rows.items()
        for split, mask in splits(of_set).items()
    ]
    answers = forecast_all(law, [(rows[name], mask) for name, _, mask in asked], quick)
    found: dict[str, dict[str, Forecast]] = {name: {} for name in rows}
    for (name, split, _), answer in zip(asked, answers, strict=True):
        found[name][split] = answer
    return found


def held_out(by_split: Mapping[str, Forecast]) -> dict[str, Score]:
    """Scores of the forecasts of every split."""
    return {name: Score.of(f.predicted, f.measured, f.note) for name, f in by_split.items()}


def baseline(rows: Rows) -> dict[str, Score]:
    """Score of ``next-smaller-size`` on every split."""
    scores = {}
    for name, mask in splits(rows).items():
        wanted = rows.where(mask)
        looked_up = next_smaller_size(rows.where(~mask), wanted)
        stands_in = int(looked_up.nearest.sum())
        note = f"{stands_in} of {len(wanted)} from the nearest budget" if stands_in else ""
        if not np.isfinite(looked_up.loss).any():
            note = "no smaller size has these mixtures"
        scores[name] = Score.of(looked_up.loss, wanted.loss, note)
    return scores


def forecast(law: Law, rows: Rows, mask: NDArray[np.bool_], settings: Settings) -> Forecast:
    """What a law says about these rows when it is fitted to the others."""
    return forecast_all(law, [(rows, mask)], settings)[0]


def forecast_all(
    law: Law, asked: Sequence[tuple[Rows, NDArray[np.bool_]]], settings: Settings
) -> list[Forecast]:
    """What a law says about each of several sets of rows when it is fitted to their others."""
    plans = [_plan(law, rows.where(~mask), rows.where(mask)) for rows, mask in asked]
    fits = iter(fit_parts(law, [part for parts, _ in plans for part in parts], settings))
    answers = []
    for (rows, mask), (parts, note) in zip(asked, plans, strict=True):
        wanted = rows.where(mask)
        of_parts = list(islice(fits, len(parts)))
        try:
            fitted = joined(law, of_parts)
        except FitError as error:
            none = np.full(len(wanted), np.nan)
            answers.append(Forecast(mask, none, wanted.loss, str(error)))
            continue
        predicted = fitted.predict(wanted.x)
        if not np.isfinite(predicted).any():
            note = "the sizes left do not reach this one"
        answers.append(Forecast(mask, predicted, wanted.loss, note, ((1.0, fitted),)))
    return answers


def _plan(law: Law, known: Rows, wanted: Rows) -> tuple[list[Part], str]:
    """What to fit; with two sizes left a law of N extrapolates with a conventional exponent."""
    sizes = levels(known.x["N"])
    beyond = wanted.x["N"].max() > sizes[-1] * 1.001
    if "N" not in law.inputs or law.per_size or len(sizes) != SIZES - 1 or not beyond:
        return slices(law, known), ""
    # A scale, which has a unit, has no conventional value; an exponent has.
    held = {
        p.name: _conventional(*p.start)
        for p in law.parameters
        if p.name in law.held.get("N", {}) and p.amplitude is None and p.start and not p.counts
    }
    values = ", ".join(f"{name} held at {value:.2g}" for name, value in held.items())
    return [Part(known, held=held)], f"two sizes left: {values}"


def _conventional(low: float, high: float) -> float:
    """The middle of a start box: geometric, or the mean where the sign is open."""
    return math.sqrt(low * high) if low > 0 else (low + high) / 2


def document(scores: Mapping[str, Score]) -> dict[str, dict[str, object]]:
    """Scores as JSON."""
    return {
        split: {"n": s.n, "error": s.error, "bias": s.bias, "note": s.note}
        for split, s in scores.items()
    }


def rows_document(
    rows: Rows, by_split: Mapping[str, Forecast]
) -> dict[str, dict[str, list[float | None]]]:
    """Held-out rows as JSON: their settings, measured loss, and what was said of them unseen.

    ``baseline`` is the loss of the next smaller size. A loss that nothing could be said of is None.
    """
    every = {}
    for split, forecast in by_split.items():
        wanted = rows.where(forecast.mask)
        columns = {
            "n_params": wanted.x["N"],
            "tokens": wanted.x["D"],
            "measured": forecast.measured,
            "predicted": forecast.predicted,
            "baseline": next_smaller_size(rows.where(~forecast.mask), wanted).loss,
        }
        every[split] = {name: _or_none(values) for name, values in columns.items()}
    return every


def _or_none(values: Array) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


@dataclass(frozen=True)
class LookUp:
    """Losses looked up for some rows.

    Attributes:
        loss: shape (n,); nan where no size offers the mixture.
        nearest: whether a neighbouring budget had to stand in, shape (n,).
    """

    loss: Array
    nearest: NDArray[np.bool_]


def next_smaller_size(known: Rows, wanted: Rows) -> LookUp:
    """Look every wanted row up among the known ones.

    The next smaller size is taken; where the mixture was not run there, the same size.
    """
    loss, nearest = np.full(len(wanted), np.nan), np.zeros(len(wanted), dtype=bool)
    same = _same_mixture(known, wanted)
    for i, (size, tokens) in enumerate(zip(wanted.x["N"], wanted.x["D"], strict=True)):
        relative = np.log(known.x["N"] / size)
        smaller = same[i] & (relative < -SAME_LEVEL)
        here = same[i] & (np.abs(relative) <= SAME_LEVEL)
        if smaller.any():
            largest = relative[smaller].max()
            here = smaller & (relative >= largest - SAME_LEVEL)
        if here.any():
            loss[i], nearest[i] = _interpolate(known.x["D"][here], known.loss[here], tokens)
    return LookUp(loss, nearest)


def _same_mixture(known: Rows, wanted: Rows) -> NDArray[np.bool_]:
    """Which known rows have the mixture of each wanted one, shape (n_wanted, n_known)."""
    if "h" not in known.x:
        return np.ones((len(wanted), len(known)), dtype=bool)
    apart = np.abs(wanted.x["h"][:, :, None] - known.x["h"][:, None, :]).max(axis=0)
    return np.asarray(apart <= SAME_SHARE)


def _interpolate(tokens: Array, loss: Array, wanted: float) -> tuple[float, bool]:
    """Loss at a budget, linear in log tokens, and whether the nearest budget stood in for it."""
    distinct, index = np.unique(tokens, return_inverse=True)
    mean = np.bincount(index, loss) / np.bincount(index)
    outside = not distinct[0] * (1 - SAME_LEVEL) <= wanted <= distinct[-1] * (1 + SAME_LEVEL)
    return float(np.interp(np.log(wanted), np.log(distinct), mean)), outside
