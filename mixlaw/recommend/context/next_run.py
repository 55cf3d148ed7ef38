"""Which single run, added to the sweep, would narrow an answer that the data leave wide.

Every draw of the fit is a possible truth: it has a ratio of its own, and it predicts what
a further run would measure. The run is made in all of them, with the noise that the rows have; the
draws are put in the order of what its losses say about the ratio (a linear regression on their
ranks) and cut into slices, which are its possible outcomes. The mean width of the interval within
the slices is what the run would leave: the expected value of sample information by regression
(Strong, Oakley, Brennan & Breeze 2015, Medical Decision Making 35, 570), with the width of the
interval in place of a loss.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixlaw.quantities import format_quantity, percent
from mixlaw.recommend.question import Question
from mixlaw.recommend.verdict import NOT_IDENTIFIED, Verdict, ratio_interval

Array = NDArray[np.float64]

#: From this width of the interval on, a run that would narrow it is sought: twenty points of the
#: share. Conventional.
WIDE = 0.2
#: A run that takes away less than this part of the width is not worth its compute.
#: Conventional.
_WORTH_IT = 0.1
#: Of runs that narrow at least this part of what the best one does, the cheapest is named.
#: Conventional.
_NEAR_BEST = 0.9
#: Possible outcomes that are distinguished, and shares at which a run is tried. Conventional; a
#: test holds the width that ten outcomes give within 12% of the exact one.
_SLICES, _SHARES = 10, 11
#: Draws that each outcome must keep: a 90% interval then leaves one on either side. Conventional.
_LEAST_DRAWS = 20


@dataclass(frozen=True)
class Run:
    """A run that might be added, and the mean width of the interval that it would leave."""

    n_params: float
    tokens: float
    ratio: float
    width: float

    @property
    def flops(self) -> float:
        """Compute, 6·N·D."""
        return 6 * self.n_params * self.tokens


def next_run(question: Question, verdict: Verdict) -> dict[str, Any]:
    """The run that would tell most about a wide answer; empty where none can be weighed.

    Tried are the largest three sizes and the longest budget, and of each one step beyond, towards
    the target. Draws that were moved onto the target run (``--observed``) say nothing of others.

    Returns:
        ``n_params``, ``tokens``, ``domain_ratio``, the ``width`` of the interval now and the one
        to be expected with it, and a ``text``. The run is not named where the data cannot tell and
        could not with it. Where the target lies farther beyond the sweep than
        the sweep spans, no single run settles the question: ``sweep_up_to`` then says to what size
        and budget a sweep must go.
    """
    low, high = verdict.interval()
    if verdict.feasible is False or high - low < WIDE or not _is_one_run(question, verdict):
        return {}
    if needed := _sweep_needed(question):
        return {"sweep_up_to": needed, "text": _too_far(needed)}
    if question.why_no_ratio:
        return {}
    draws = np.nan_to_num(verdict.draws, nan=0.0)
    if len(draws) < _SLICES * _LEAST_DRAWS:
        return {}
    now = _width(draws)
    best = _worthiest(list(_candidates(question, draws)), now)
    if verdict.feasible is None and best.width >= NOT_IDENTIFIED:
        return {"width": {"now": now, "with_it": best.width}, "text": _unsettled(best)}
    return {
        "n_params": best.n_params,
        "tokens": best.tokens,
        "domain_ratio": best.ratio,
        "width": {"now": now, "with_it": best.width},
        "text": _sentence(best, now),
    }


def _is_one_run(question: Question, verdict: Verdict) -> bool:
    """False where the answer is no single ratio, or the draws know one run alone."""
    several = verdict.path is not None or verdict.n_params is not None
    return not several and question.calibration.index is None


def _sweep_needed(question: Question) -> dict[str, float]:
    """By axis, where a sweep of the same span must end so that the target is one span beyond."""
    needed: dict[str, float] = {}
    if question.why_no_ratio != question.out_of_reach:
        return needed
    for name, value in (("n_params", question.n_params), ("tokens", question.tokens)):
        low, high = question.fit.ranges.get(name, (value, value))
        fixed = name in question.chosen or (name == "n_params" and bool(question.carried_sizes))
        if low < high and not fixed and value / high > high / low:
            needed[name] = value * low / high
    return needed


def _too_far(needed: dict[str, float]) -> str:
    words = {"n_params": "{} parameters", "tokens": "{} tokens"}
    ends = [words[name].format(format_quantity(value)) for name, value in needed.items()]
    return f"To settle it, sweep up to {' and '.join(ends)} at least."


def _worthiest(runs: list[Run], now: float) -> Run:
    """The cheapest of the runs that narrow the interval about as much as the best of them."""
    least = min(run.width for run in runs)
    enough = now - _NEAR_BEST * max(now - least, 0.0)
    close = [run for run in runs if run.width <= max(enough, least)]
    return min(close, key=lambda run: (run.flops, run.width))


def _candidates(question: Question, draws: Array) -> Iterator[Run]:
    """Runs that might be made, each with the width of the interval of the draws that it leaves."""
    first, last = question.swept
    askable = question.ratios[[0, -1]]
    ratios = np.linspace(max(first, askable[0]), min(last, askable[1]), _SHARES)
    for size in _sizes(question):
        for tokens in _budgets(question):
            there = question.at(n_params=size, tokens=tokens)
            for ratio, width in zip(ratios, _expected_widths(there, ratios, draws), strict=True):
                yield Run(size, tokens, float(ratio), float(width))


def _sizes(question: Question) -> list[float]:
    """The largest measured sizes, and a further one if the fit has a law of size."""
    measured = question.fit.levels["n_params"][-3:]
    per_size = any(m.size for name in question.fit.eval_sets for m in question.fit.members(name))
    return measured if per_size else _with_next(measured, question.n_params)


def _budgets(question: Question) -> list[float]:
    """The longest measured budget and a longer one if the fit has a law of tokens."""
    measured = question.fit.levels["tokens"]
    return _with_next(measured, question.tokens)[-2:]


def _with_next(levels: list[float], target: float) -> list[float]:
    """Levels, and the next one by the ratio of the last two, but not beyond the target."""
    if len(levels) < 2 or levels[-1] >= target:
        return levels
    return [*levels, min(levels[-1] ** 2 / levels[-2], target)]


def _expected_widths(there: Question, ratios: Array, draws: Array) -> Array:
    """Mean width of the interval of ``draws`` once a run has been seen, by its ratio."""
    noise = np.random.default_rng(0).normal(size=(2, len(draws), 1))
    seen = []
    if there.has_domain:
        loss = there.domain(ratios).draws
        seen.append(loss + noise[0] * there.noise(there.fit.domain_set))
    if there.has_general:
        base = there.knows_base or there.reference == "control"
        loss = there.rise(ratios).draws if base else there.general(ratios).draws
        seen.append(loss + noise[1] * there.noise(there.fit.general_set))
    ranks = np.argsort(np.argsort(seen, axis=1), axis=1) / len(draws) - 0.5
    return np.array([_width_after(ranks[:, :, i].T, draws) for i in range(len(ratios))])


def _width_after(ranks: Array, draws: Array) -> float:
    """Mean width within the slices of draws that a run with these ranks (n_draws, n_seen) tells."""
    centred = draws - draws.mean()
    predicted = ranks @ np.linalg.lstsq(ranks, centred, rcond=None)[0]
    slices = np.array_split(draws[np.argsort(predicted, kind="stable")], _SLICES)
    return float(np.mean([_width(part) for part in slices]))


def _width(draws: Array) -> float:
    low, high = ratio_interval(draws)
    return high - low


def _unsettled(best: Run) -> str:
    return (
        "No single run settles this: the best one would still leave about "
        f"{100 * best.width:.0f} points."
    )


def _sentence(best: Run, now: float) -> str:
    run = (
        f"{format_quantity(best.n_params)} parameters, {format_quantity(best.tokens)} tokens and "
        f"{percent(best.ratio)} domain"
    )
    widths = f"from {100 * now:.0f} points to about {100 * best.width:.0f}"
    if best.width > (1 - _WORTH_IT) * now:
        return (
            "No single run within a step of the sweep would narrow the interval much: the best, "
            f"of {run}, {widths}."
        )
    return (
        f"The run that would tell most for its price: {run}; on average it would narrow the "
        f"interval {widths}."
    )
