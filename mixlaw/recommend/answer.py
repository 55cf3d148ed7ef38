"""Puts a recommendation together: what a rule decided, and what stands beside it."""

from typing import Any

import numpy as np

from mixlaw.recommend import rules, tokenizer
from mixlaw.recommend.context import extrapolation, inverse, practice
from mixlaw.recommend.context.regret import regret_document, regrets
from mixlaw.recommend.options import Options
from mixlaw.recommend.question import Question
from mixlaw.recommend.recommendation import Recommendation
from mixlaw.recommend.rules import turning_point
from mixlaw.recommend.verdict import Verdict, undetermined
from mixlaw.result.types import Status, interval_document


def decide(question: Question, asked: Options) -> Verdict:
    """What the rule decides, or that this table tells no ratio from another."""
    if question.silence:
        return undetermined(question.swept[0], question.silence)
    return rules.load(asked.rule)(question, asked)


def compose(question: Question, asked: Options, verdict: Verdict) -> Recommendation:
    """A verdict with all that stands beside it, but for what was assumed and would change it."""
    silence = question.silence
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
            **_per_byte(question, verdict.at),
            "epochs_by_corpus": question.epochs(verdict.at),
        },
        also=_also(question, asked) if not silence else {},
        by_law=_by_law(question, asked) if not silence else {},
    )


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
    bound = asked.bound
    known = question.knows_base or not bound.relative
    return {
        **interval_document(question.rise(np.array([at]))),
        "tolerance": float(question.allowed_rise(bound).estimate[0]) if known else None,
        "risk": asked.risk,
    }


def _per_byte(question: Question, at: float) -> dict[str, Any]:
    """Losses and rise in bits per byte, for a target whose tokenizer is not the table's."""
    if not tokenizer.is_foreign(question.fit, question.base_tokenizer):
        return {}
    ratio, fit = np.array([at]), question.fit
    asked = {"domain": (fit.domain_set, question.domain)} if question.has_domain else {}
    if question.has_general:
        asked["general"] = (fit.general_set, question.general)
        if question.knows_base or question.reference == "control":
            asked["general rise"] = (fit.general_set, question.rise)
    found = {
        name: tokenizer.in_bits_per_byte(question, eval_set, loss(ratio))
        for name, (eval_set, loss) in asked.items()
    }
    return {"bits_per_byte": {name: value for name, value in found.items() if value is not None}}


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
    verdicts = {
        name: rules.load(asked.rule)(question.at(law=name), asked) for name in sorted(found)
    }
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
    return {other: _ratio(rules.load(other)(question, asked))}


def _practice(question: Question, asked: Options) -> dict[str, Any]:
    """What others do, and what the sweep's own longest runs of the largest size did."""
    defaults = {name: 1 - replay for name, replay in practice.REPLAY_DEFAULTS.items()}
    found = {"replay_defaults": defaults, "published": practice.domain_band(asked.shift)}
    runs = question.fit.about.get("longest_runs", ())
    best = practice.best_observed(runs, asked.bound)
    return {**found, "best_observed": best, "bound": str(asked.bound)}


def _warnings(question: Question, verdict: Verdict) -> tuple[Status, ...]:
    assumed: tuple[Status, ...] = ()
    given = question.base_general_loss is not None and question.reference == "base"
    if given and question.has_general and not question.fit.has_base_rows:
        text = (
            "The table has no base rows (tokens = 0): the rise is the law minus "
            f"--base-general-loss {question.base_general_loss}, which assumes that this loss was "
            "measured on the same held-out set and tokenizer as the table's."
        )
        assumed = (Status("assumed-base-loss", text),)
    found = (
        *assumed,
        *verdict.warnings,
        *tokenizer.notices(question),
        *extrapolation.notices(question, verdict.at),
        *question.fit.statuses,
    )
    return tuple({(w.code, w.message): w for w in found}.values())
