"""How much of an answer is the prior's: what the runs say without the studies."""

from dataclasses import replace
from typing import Any

from mixlaw.quantities import percent
from mixlaw.recommend import rules
from mixlaw.recommend.options import Options
from mixlaw.recommend.question import Question
from mixlaw.recommend.verdict import Verdict

#: An interval from here on is called wide: a third of the axis tells few mixtures apart.
WIDE = 0.3


def document(question: Question, options: Options, verdict: Verdict) -> dict[str, Any]:
    """The studies that speak, the interval without them, and both in words; empty without a prior."""
    fit = question.fit
    if not fit.prior:
        return {}
    runs_alone = replace(question, fit=replace(fit, stack=fit.without_prior))
    low, high = rules.load(options.rule).decide(runs_alone, options).interval()
    ends, studies = verdict.interval(), list(fit.prior["studies"])
    wide = " This interval is wide." if ends[1] - ends[0] > WIDE else ""
    text = (
        f"With what {len(studies)} studies say: {percent(ends[0])} to {percent(ends[1])}; the runs "
        f"without them: {percent(low)} to {percent(high)}.{wide}"
    )
    return {
        "name": fit.prior["name"],
        "studies": studies,
        "interval_without": {"low": low, "high": high},
        "p_value": dict(fit.prior["p_value"]),
        "lines": [text],
    }
