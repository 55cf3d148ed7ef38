"""Puts a recommendation together: what a rule decided, and what stands beside it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mixlaw.recommend import rules, tokenizer
from mixlaw.recommend.context import extrapolation, inverse, other_answers, practice, prior, regret
from mixlaw.recommend.options import Options
from mixlaw.recommend.question import Question
from mixlaw.recommend.recommendation import Recommendation
from mixlaw.recommend.verdict import Verdict, undetermined
from mixlaw.result import training
from mixlaw.result.fit_result import FitResult
from mixlaw.result.types import Status, interval_document

#: An allowed rise from which on it is asked whether it is meant, nats. Conventional: 1.6 times the
#: perplexity, and 25 times the rise that is allowed by default.
LARGE_RISE = 0.5


def decide(question: Question, options: Options) -> Verdict:
    """What the rule decides, or that this table tells no ratio from another."""
    if question.why_no_ratio:
        return undetermined(question.swept[0], question.why_no_ratio)
    return rules.load(options.rule).decide(question, options)


def compose(question: Question, options: Options, verdict: Verdict) -> Recommendation:
    """A verdict with all that stands beside it, but for what was assumed and would change it."""
    rule = rules.load(options.rule)
    question = question.at(
        n_params=verdict.n_params or question.n_params,
        tokens=verdict.tokens or question.tokens,
        path=verdict.path or question.path,
    )
    knows_ratios = not question.why_no_ratio
    return Recommendation(
        n_params=question.n_params,
        tokens=question.tokens,
        rule=rule.name,
        reference=options.reference,
        law=question.fit.law,
        feasible=verdict.feasible,
        recommended=verdict.recommended,
        estimate=verdict.estimate,
        interval=verdict.interval(),
        at=verdict.at,
        shares=_shares(question, verdict),
        losses=_losses(question, verdict.at),
        general_rise=_general_rise(question, verdict.at, options),
        regret=regret.of_verdict(question, verdict, options.risk),
        extrapolation=extrapolation.distances(question, verdict.at),
        practice=practice.document(question, options),
        fit=_origin(question.fit),
        assumes=training.training(question.fit, question.assuming),
        held_out={"law": question.fit.scores, "baseline": question.fit.baseline},
        warnings=_warnings(question, verdict, options),
        prior=prior.document(question, options, verdict) if knows_ratios else {},
        details={
            **verdict.details,
            **inverse.answers(question, verdict.at, options),
            **tokenizer.losses_per_byte(question, verdict.at),
            "epochs_by_corpus": question.epochs(verdict.at),
        },
        also=other_answers.of_other_rules(question, options) if knows_ratios else {},
        by_law=other_answers.of_single_laws(question, options) if knows_ratios else {},
        ratio_name=rule.ratio_name,
        keeps_bound=rule.keeps_bound(options),
        promise=verdict.promise,
    )


def _origin(fit: FitResult) -> dict[str, Any]:
    """Where the answer comes from: the fit's folder, and the table that was fitted."""
    return {
        "path": fit.folder,
        "table": str(fit.about.get("source") or ""),
        "sha256": str(fit.about.get("data_sha256") or ""),
        "rows": fit.rows_used,
    }


def _shares(question: Question, verdict: Verdict) -> Mapping[str, Mapping[str, float | None]]:
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


def _general_rise(question: Question, at: float, options: Options) -> dict[str, Any] | None:
    if not question.knows_rise:
        return None
    bound = options.bound
    known = question.knows_base or not bound.relative
    return {
        **interval_document(question.rise(np.array([at]))),
        "tolerance": float(question.allowed_rise(bound).estimate[0]) if known else None,
        "risk": options.risk,
    }


def _warnings(question: Question, verdict: Verdict, options: Options) -> tuple[Status, ...]:
    """What the answer rests on, each sentence once, what matters most first."""
    every = (
        *_large_bound(question, options),
        *_assumed_base_loss(question),
        *verdict.warnings,
        *_unmeasured_base_loss(question),
        *tokenizer.notices(question),
        *training.notices(question.fit, question.assuming),
        *extrapolation.notices(question, verdict.at),
        *question.fit.statuses,
    )
    return tuple({(w.code, w.message): w for w in every}.values())


def _large_bound(question: Question, options: Options) -> tuple[Status, ...]:
    """A doubt about a bound that gives the general ability up: 2 where 2% was meant."""
    known = question.knows_base or not options.bound.relative
    if not rules.load(options.rule).keeps_bound(options) or not known:
        return ()
    nats = float(question.allowed_rise(options.bound).estimate[0])
    if nats < LARGE_RISE:
        return ()
    times = f"{np.exp(nats):.2g} times the perplexity"
    text = f"{options.bound} allows {nats:.2g} nats, {times}: is that meant?"
    if not options.bound.relative:
        wanted = f"--max-general-rise {options.bound.written}%"
        text = f"A rise of {options.bound} is {times}: did you mean {wanted}?"
    return (Status("large-bound", text),)


def _assumed_base_loss(question: Question) -> tuple[Status, ...]:
    known = question.base_losses.get(question.fit.general_set)
    asked = question.reference == "base" and question.has_general
    if known is None or not asked or question.fit.has_base_rows:
        return ()
    text = (
        "The table has no base rows (tokens = 0): the rise is the law minus "
        f"--base-general-loss {known.value}, which assumes that this loss was "
        "measured on the same held-out set and tokenizer as the table's."
    )
    return (Status("assumed-base-loss", text),)


def _unmeasured_base_loss(question: Question) -> tuple[Status, ...]:
    asked = question.reference == "base" and question.has_general and question.fit.has_base_rows
    if not asked or question.fit.general_set in question.base_losses or question.base_was_measured:
        return ()
    text = (
        "The general loss of the target's base was not measured: a law of the bases' sizes "
        "stands for it, and its uncertainty is in the interval; 'mixlaw eval MODEL' measures it, "
        "for --base-general-loss."
    )
    return (Status("base-not-measured", text),)
