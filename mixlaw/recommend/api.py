"""``recommend_ratio``: a fit and a target in, a Recommendation out."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from mixlaw.errors import ConfigError, unknown_name
from mixlaw.fit.result import Status
from mixlaw.quantities import format_quantity
from mixlaw.recommend import extrapolation, inverse, practice, turning_point
from mixlaw.recommend.answer import Recommendation
from mixlaw.recommend.observed import calibrated
from mixlaw.recommend.options import (
    DEFAULT_TOKENS,
    FREE_BUDGET,
    TABLE_TOKENS,
    Options,
    base_loss,
)
from mixlaw.recommend.question import MixturePath, Question
from mixlaw.recommend.regret import regret_document, regrets
from mixlaw.recommend.size import non_embedding
from mixlaw.recommend.tolerance import Tolerance
from mixlaw.recommend.verdict import Verdict, interval_document, undetermined

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from mixlaw.fit.result import FitResult


def recommend_ratio(
    fit: "FitResult",
    *,
    n_params: float | None = None,
    tokens: float | None = None,
    max_general_rise: float | str | None = None,
    base_general_loss: float | None = None,
    base_domain_loss: float | None = None,
    natural: Mapping[str, float] | None = None,
    n_params_is_total: bool = False,
    observed: "Path | str | pd.DataFrame | None" = None,
    **options: Any,
) -> Recommendation:
    """The mixture ratio for a run that has not happened, with its interval and risk.

    Args:
        fit: what ``fit_laws`` returned or ``FitResult.load`` read.
        n_params: non-embedding parameters of the target; default the experiment's.
        tokens: CPT tokens of the target; default the experiment's, else 20B, and then the answer's
            ``table`` holds the same for 1B, 5B, 20B and 100B.
        max_general_rise: allowed rise of the general loss: nats (0.02, the default) or ``"3%"`` of
            the base's general loss.
        base_general_loss: measured general loss of the target's base model, nats per token.
        base_domain_loss: measured domain loss of the target's base model, nats per token.
        natural: shares that split the domain and the general part among several corpora each.
        n_params_is_total: ``n_params`` counts the embeddings too, which the laws do not.
        observed: a runs table with the first rows of the target run: they recalibrate the draws.
        options: the other fields of ``mixlaw.recommend.options.Options``: ``rule``, ``risk``,
            ``reference``, ``domain_tokens``, ``max_epochs``, ``flops``, ``ratio``, ``lambda_``,
            ``weights``, ``shift``, ``reach_domain_loss``.

    Raises:
        ConfigError: a value is out of its range.
        FitError: this fit cannot answer the question.
    """
    assumptions = []
    if max_general_rise is None and options.get("rule", "tolerance") in ("tolerance", "allocation"):
        assumptions.append("allowed rise of the general loss 0.02 nats (--max-general-rise)")
    if max_general_rise is not None:
        options["max_general_rise"] = Tolerance.parse(max_general_rise)
    asked = Options(**options, fixed_budget=tokens is not None)
    size, assumed = _target_size(fit, n_params, n_params_is_total, asked)
    assumptions += assumed
    question = Question(
        fit,
        size,
        tokens or _default_tokens(fit),
        MixturePath.of(fit, natural),
        asked.reference,
        base_loss("--base-general-loss", base_general_loss),
        base_loss("--base-domain-loss", base_domain_loss),
    )
    question = question.at(unique_tokens=_unique_tokens(question, asked))
    if observed is not None:
        question = calibrated(question, observed)
    if tokens is None and asked.rule not in FREE_BUDGET:
        assumptions.append(f"token budget {format_quantity(question.tokens)} (--tokens)")
    headline = replace(_answer(question, asked), assumptions=tuple(assumptions))
    if tokens is not None or asked.rule in FREE_BUDGET or len(fit.levels["tokens"]) == 1:
        return headline
    budgets = tuple(_answer(question.at(tokens=budget), asked) for budget in TABLE_TOKENS)
    return replace(headline, table=budgets)


def _target_size(
    fit: "FitResult", n_params: float | None, is_total: bool, asked: Options
) -> tuple[float, list[str]]:
    """Non-embedding parameters of the target, and what had to be assumed about them."""
    size = n_params or fit.target.get("n_params")
    if size is None and asked.rule == "allocation":
        size = fit.ranges["n_params"][1]
    if size is None:
        raise ConfigError("The target's size is missing; give --model-size, such as 8B.")
    if not is_total:
        return float(size), []
    counted = non_embedding(size, fit.about.get("n_params_total", ()))
    if counted is None:
        return float(size), [
            f"the target's {format_quantity(size)} parameters include embeddings and are used as "
            "if they did not, because the table has no n_params_total to convert them with"
        ]
    return counted, [
        f"of the target's {format_quantity(size)} parameters {format_quantity(counted)} are no "
        "embeddings, by the table's n_params_total"
    ]


def _unique_tokens(question: Question, asked: Options) -> dict[str, float]:
    """Distinct tokens by corpus; --domain-tokens are split like the domain part of the mixture."""
    domain = asked.domain_tokens or 0.0
    of_domain = {c: domain * part for c, part in question.path.domain.items() if domain * part}
    for corpus in asked.unique_tokens or {}:
        if corpus not in question.fit.corpora:
            raise ConfigError(unknown_name("corpus", corpus, question.fit.corpora))
    return {**of_domain, **(asked.unique_tokens or {})}


def _default_tokens(fit: "FitResult") -> float:
    """The experiment's budget, else the only one measured, else 20B."""
    budgets = fit.levels["tokens"]
    default = budgets[0] if len(budgets) == 1 else DEFAULT_TOKENS
    return float(fit.target.get("tokens", default))


