"""The recommendation: all about one target, and its JSON document."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from mixlaw.result.types import LEVEL, Status

SCHEMA = "mixlaw.recommendation/1"


@dataclass(frozen=True)
class Recommendation:
    """The answer to one question, ready to be printed, saved or emitted.

    The last three are for the screen and are no part of the document.

    Attributes:
        n_params: non-embedding parameters of the target, a count.
        tokens: CPT tokens of the target, a count.
        rule: the rule that answered.
        reference: what rises are measured against, ``base`` or ``control``.
        law: name of the fitted law.
        feasible: True; False if there is no such ratio; None if the data cannot tell.
        recommended: domain ratio that obeys the risk; None if there is none.
        estimate: the critical ratio itself; None if there is none.
        interval: its central interval of the level ``LEVEL``.
        at: ratio at which losses and rise are reported.
        shares: by corpus, ``recommended``, ``low`` and ``high``.
        losses: ``domain`` and ``general``, each with ``estimate``, ``low``, ``high``, in nats.
        general_rise: the same of the rise, in nats, with the tolerance in nats and the risk.
        regret: mean and 95th percentile, nats of domain loss; None where it is not defined.
        extrapolation: distances from the data.
        practice: what others do.
        held_out: the law's errors on held-out rows, and the baseline's.
        assumptions: what was assumed where nothing was given.
        assumes: how the target is taken to be trained, by columns of the runs table.
        warnings: first what matters most.
        would_change: what the answer would be under other bounds, risk and reference.
        next_run: where the interval is wide, the run that would narrow it most for its price.
        details: further results of the rule.
        also: what other rules say, by rule.
        by_law: what each law of a stack says alone.
        budgets: the recommendations for other token budgets, where none was given.
        fit: where it came from: ``path`` of the fit, and ``table``, ``sha256`` and ``rows`` of what
            was fitted; a path that is not known is empty.
        validation: what the fit would have recommended for hidden runs, where that was tried.
        prior: of a fit of few runs, the studies that speak and the interval without them.
        ratio_name: what the screen calls the ratio, such as ``critical ratio``.
        keeps_bound: the recommended ratio keeps the allowed rise of the general loss.
        promise: what the recommended ratio keeps to, a sentence; empty if it bounds nothing.
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
    assumes: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[Status, ...] = ()
    would_change: Mapping[str, Any] = field(default_factory=dict)
    next_run: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    also: Mapping[str, Any] = field(default_factory=dict)
    by_law: Mapping[str, Any] = field(default_factory=dict)
    budgets: "tuple[Recommendation, ...]" = ()
    fit: Mapping[str, Any] = field(default_factory=dict)
    validation: Mapping[str, Any] = field(default_factory=dict)
    prior: Mapping[str, Any] = field(default_factory=dict)
    ratio_name: str = "best ratio"
    keeps_bound: bool = False
    promise: str = ""

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
            "fit": dict(self.fit),
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
            "validation": dict(self.validation),
            "prior": dict(self.prior),
            "practice": dict(self.practice),
            "assumptions": list(self.assumptions),
            "assumes": dict(self.assumes),
            "warnings": [
                {name: text for name, text in asdict(warning).items() if text}
                for warning in self.warnings
            ],
            "would_change": dict(self.would_change),
            "next_run": dict(self.next_run),
            "details": dict(self.details),
            "also": dict(self.also),
            "by_law": dict(self.by_law),
            "table": [other.document() for other in self.budgets],
        }
