"""``recommend_ratio``: a fit and a target in, a Recommendation out."""

from collections.abc import Mapping
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from mixlaw.recommend import rules, target
from mixlaw.recommend.answer import compose, decide
from mixlaw.recommend.context.next_run import next_run
from mixlaw.recommend.context.sensitivity import would_change
from mixlaw.recommend.options import TABLE_TOKENS, Options, Reference, Shift, described
from mixlaw.recommend.question import Question
from mixlaw.recommend.recommendation import Recommendation
from mixlaw.recommend.validation import of_recommendation
from mixlaw.result.fit_result import FitResult

if TYPE_CHECKING:
    import pandas as pd


def recommend_ratio(
    fit: FitResult,
    *,
    n_params: float | str | None = None,
    n_params_is_total: bool = False,
    tokens: float | str | None = None,
    rule: str = "tolerance",
    max_general_rise: float | str | None = None,
    risk: float = 0.1,
    reference: Reference = "base",
    base_general_loss: float | str | None = None,
    base_domain_loss: float | str | None = None,
    base_tokenizer: str | None = None,
    natural: Mapping[str, float] | None = None,
    domain_tokens: float | str | None = None,
    base_tokens: float | str | None = None,
    lr_ratio: float | str | None = None,
    max_epochs: float | None = None,
    flops: float | str | None = None,
    ratio: float | str | None = None,
    lambda_: float = inf,
    weights: Mapping[str, float] | None = None,
    unique_tokens: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    kl: float = 0.0,
    shift: Shift | None = None,
    reach_domain_loss: float | None = None,
    observed: "Path | str | pd.DataFrame | None" = None,
) -> Recommendation:
    """The mixture ratio for a run that has not happened, with its interval and risk.

    ``fit`` is what ``fit_laws`` returned or ``FitResult.load`` read. The other parameters are the
    fields of ``mixlaw.recommend.options.Options``.

    Raises:
        ConfigError: a value is out of its range, or a rule lacks what it needs.
        FitError: this fit cannot answer the question.
    """
    given = dict(locals())  # the parameters, before anything else gets a name
    del given["fit"]
    return recommend(fit, Options(**given))


def recommend(fit: FitResult, options: Options) -> Recommendation:
    """The same of options that were checked when they were made.

    Raises:
        ConfigError: the rule lacks what it needs, or the target has no size.
        FitError: this fit cannot answer the question.
    """
    rule = rules.check(options)
    question = target.question_of(fit, options)
    verdict = decide(question, options)
    headline = replace(
        compose(question, options, verdict),
        assumptions=target.assumptions(question, options),
        would_change=would_change(question, options),
        next_run=next_run(question, verdict),
        validation=of_recommendation(fit, options),
    )
    if options.fixed_budget or rule.chooses_budget or len(fit.levels["tokens"]) == 1:
        return headline
    return replace(
        headline, budgets=tuple(_at_budget(question, options, tokens) for tokens in TABLE_TOKENS)
    )


def _at_budget(question: Question, options: Options, tokens: float) -> Recommendation:
    question = question.at(tokens=tokens)
    return compose(question, options, decide(question, options))


# For help(): the sentences that the command line shows.
recommend_ratio.__doc__ = f"{recommend_ratio.__doc__}\n    Parameters by name:\n" + "".join(
    f"        {name}: {option.help}{f' In {option.unit}.' if option.unit else ''}\n"
    for name, option in described().items()
)
