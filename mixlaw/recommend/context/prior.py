"""How much of an answer is the prior's: what the runs say without the studies."""

from dataclasses import replace
from typing import Any

from mixlaw.quantities import percent
from mixlaw.recommend import rules
from mixlaw.recommend.options import Options
from mixlaw.recommend.question import Question
from mixlaw.recommend.verdict import Verdict
from mixlaw.result.types import RUNS_MISSING

#: An interval from here on is called wide: more than half of five runs' intervals were narrower, of
#: studies that the prior had not heard of (tests/coverage/few_runs.csv).
WIDE = 0.2


def document(question: Question, options: Options, verdict: Verdict) -> dict[str, Any]:
    """The studies that speak and the interval without them; empty for a fit without a prior."""
    fit = question.fit
    if not fit.prior:
        return {}
    runs_alone = replace(question, fit=replace(fit, stack=fit.without_prior))
    low, high = rules.load(options.rule).decide(runs_alone, options).interval()
    ends, studies = verdict.interval(), list(fit.prior["studies"])
    missing = any(status.code == RUNS_MISSING for status in fit.statuses)
    wide = " This interval is wide." if missing or ends[1] - ends[0] > WIDE else ""
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
