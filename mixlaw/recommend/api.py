"""``recommend_ratio``: a fit and a target in, a Recommendation out."""

from dataclasses import replace
from typing import Any

from mixlaw.recommend import target
from mixlaw.recommend.answer import compose, decide
from mixlaw.recommend.context.next_run import next_run
from mixlaw.recommend.context.sensitivity import would_change
from mixlaw.recommend.options import FREE_BUDGET, TABLE_TOKENS, Options
from mixlaw.recommend.question import Question
from mixlaw.recommend.recommendation import Recommendation
from mixlaw.result.fit_result import FitResult


def recommend_ratio(fit: FitResult, **options: Any) -> Recommendation:
    """The mixture ratio for a run that has not happened, with its interval and risk.

    Args:
        fit: what ``fit_laws`` returned or ``FitResult.load`` read.
        options: fields of ``mixlaw.recommend.options.Options``, which says what each means:
            ``n_params``, ``tokens``, ``max_general_rise``, ``risk``, ``rule``, ``reference``, ...

    Raises:
        ConfigError: a value is out of its range.
        FitError: this fit cannot answer the question.
    """
    asked = Options(**options)
    question = target.put(fit, asked)
    verdict = decide(question, asked)
    headline = compose(question, asked, verdict)
    headline = replace(
        headline,
        assumptions=target.assumptions(question, asked),
        would_change=would_change(question, asked),
        next_run=next_run(question, verdict),
    )
    if asked.fixed_budget or asked.rule in FREE_BUDGET or len(fit.levels["tokens"]) == 1:
        return headline
    return replace(
        headline, table=tuple(_at_budget(question, asked, tokens) for tokens in TABLE_TOKENS)
    )


def _at_budget(question: Question, asked: Options, tokens: float) -> Recommendation:
    question = question.at(tokens=tokens)
    return compose(question, asked, decide(question, asked))
