"""The recommendation: everything that is said about one target, and its JSON document."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any

import numpy as np

from mixlaw.recommend import tokenizer
from mixlaw.recommend.context import extrapolation, inverse, practice
from mixlaw.recommend.context.regret import regret_document, regrets
from mixlaw.recommend.options import Options
from mixlaw.recommend.question import Question
from mixlaw.recommend.rules import turning_point
from mixlaw.recommend.verdict import Verdict, undetermined
from mixlaw.result.types import LEVEL, Status, interval_document

SCHEMA = "mixlaw.recommendation/1"


@dataclass(frozen=True)
class Recommendation:
    """The answer to one question, ready to be printed, saved or emitted.

    Attributes:
        n_params: non-embedding parameters of the target.
        tokens: CPT tokens of the target.
        rule: the rule that answered.
        reference: what rises are measured against, ``base`` or ``control``.
        law: name of the fitted law.
        feasible: True; False if there is no such ratio; None if the data cannot tell.
        recommended: domain ratio that obeys the risk; None if there is none.
        estimate: the critical ratio itself; None if there is none.
        interval: its central interval.
        at: ratio at which losses and rise are reported.
        shares: by corpus, ``recommended``, ``low`` and ``high``.
        losses: ``domain`` and ``general``, each with ``estimate``, ``low``, ``high``.
        general_rise: the same of the rise, with the tolerance in nats and the risk.
        regret: mean and 95th percentile, nats of domain loss; None where it is not defined.
        extrapolation: distances from the data.
        practice: what others do.
        held_out: the law's errors on held-out rows, and the baseline's.
        assumptions: what was assumed because nobody said otherwise.
        warnings: first what matters most.
        would_change: what the answer would be under other bounds, risk and reference.
        next_run: where the interval is wide, the run that would narrow it most for its price.
        details: further results of the rule.
        also: what other rules say, by rule.
        by_law: what each law of a stack says alone.
        table: the same for other token budgets.
    """

    n_params: float
    tokens: float
    rule: str
    reference: str
    law: str
    feasible: bool | None
    recommended: float | None
    estimate: float | None
    interval: tuple[float, float]
    at: float
    shares: Mapping[str, Mapping[str, float | None]]
    losses: Mapping[str, Mapping[str, float]]
    general_rise: Mapping[str, Any] | None
    regret: Mapping[str, Any] | None
    extrapolation: Mapping[str, float]
    practice: Mapping[str, Any]
    held_out: Mapping[str, Any]
    assumptions: tuple[str, ...] = ()
    warnings: tuple[Status, ...] = ()
    would_change: Mapping[str, Any] = field(default_factory=dict)
    next_run: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    also: Mapping[str, Any] = field(default_factory=dict)
    by_law: Mapping[str, Any] = field(default_factory=dict)
    table: "tuple[Recommendation, ...]" = ()

    @property
    def exit_code(self) -> int:
        """3 if the question has no feasible answer, else 0."""
        return 3 if self.feasible is False else 0

    def document(self) -> dict[str, Any]:
        """The JSON document ``mixlaw.recommendation/1``."""
        low, high = self.interval
        return {
            "schema": SCHEMA,
            "target": {"n_params": self.n_params, "tokens": self.tokens},
            "rule": self.rule,
            "reference": self.reference,
            "law": self.law,
            "feasible": self.feasible,
            "domain_ratio": {
                "recommended": self.recommended,
                "estimate": self.estimate,
                "low": low,
                "high": high,
                "level": LEVEL,
            },
            "shares": {corpus: dict(share) for corpus, share in self.shares.items()},
            "losses": {name: dict(loss) for name, loss in self.losses.items()},
            "general_rise": dict(self.general_rise) if self.general_rise else None,
            "evaluated_at": self.at,
            "regret": dict(self.regret) if self.regret else None,
            "extrapolation": dict(self.extrapolation),
            "held_out": dict(self.held_out),
            "practice": dict(self.practice),
            "assumptions": list(self.assumptions),
            "warnings": [
                {name: text for name, text in asdict(warning).items() if text}
                for warning in self.warnings
            ],
            "would_change": dict(self.would_change),
            "next_run": dict(self.next_run),
            "details": dict(self.details),
            "also": dict(self.also),
            "by_law": dict(self.by_law),
            "table": [other.document() for other in self.table],
        }


def answer(question: Question, asked: Options) -> Recommendation:
    """Everything there is to say about one target, but for what was assumed."""
    silence = question.silence
    if silence:
        verdict = undetermined(question.swept[0], silence)
    else:
        verdict = rule(asked.rule)(question, asked)
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


def rule(name: str) -> Callable[[Question, Options], Verdict]:
    """The ``decide`` of a rule's module, imported when it is asked for."""
    module = import_module(f"mixlaw.recommend.rules.{name.replace('-', '_')}")
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
    bound = asked.bound
    known = question.knows_base or not bound.relative
    return {
        **interval_document(question.rise(np.array([at]))),
        "tolerance": float(bound.nats(question).estimate[0]) if known else None,
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
    verdicts = {name: rule(asked.rule)(question.at(law=name), asked) for name in sorted(found)}
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
    return {other: _ratio(rule(other)(question, asked))}


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
