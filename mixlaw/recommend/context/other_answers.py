"""What other rules say to the same question, and what each law of a stack says alone."""

from typing import Any

from mixlaw.recommend import rules
from mixlaw.recommend.options import Options
from mixlaw.recommend.question import Question
from mixlaw.recommend.rule_names import rule_names
from mixlaw.recommend.verdict import Verdict


def of_other_rules(question: Question, options: Options) -> dict[str, Any]:
    """The ratios of the rules whose answer can stand beside this one's, by name."""
    if rules.load(options.rule).can_stand_beside is None:
        return {}
    others = [rules.load(name) for name in rule_names() if name != options.rule]
    return {
        rule.name: _ratio_document(rule.decide(question, options))
        for rule in others
        if rule.can_stand_beside is not None and rule.can_stand_beside(question)
    }


def of_single_laws(question: Question, options: Options) -> dict[str, Any]:
    """What each law of a stack says alone, by name; empty for a single law."""
    rule = rules.load(options.rule)
    laws = {m.law for name in question.fit.eval_sets for m in question.fit.members(name)}
    if len(laws) < 2 or not rule.shown_by_law:
        return {}
    return {
        law: _ratio_document(rule.decide(question.at(law=law), options)) for law in sorted(laws)
    }


def _ratio_document(verdict: Verdict) -> dict[str, Any]:
    low, high = verdict.interval()
    return {
        "feasible": verdict.feasible,
        "recommended": verdict.recommended,
        "estimate": verdict.estimate,
        "low": low,
        "high": high,
    }