def _answer(question: Question, asked: Options) -> Recommendation:
    alone = question.only_ratio
    verdict = _rule(asked.rule)(question, asked) if alone is None else undetermined(alone)
    question = question.at(
        n_params=verdict.n_params or question.n_params,
        tokens=verdict.tokens or question.tokens,
        path=verdict.path or question.path,
    )
    return Recommendation(
        n_params=question.n_params,
        tokens=question.tokens,
        rule=asked.rule,
        reference=asked.reference,
        law=question.fit.law,
        feasible=verdict.feasible,
        recommended=verdict.recommended,
        estimate=verdict.estimate,
        interval=verdict.interval(),
        at=verdict.at,
        shares=_shares(question, verdict),
        losses=_losses(question, verdict.at),
        general_rise=_rise(question, verdict.at, asked),
        regret=_regret(question, verdict, asked),
        extrapolation=extrapolation.distances(question, verdict.at),
        practice=_practice(question, asked),
        held_out={"law": question.fit.held_out, "baseline": question.fit.baseline},
        warnings=_warnings(question, verdict),
        details={
            **verdict.details,
            **_inverse(question, verdict, asked),
            "epochs_by_corpus": question.epochs(verdict.at),
        },
        also=_also(question, asked) if alone is None else {},
        by_law=_by_law(question, asked) if alone is None else {},
    )


def _rule(name: str) -> Callable[[Question, Options], Verdict]:
    """The ``decide`` of a rule's module, imported when it is asked for."""
    module = import_module(f"mixlaw.recommend.{name.replace('-', '_')}")
    decide: Callable[[Question, Options], Verdict] = module.decide
    return decide


def _shares(question: Question, verdict: Verdict) -> dict[str, dict[str, float | None]]:
    if verdict.shares is not None:
        return {corpus: dict(share) for corpus, share in verdict.shares.items()}
    ends = question.path.shares(np.array(verdict.interval()))
    at = question.path.shares(verdict.at)
    return {
        corpus: {
            "recommended": None if verdict.recommended is None else float(at[corpus]),
            "low": float(min(ends[corpus])),
            "high": float(max(ends[corpus])),
        }
        for corpus in question.fit.corpora
    }


def _losses(question: Question, at: float) -> dict[str, dict[str, float]]:
    ratio = np.array([at])
    losses = {}
    if question.has_domain:
        losses["domain"] = interval_document(question.domain(ratio))
    if question.has_general:
        losses["general"] = interval_document(question.general(ratio))
    return losses


