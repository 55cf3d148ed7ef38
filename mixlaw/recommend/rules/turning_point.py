"""Rule ``turning-point``: the largest share whose general loss has turned down within the budget.

    maximise R   subject to   dF/dT <= 0 at T = T_max and ever after,   F = L_dom + λ·L_gen

Along a run the general loss first rises, then turns down; a share is feasible if its turn, the
last change of dF/dT from + to -, lies within the budget. For λ → ∞ (the default) F is the general
loss alone. This is the critical mixture ratio of Gu et al. (arXiv 2407.17467, Eq. 4, 5): their
published values follow from this rule, and not from the tolerance on the rise, which never binds
in their runs. ``recommended`` obeys P(not yet turned) <= risk.

A law that falls with tokens everywhere cannot answer. A law fitted size by size is asked at every
size, and the ratios are carried to the target (``crossing.carry_ratio``): the spread
between the ways of carrying them is part of the interval.
"""

import numpy as np
from numpy.typing import NDArray

from mixlaw import laws, plugins
from mixlaw.errors import FitError
from mixlaw.laws import Claim
from mixlaw.quantities import format_quantity, percent
from mixlaw.recommend.options import Options
from mixlaw.recommend.question import Question
from mixlaw.recommend.rule import Rule
from mixlaw.recommend.rules.crossing import (
    MIN_SIZES,
    carry_ratio,
    critical_ratios,
    ratio_at_risk,
    turning_point,
)
from mixlaw.recommend.verdict import SURE, Verdict, identified, number
from mixlaw.result.types import Status

Array = NDArray[np.float64]

#: Half the width in ln T of the central difference, whose error is of the order of its square: 1e-6
#: of the third derivative. Much smaller, rounding of the losses (1e-16) would show in the slope.
_STEP = 1e-3
#: Multiples of the budget, up to 64, at which a loss that falls at the budget must still fall: a
#: loss that rises only later has not turned. Conventional.
_LATER = 2.0 ** np.arange(1, 7)


def decide(question: Question, options: Options) -> Verdict:
    """Answer the rule at the question's target.

    Raises:
        FitError: no fitted law of the general loss can rise with tokens.
    """
    question = question.at(law=_law_that_rises(question))
    ratios = question.ratios[::2]
    sizes = question.carried_sizes
    if len(sizes) >= MIN_SIZES:
        estimate, draws = _carried(question, ratios, sizes, options.lambda_)
        excess = ratios - np.nan_to_num(draws, nan=-1.0)[:, None]
    else:
        estimate_excess, excess = _excess(question, ratios, options.lambda_)
        estimate = number(critical_ratios(ratios, estimate_excess[None, :])[0])
        draws = critical_ratios(ratios, excess)
    recommended = number(ratio_at_risk(ratios, excess, options.risk))
    at = 0.0 if recommended is None else recommended
    turn = turns_at(question, at, options.lambda_)
    feasible, warnings = _judge(recommended, draws, question, options.risk)
    details = {"turning_tokens": turn, "lines": (_turn_line(at, turn),)}
    promise = (
        "The general loss then has not turned down by the end with a probability of at most "
        f"{options.risk:.0%}."
    )
    return Verdict(feasible, recommended, estimate, draws, at, warnings, details, promise=promise)


def can_answer(question: Question) -> bool:
    """True if a fitted law of the general loss can rise with tokens."""
    return question.has_general and bool(_rising(question))


RULE = Rule(
    __name__,
    decide,
    reads=("lambda_",),
    ratio_name="critical ratio",
    can_stand_beside=can_answer,
)


def turns_at(question: Question, ratio: float, lambda_: float) -> float | None:
    """Tokens at which the point estimate turns down for good: 0 if it never rises, None if late."""
    tokens = question.tokens * np.geomspace(1e-3, 1e3, 241)
    slope, _ = _slope(question, np.full(len(tokens), ratio), tokens, lambda_)
    turn = float(turning_point(tokens, slope))
    return turn if np.isfinite(turn) else None


