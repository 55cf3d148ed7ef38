"""Inverse questions.

Tokens that reach a domain loss within the bound, the bound that a given ratio implies, and whether
the general loss of a ratio ever comes back to the base's. All three read the same draws as the
rules, on a logarithmic grid of token budgets around the target's.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixlaw.quantities import format_quantity, moved, percent
from mixlaw.recommend.options import Options
from mixlaw.recommend.question import Question
from mixlaw.recommend.rules import tolerance
from mixlaw.recommend.rules.crossing import last_crossing
from mixlaw.result.types import LEVEL, interval_document

Array = NDArray[np.float64]

#: Budgets are sought between a thousandth and a thousand times the target's. Conventional.
_REACH = 1e3
#: Points of that grid where losses are read, 30 a power of ten, and where each costs the rule's
#: decision, 8 a power of ten. Conventional; crossings are interpolated, the latter are not.
_N_BUDGETS, _N_BUDGETS_DECIDED = 181, 49


def answers(question: Question, at: float, options: Options) -> dict[str, Any]:
    """The inverse questions that were asked, and when the general loss returns.

    Args:
        question: the target.
        at: ratio whose return is sought where the options name none.
        options: may name a ratio or a domain loss to ask about.
    """
    if not question.knows_rise:
        return {}
    documents: dict[str, Any] = {}
    if options.ratio is not None:
        documents["implied_bound"] = implied_bound(question, options.ratio, options.risk)
    if options.reach_domain_loss is not None:
        documents["tokens_to_reach"] = tokens_to_reach(question, options.reach_domain_loss, options)
    if len(question.fit.levels["tokens"]) > 1:
        ratio = at if options.ratio is None else options.ratio
        documents["return_to_base"] = return_to_base(question, ratio)
    return documents


def implied_bound(question: Question, ratio: float, risk: float) -> dict[str, Any]:
    """The rise at a ratio, and the tolerance that the rule would need to recommend that ratio."""
    rise = question.rise(np.array([ratio]))
    bound = float(np.quantile(rise.draws[:, 0], 1 - risk))
    estimate = float(rise.estimate[0])
    text = (
        f"At a domain share of {percent(ratio)} the general loss "
        f"{moved(estimate, question.reference)}; a bound of {bound:.3g} nats is kept with a "
        f"probability of {1 - risk:.0%}."
    )
    return {"domain_ratio": ratio, **interval_document(rise), "bound": bound, "text": text}


def return_to_base(question: Question, ratio: float) -> dict[str, Any]:
    """Tokens after which the general loss of a ratio is back at the reference for good."""
    budgets = question.tokens * np.geomspace(1 / _REACH, _REACH, _N_BUDGETS)
    rise = question.rise(np.full(len(budgets), ratio), budgets)
    estimate = _returns(budgets, rise.estimate[None, :])[0]
    draws = _returns(budgets, rise.draws)
    never = float(np.mean(~np.isfinite(draws)))
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="nearest")
    if estimate <= budgets[0]:
        text = f"At {percent(ratio)} the general loss stays at or below the {question.reference}'s."
    elif np.isfinite(estimate):
        text = (
            f"At {percent(ratio)} the general loss is back at the {question.reference}'s after "
            f"{format_quantity(estimate)} tokens{_or_never(never)}."
        )
    else:
        text = (
            f"At {percent(ratio)} the general loss never returns to the {question.reference}'s "
            f"within {format_quantity(budgets[-1])} tokens (probability {never:.0%})."
        )
    return {
        "domain_ratio": ratio,
        "tokens": _finite(estimate),
        "low": _finite(low),
        "high": _finite(high),
        "probability_never": never,
        "text": text,
    }


def _or_never(probability: float) -> str:
    return f" (never, with a probability of {probability:.0%})" if probability >= 0.005 else ""


def tokens_to_reach(question: Question, loss: float, options: Options) -> dict[str, Any]:
    """Smallest budget whose recommended ratio reaches a domain loss within the bound."""
    for tokens in question.tokens * np.geomspace(1 / _REACH, _REACH, _N_BUDGETS_DECIDED):
        at = question.at(tokens=float(tokens))
        ratio = tolerance.decide(at, options).recommended
        if ratio is not None and at.domain(np.array([ratio])).estimate[0] <= loss:
            text = (
                f"A domain loss of {loss:g} within the bound takes {format_quantity(tokens)} "
                f"tokens, at a domain share of {percent(ratio)}."
            )
            return {"loss": loss, "tokens": float(tokens), "domain_ratio": ratio, "text": text}
    furthest = format_quantity(question.tokens * _REACH)
    text = f"No budget up to {furthest} tokens reaches a domain loss of {loss:g} within the bound."
    return {"loss": loss, "tokens": None, "domain_ratio": None, "text": text}


def _returns(budgets: Array, rise: Array) -> Array:
    """Budget from which the rise stays at or below zero, by row; inf if it does not at the last."""
    back = np.exp(last_crossing(np.log(budgets), rise, above=True))
    return np.where(np.isnan(back), budgets[0], back)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
