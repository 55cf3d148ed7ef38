"""Rule ``limited-domain``: the best ratio when there are only so many domain tokens.

With U distinct domain tokens, general tokens in plenty and at most K passes over the domain:

    budget free:     minimise L_d(N, K·U/r, r)        over the ratios that were swept
    budget D given:  minimise L_d(N, D, r)            over those with r <= K·U/D

The first is D-CPT's usage 2 (Que et al., arXiv 2406.01375): a larger share means a shorter run.
Share 1 is a legitimate answer; under the paper's own constraint on its law it is the usual one.

Most laws know no repetition: they count a repeated token like a new one, which holds for about four
passes (Muennighoff et al., arXiv 2305.16264), so K is one unless more is asked for, and more passes
than the sweep made are a warning of every rule (``extrapolation.epochs``). Laws that know it, from
runs that repeat, have a best share of their own: at a given budget K caps it only if asked for.

Shares whose loss is the least within the noise of a run are part of the interval, so it tells how
much the place of the optimum matters, and has a width where the cap binds.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixlaw.errors import FitError
from mixlaw.quantities import SAME_LEVEL, format_quantity, percent, percents, times
from mixlaw.recommend.options import Options
from mixlaw.recommend.question import Question
from mixlaw.recommend.rule import Rule
from mixlaw.recommend.rules.minimum import Optimum, at_edge, flat_optimum, minimum
from mixlaw.recommend.verdict import Verdict

Array = NDArray[np.float64]

#: Smallest share where the budget is free, for which a share of zero would mean an endless run:
#: a run of a hundred times the domain tokens. Conventional.
_SMALLEST = 0.01


def decide(question: Question, options: Options) -> Verdict:
    """Answer the rule at the question's target.

    Raises:
        FitError: the fit has no domain loss.
    """
    if not question.has_domain:
        raise FitError("The rule limited-domain needs the domain loss, which was not fitted.")
    assert options.domain_tokens is not None
    noise = question.noise(question.fit.domain_set)
    once = best(question, options, 1.0, noise)
    passes = _passes(question, options)
    optimum = best(question, options, passes, noise)
    ratio = optimum.recommended
    tokens = float(_tokens(question, options, passes, np.array([ratio]))[0])
    epochs = float(ratio * tokens / options.domain_tokens)
    details: dict[str, Any] = {
        "epochs": epochs,
        "near_equal": {"low": optimum.near[0], "high": optimum.near[1], "within": noise},
        "without_repetition": {"estimate": once.estimate, "recommended": once.recommended},
        "lines": (
            f"Domain data: {format_quantity(options.domain_tokens)} distinct tokens are seen "
            f"{times(epochs)} in {format_quantity(tokens)} tokens.",
            *_remarks(question, options, optimum, once, noise),
        ),
    }
    capped = _cap_binds(question, options, optimum)
    edge = () if capped else at_edge(optimum, question.swept)
    return Verdict(
        feasible=True,
        recommended=ratio,
        estimate=optimum.estimate,
        draws=optimum.draws,
        at=ratio,
        near=optimum.near,
        warnings=(*flat_optimum(optimum.near, noise), *edge),
        details=details,
        regret=optimum.regret,
        tokens=tokens,
    )


RULE = Rule(
    __name__,
    decide,
    required={"domain_tokens": "the distinct domain tokens there are"},
    reads=("max_epochs",),
    chooses_budget=True,
    shown_by_law=True,
)


def best(question: Question, options: Options, epochs: float, noise: float) -> Optimum:
    """The ratio of the lowest domain loss with at most so many passes over the domain."""
    assert options.domain_tokens is not None
    first, last = question.swept
    if options.fixed_budget:
        last = min(last, epochs * options.domain_tokens / question.tokens)
        if first >= last:  # a cap below what was swept still leaves smaller shares
            first = min(float(question.ratios[0]), last / 2)
    else:
        first = max(first, _SMALLEST)
    ratios = np.linspace(first, last, len(question.ratios))
    tokens = _tokens(question, options, epochs, ratios)
    return minimum(ratios, question.domain(ratios, tokens), noise)


def _passes(question: Question, options: Options) -> float:
    """Passes over the domain at most: as asked for; no limit to laws that price them themselves."""
    free = options.max_epochs is None and options.fixed_budget and _knows_repeats(question)
    return math.inf if free else options.passes


def _cap_binds(question: Question, options: Options, optimum: Optimum) -> bool:
    """Whether the best share is the most that the passes allow, short of what was swept."""
    assert options.domain_tokens is not None
    cap = _passes(question, options) * options.domain_tokens / question.tokens
    inside = cap < question.swept[1] * (1 - SAME_LEVEL)
    return options.fixed_budget and inside and optimum.estimate > cap * (1 - SAME_LEVEL)


def _knows_repeats(question: Question) -> bool:
    return question.fit.knows_repeats(question.fit.domain_set, question.law)


def _tokens(question: Question, options: Options, epochs: float, ratios: Array) -> Array:
    if options.fixed_budget:
        return np.full(len(ratios), question.tokens)
    assert options.domain_tokens is not None
    return np.asarray(epochs * options.domain_tokens / ratios)


def _remarks(
    question: Question, options: Options, optimum: Optimum, once: Optimum, noise: float
) -> Iterator[str]:
    """What a share of all, repetition, or a cap that binds means."""
    passes = _passes(question, options)
    if optimum.recommended == 1:
        yield "The best share is 100%: general data do not help the domain loss here."
    if passes > 1:
        yield f"Without repetition the best share is {percent(once.estimate)}."
    if not _cap_binds(question, options, optimum):
        return
    most = f"The best share is the most that --max-epochs {passes:g} allows"
    if not _knows_repeats(question):
        yield (
            f"{most}: these laws do not know what repeats are worth. Fitted to runs that repeat, "
            "the laws repeated and repeated-optimum do."
        )
        return
    free = best(question, options, math.inf, noise)
    low, high = percents(*free.near)
    yield f"{most}; without it, it would be {percent(free.estimate)} ({low} to {high})."