def _excess(question: Question, ratios: Array, lambda_: float) -> tuple[Array, Array]:
    """Slope of F at the budget, or the steepest later rise where F has not even risen yet."""
    estimate, draws = _slope(question, ratios, np.full(len(ratios), question.tokens), lambda_)
    coarse = ratios[:: max(1, len(ratios) // 50)]
    grid = np.repeat(coarse, len(_LATER)), np.tile(_LATER * question.tokens, len(coarse))
    later = _slope(question, *grid, lambda_)
    return (
        _with_later(estimate[None, :], later[0][None, :], ratios, coarse)[0],
        _with_later(draws, later[1], ratios, coarse),
    )


def _with_later(slope: Array, later: Array, ratios: Array, coarse: Array) -> Array:
    steepest = later.reshape(len(later), len(coarse), len(_LATER)).max(axis=2)
    nearest = np.abs(ratios[:, None] - coarse).argmin(axis=1)
    comes = steepest[:, nearest]
    rises = (slope <= 0) & (comes > 0)
    merged: Array = np.where(rises, comes, slope)
    return merged


def _slope(question: Question, ratios: Array, tokens: Array, lambda_: float) -> tuple[Array, Array]:
    """dF/d(ln T), divided by λ: of the point estimate (n,) and of the draws (n_draws, n)."""
    around = tokens * np.exp(_STEP), tokens * np.exp(-_STEP)
    both = np.concatenate([ratios, ratios]), np.concatenate(around)
    loss = question.general(*both)
    estimate, draws = loss.estimate, loss.draws
    if np.isfinite(lambda_):
        domain = question.domain(*both)
        estimate = estimate + domain.estimate / lambda_
        draws = draws + domain.draws / lambda_
    n = len(ratios)
    return (
        (estimate[:n] - estimate[n:]) / (2 * _STEP),
        (draws[:, :n] - draws[:, n:]) / (2 * _STEP),
    )


def _carried(
    question: Question, ratios: Array, sizes: tuple[float, ...], lambda_: float
) -> tuple[float | None, Array]:
    """Critical ratio of every fitted size, carried to the target by every way in turn."""
    estimates, draws = [], []
    for size in sizes:
        estimate, excess = _excess(question.at(n_params=size), ratios, lambda_)
        estimates.append(critical_ratios(ratios, estimate[None, :])[0])
        draws.append(critical_ratios(ratios, excess))
    known = np.array(sizes)
    ways = carry_ratio(known, np.nan_to_num(np.array(estimates)), question.n_params)
    every = carry_ratio(known, np.nan_to_num(np.array(draws).T), question.n_params)
    turn = np.arange(len(draws[0])) % len(every)
    carried = np.stack(list(every.values()))[turn, np.arange(len(turn))]
    return float(np.mean(list(ways.values()))), carried


def _judge(
    recommended: float | None, draws: Array, question: Question, risk: float
) -> tuple[bool | None, tuple[Status, ...]]:
    if recommended is not None:
        feasible, warnings = identified(draws, "the largest that has turned down in time")
        if feasible and recommended == 1:
            text = (
                "The general loss of pure domain data has turned down too: every share is allowed."
            )
            return True, (Status("bound-never-binds", text),)
        return feasible, warnings
    never = float(np.mean(np.isnan(draws)))
    budget = format_quantity(question.tokens)
    text = (
        f"within {budget} tokens the general loss turns down at no share with a probability of "
        f"{never:.0%}"
    )
    if never < SURE:
        return None, (Status("not-identified", f"No share has surely turned in time: {text}."),)
    return False, (
        Status("no-feasible-ratio", f"No share has turned in time: {text}; train longer."),
    )


def _turn_line(ratio: float, turn: float | None) -> str:
    if turn is None:
        return f"At {percent(ratio)} the general loss does not turn down in a thousand budgets."
    if turn == 0:
        return f"At {percent(ratio)} the general loss never rises."
    return f"At {percent(ratio)} the general loss turns down after {format_quantity(turn)} tokens."


def _rising(question: Question) -> dict[str, float]:
    """Weight of the fitted laws of the general loss that do not claim to fall with tokens."""
    falls = Claim("decreasing", "D")
    return {
        member.law: member.weight
        for member in question.fit.members(question.general_set)
        if "D" in laws.load(member.law).inputs and falls not in laws.load(member.law).claims
    }


def _law_that_rises(question: Question) -> str:
    weights = _rising(question)
    if weights:
        return max(weights, key=lambda name: weights[name])
    falls = Claim("decreasing", "D")
    every = [laws.load(name) for name in plugins.available("laws")]
    names = [law.name for law in every if law.takes != "ends" and falls not in law.claims]
    raise FitError(
        f"The law '{question.fit.law}' falls with tokens everywhere, so its general loss has no "
        f"turning point; fit a law that can rise: mixlaw fit --law {' or '.join(names)}."
    )