def _rise(question: Question, at: float, asked: Options) -> dict[str, Any] | None:
    if not question.has_general or not (question.knows_base or asked.reference == "control"):
        return None
    bound = asked.max_general_rise
    known = question.knows_base or not bound.relative
    return {
        **interval_document(question.rise(np.array([at]))),
        "tolerance": float(bound.nats(question).estimate[0]) if known else None,
        "risk": asked.risk,
    }


def _regret(question: Question, verdict: Verdict, asked: Options) -> dict[str, Any] | None:
    if verdict.recommended is None or not question.has_domain:
        return None
    if verdict.regret is not None:
        return regret_document(verdict.regret)
    chosen = regrets(question, verdict.recommended, verdict.draws, asked.risk)
    found: dict[str, Any] = regret_document(chosen)
    if verdict.estimate is not None:
        plug_in = regrets(question, verdict.estimate, verdict.draws, asked.risk)
        found["plug_in"] = regret_document(plug_in)
    return found


def _inverse(question: Question, verdict: Verdict, asked: Options) -> dict[str, Any]:
    """The inverse questions that were asked, and when the general loss returns."""
    if not question.has_general or not (question.knows_base or asked.reference == "control"):
        return {}
    found: dict[str, Any] = {}
    if asked.ratio is not None:
        found["implied_bound"] = inverse.implied_bound(question, asked.ratio, asked.risk)
    if asked.reach_domain_loss is not None:
        found["tokens_to_reach"] = inverse.tokens_to_reach(question, asked.reach_domain_loss, asked)
    if len(question.fit.levels["tokens"]) > 1:
        ratio = verdict.at if asked.ratio is None else asked.ratio
        found["return_to_base"] = inverse.return_to_base(question, ratio)
    return found


def _by_law(question: Question, asked: Options) -> dict[str, Any]:
    """What each law of a stack says alone; empty for a single law."""
    found = {m.law for name in question.fit.eval_sets for m in question.fit.members(name)}
    if len(found) < 2 or asked.rule not in ("tolerance", "limited-domain", "balance"):
        return {}
    verdicts = {name: _rule(asked.rule)(question.at(law=name), asked) for name in sorted(found)}
    return {name: _ratio(verdict) for name, verdict in verdicts.items()}


def _ratio(verdict: Verdict) -> dict[str, Any]:
    low, high = verdict.interval()
    return {
        "feasible": verdict.feasible,
        "recommended": verdict.recommended,
        "estimate": verdict.estimate,
        "low": low,
        "high": high,
    }


def _also(question: Question, asked: Options) -> dict[str, Any]:
    """The other of the two critical ratios, where this fit can tell it too."""
    others = {"tolerance": "turning-point", "turning-point": "tolerance"}
    other = others.get(asked.rule)
    if other is None or not question.has_general:
        return {}
    can = question.knows_base if other == "tolerance" else turning_point.can_answer(question)
    if not can:
        return {}
    return {other: _ratio(_rule(other)(question, asked))}


def _practice(question: Question, asked: Options) -> dict[str, Any]:
    """What others do, and what the sweep's own longest runs of the largest size did."""
    defaults = {name: 1 - replay for name, replay in practice.REPLAY_DEFAULTS.items()}
    found = {"replay_defaults": defaults, "published": practice.domain_band(asked.shift)}
    runs = question.fit.about.get("longest_runs", ())
    return {**found, "best_observed": practice.best_observed(runs, asked.max_general_rise)}


def _warnings(question: Question, verdict: Verdict) -> tuple[Status, ...]:
    assumed: tuple[Status, ...] = ()
    if question.has_general and not question.fit.has_base_rows and question.reference == "base":
        text = (
            "The table has no base rows (tokens = 0): the rise is the law minus "
            f"--base-general-loss {question.base_general_loss}, which assumes that this loss was "
            "measured on the same held-out set and tokenizer as the table's."
        )
        assumed = (Status("assumed-base-loss", text),)
    found = (
        *assumed,
        *verdict.warnings,
        *extrapolation.notices(question, verdict.at),
        *question.fit.statuses,
    )
    return tuple({(w.code, w.message): w for w in found}.values())
