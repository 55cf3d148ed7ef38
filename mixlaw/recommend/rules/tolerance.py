"""Rule ``tolerance``: the largest domain share that keeps the general loss.

    maximise r   subject to   P( L_g(N, D, r) - L_ref > t ) <= risk

L_ref is the general loss of the base model, or of the equal-token general-only control; t is in
nats, or a percentage of the base's general loss. As the domain loss falls with the domain share,
this is D-CPT's usage 1 (Que et al., arXiv 2406.01375, section 4), min L_d under
(L_g - L_g0)/L_g0 < T, with a stated probability in place of a point estimate. The *critical
ratio* is the largest r with L_g - L_ref <= t: one number per draw, whose quantiles are the
interval; ``recommended`` obeys the risk over the same draws.

This is not CMR's rule, whose published ratios follow from the turning point (``turning_point``).
"""

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from mixlaw.quantities import percent
from mixlaw.recommend.loss_units import Tolerance
from mixlaw.recommend.options import Options
from mixlaw.recommend.question import Question, difference
from mixlaw.recommend.rule import Rule
from mixlaw.recommend.rules.crossing import critical_ratios, probability_exceeded, ratio_at_risk
from mixlaw.recommend.verdict import SURE, Verdict, identified, number
from mixlaw.result.types import EXPLAINS_NOTHING, Status

Array = NDArray[np.float64]


def decide(question: Question, options: Options) -> Verdict:
    """Answer the rule at the question's target."""
    tolerance, risk = options.bound, options.risk
    ratios = question.ratios
    excess = difference(question.rise(ratios), question.allowed_rise(tolerance))
    draws = critical_ratios(ratios, excess.draws)
    estimate = number(critical_ratios(ratios, excess.estimate[None, :])[0])
    recommended = number(ratio_at_risk(ratios, excess.draws, risk))
    broken = probability_exceeded(excess.draws)
    safest = float(ratios[np.argmin(broken)])
    if unknown := _nothing_known(question, tolerance):
        return Verdict(None, None, None, draws, safest, unknown)
    if recommended is None:
        feasible, notice = _without_ratio(question, tolerance, risk, broken.min(), safest)
    else:
        feasible, notice = _with_ratio(tolerance, recommended, draws, ratios[-1])
        notice = (*notice, *_beyond_optimum(question, recommended))
    at = recommended
    if at is None:
        at = safest if feasible is False or estimate is None else estimate
    return Verdict(
        feasible, recommended, estimate, draws, at, notice, promise=_promise(question, options)
    )


def _promise(question: Question, options: Options) -> str:
    bound = float(question.allowed_rise(options.bound).estimate[0])
    return (
        f"The general loss then rises by more than {bound:.3g} nats over the {question.reference} "
        f"with a probability of at most {options.risk:.0%}."
    )


def _can_stand_beside(question: Question) -> bool:
    return question.has_general and question.knows_base


RULE = Rule(
    __name__,
    decide,
    reads=("lambda_",),  # for the turning point, which is shown beside
    ratio_name="critical ratio",
    keeps_bound=lambda options: True,
    shown_at_other_bounds=True,
    shown_by_law=True,
    can_stand_beside=_can_stand_beside,
)


def least_known_bound(question: Question) -> float:
    """The bound in nats below which laws that explain nothing know nothing; 0 if they explain."""
    name = question.general_set
    idle = {
        s.law for s in question.fit.statuses if (s.code, s.eval_set) == (EXPLAINS_NOTHING, name)
    }
    if not {m.law for m in question.fit.members(name)} <= idle:
        return 0.0
    return NormalDist().inv_cdf(SURE) * question.noise(name)


def _nothing_known(question: Question, tolerance: Tolerance) -> tuple[Status, ...]:
    """Laws that explain nothing bound no rise, unless the losses themselves stay within it."""
    spread = least_known_bound(question)
    bound = float(question.allowed_rise(tolerance).estimate[0])
    if spread <= bound:
        return ()
    text = (
        f"The general losses differ by chance more (one run by {spread:.2g} nats) than by size, "
        f"tokens and share, so whether a share keeps the rise within {tolerance} is not in the "
        "table; see its status in the fit."
    )
    return (Status("not-identified", text),)


def _beyond_optimum(question: Question, recommended: float) -> tuple[Status, ...]:
    """The largest allowed share is not the best one if the domain loss rises before it."""
    if not question.has_domain or recommended == 0:
        return ()
    ratios = question.ratios[question.ratios <= recommended]
    loss = question.domain(ratios).estimate
    best = int(np.argmin(loss))
    if loss[-1] <= loss[best] + question.noise(question.fit.domain_set):
        return ()
    text = (
        f"The domain loss is lowest at a share of {percent(float(ratios[best]))}, below the "
        "largest one that the bound allows: general data help the domain too, so take that share."
    )
    return (Status("interior-optimum", text),)


def _without_ratio(
    question: Question, tolerance: Tolerance, risk: float, least: float, safest: float
) -> tuple[bool | None, tuple[Status, ...]]:
    """No share obeys the risk: surely none is feasible, or the draws disagree."""
    if least < SURE:
        text = (
            f"No share surely keeps the rise within {tolerance}: even at {percent(safest)}, the "
            f"safest, the bound is broken with a probability of {least:.0%}, more than the risk of "
            f"{risk:.0%}."
        )
        return None, (Status("not-identified", text),)
    rise = question.rise(np.array([safest])).estimate[0]
    text = (
        f"No domain share keeps the general loss within {tolerance} of the {question.reference}: "
        f"at the best share, {percent(safest)}, it rises by {rise:.3g} nats (probability of "
        f"breaking the bound {least:.0%}). Allow a larger --max-general-rise, or "
        f"{_other_reference(question)}."
    )
    return False, (Status("no-feasible-ratio", text),)


def _other_reference(question: Question) -> str:
    if question.reference == "base":
        return "compare with an equally long general-only run: --reference control"
    return "lengthen the run"


def _with_ratio(
    tolerance: Tolerance, recommended: float, draws: Array, end: float
) -> tuple[bool | None, tuple[Status, ...]]:
    feasible, warnings = identified(draws, f"the largest that keeps the rise within {tolerance}")
    if not feasible or recommended < end:
        return feasible, warnings
    text = (
        f"The bound of {tolerance} never binds: pure domain data keep it too, so every share "
        "is allowed."
    )
    if end < 1:
        text = (
            f"The bound of {tolerance} does not bind up to {percent(end)}, the largest share that "
            "the law of the general loss could be fitted to; larger shares are not judged."
        )
    return True, (Status("bound-never-binds", text),)
