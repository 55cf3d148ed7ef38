"""What would change a recommendation: a rule that keeps a bound, asked with other numbers.

Half and twice the allowed rise, another risk, the other reference. All of them read the same
draws, so they cost little beside the answer itself.
"""

from typing import Any

from mixlaw.quantities import percent
from mixlaw.recommend import rules
from mixlaw.recommend.loss_units import Tolerance
from mixlaw.recommend.options import Options
from mixlaw.recommend.question import Question, difference
from mixlaw.recommend.rules.crossing import ratio_at_risk
from mixlaw.recommend.verdict import number
from mixlaw.result.types import Prediction

#: Risks shown beside the one asked about: the larger one, or from that on the smaller one.
#: Conventional: about three times and half of the usual 10%.
_LARGER_RISK, _SMALLER_RISK = 0.3, 0.05


def would_change(question: Question, options: Options) -> dict[str, Any]:
    """Recommended ratios (None where there is none) under other bounds, risk and reference.

    Returns:
        ``cases``, each with the ``change`` in words, the ``flag`` and ``value`` that ask for it and
        the ratio ``recommended`` then; ``ratios`` by what is changed, and a ``text``. Empty for
        rules that do not declare ``shown_at_other_bounds``, and where a table tells no ratio from
        another.
    """
    if not rules.load(options.rule).shown_at_other_bounds or question.why_no_ratio:
        return {}
    bound, risk = options.bound, _SMALLER_RISK if options.risk >= _LARGER_RISK else _LARGER_RISK
    rise = question.rise(question.ratios)
    cases = [
        _case(
            f"with {other} allowed",
            "--max-general-rise",
            other.written,
            _largest(question, rise, other, options.risk),
        )
        for other in (bound.times(0.5), bound.times(2.0))
        if bound.value
    ]
    at_other_risk = _largest(question, rise, bound, risk)
    cases.append(_case(f"at a risk of {risk:.0%}", "--risk", f"{risk:g}", at_other_risk))
    if question.reference == "base" or question.knows_base:
        name = "control" if question.reference == "base" else "base"
        other_rise = question.at(reference=name).rise(question.ratios)
        against = _largest(question, other_rise, bound, options.risk)
        cases.append(_case(f"against the {name}", "--reference", name, against))
    ratios = {case["change"]: case["recommended"] for case in cases}
    phrases = [f"{'none' if r is None else percent(r)} {name}" for name, r in ratios.items()]
    return {"cases": cases, "ratios": ratios, "text": f"It would be {', '.join(phrases)}."}


def _case(change: str, flag: str, value: str, recommended: float | None) -> dict[str, Any]:
    return {"change": change, "flag": flag, "value": value, "recommended": recommended}


def _largest(question: Question, rise: Prediction, bound: Tolerance, risk: float) -> float | None:
    excess = difference(rise, question.allowed_rise(bound))
    return number(ratio_at_risk(question.ratios, excess.draws, risk))
