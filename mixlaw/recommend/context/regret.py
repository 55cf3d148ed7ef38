"""What a recommended ratio costs if the truth is another draw.

Keeping to r when the critical ratio is r* gives up domain loss if r < r*, and breaks the bound for
a gain of domain loss if r > r*. With a risk q of breaking the bound both are priced alike:

    regret(r, r*) =            L_d(r) - L_d(r*)      if r <= r*
                    (1-q)/q · (L_d(r*) - L_d(r))     if r >  r*

whose expectation is least at the q-quantile of r* (a newsvendor problem). Neither is ever counted
as a gain, should the domain loss of a draw not fall with the domain share. A draw without an
allowed ratio has r* = 0. Rules that minimise a loss have no bound to break; their regret is the
loss above its minimum.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixlaw.recommend.question import Question
from mixlaw.recommend.rules.crossing import interpolate
from mixlaw.recommend.verdict import Verdict

Array = NDArray[np.float64]


def of_verdict(question: Question, verdict: Verdict, risk: float) -> dict[str, Any] | None:
    """Regret of the recommended ratio, and of the point estimate in its place; None without one."""
    if verdict.recommended is None or not question.has_domain:
        return None
    if verdict.regret is not None:
        return regret_document(verdict.regret)
    chosen = regrets(question, verdict.recommended, verdict.draws, risk)
    document: dict[str, Any] = regret_document(chosen)
    if verdict.estimate is not None:
        plug_in = regrets(question, verdict.estimate, verdict.draws, risk)
        document["plug_in"] = regret_document(plug_in)
    return document


def regrets(question: Question, ratio: float, critical: Array, risk: float) -> Array:
    """Regret of a ratio in every draw, nats of domain loss, shape (n_draws,)."""
    ratios = question.ratios
    loss = question.domain(ratios).draws
    critical = np.nan_to_num(critical, nan=0.0)
    at_ratio = interpolate(ratios, loss, np.full(len(critical), ratio))
    lost = at_ratio - interpolate(ratios, loss, critical)
    return np.maximum(np.where(ratio <= critical, lost, -lost * (1 - risk) / risk), 0.0)


def regret_document(regret: Array) -> dict[str, float]:
    """Mean and 95th percentile over the draws."""
    return {"mean": float(np.mean(regret)), "p95": float(np.quantile(regret, 0.95))}
