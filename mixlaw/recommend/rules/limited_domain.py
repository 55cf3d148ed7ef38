"""Rule ``limited-domain``: the best ratio when there are only so many domain tokens.

With U distinct domain tokens, general tokens in plenty and at most K passes over the domain:

    budget free:     minimise L_d(N, K·U/r, r)        over the ratios that were swept
    budget D given:  minimise L_d(N, D, r)            over those with r <= K·U/D

The first is D-CPT's usage 2 (Que et al., arXiv 2406.01375): a larger share means a shorter run.
Share 1 is a legitimate answer; under the paper's own constraint on its law it is the usual one.
Most laws know no repetition: with K > 1 they count a repeated token like a new one, which holds for
about four passes (Muennighoff et al., arXiv 2305.16264); more passes than the sweep made are a
warning of every rule (``extrapolation.epochs``).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixlaw.errors import FitError
from mixlaw.quantities import format_quantity, percent, times
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
    optimum = best(question, options, options.max_epochs, noise)
    ratio = optimum.recommended
    tokens = _tokens(question, options, options.max_epochs, np.array([ratio]))[0]
    epochs = ratio * tokens / options.domain_tokens
    details: dict[str, Any] = {
        "epochs": float(epochs),
        "near_equal": {"low": optimum.near[0], "high": optimum.near[1], "within": noise},
        "without_repetition": {"estimate": once.estimate, "recommended": once.recommended},
        "lines": _lines(options, optimum, once, float(epochs), float(tokens)),
    }
    return Verdict(
        feasible=True,
        recommended=ratio,
        estimate=optimum.estimate,
        draws=optimum.draws,
        at=ratio,
        warnings=(*flat_optimum(optimum.near, noise), *at_edge(optimum, question.swept)),
        details=details,
        regret=optimum.regret,
        tokens=float(tokens),
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
        first = min(first, last)
    else:
        first = max(first, _SMALLEST)
    ratios = np.linspace(first, last, len(question.ratios))
    tokens = _tokens(question, options, epochs, ratios)
    return minimum(ratios, question.domain(ratios, tokens), noise)


def _tokens(question: Question, options: Options, epochs: float, ratios: Array) -> Array:
    if options.fixed_budget:
        return np.full(len(ratios), question.tokens)
    assert options.domain_tokens is not None
    return np.asarray(epochs * options.domain_tokens / ratios)


def _lines(
    options: Options, optimum: Optimum, once: Optimum, epochs: float, tokens: float
) -> tuple[str, ...]:
    lines = [
        f"Domain data: {format_quantity(options.domain_tokens or 0)} distinct tokens are seen "
        f"{times(epochs)} in {format_quantity(tokens)} tokens."
    ]
    if optimum.recommended == 1:
        lines.append("The best share is 100%: general data do not help the domain loss here.")
    if options.max_epochs > 1:
        lines.append(f"Without repetition the best share is {percent(once.estimate)}.")
    return tuple(lines)
