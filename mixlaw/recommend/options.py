"""What may be asked: the rule and its numbers, checked once, when the question is put."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from mixlaw.errors import ConfigError, unknown_name
from mixlaw.recommend.practice import Shift
from mixlaw.recommend.question import Reference
from mixlaw.recommend.tolerance import Tolerance

RULES = ("tolerance", "turning-point", "limited-domain", "allocation", "balance")

#: Rules that choose the budget themselves.
FREE_BUDGET = ("allocation", "limited-domain")

#: Token budgets of the table that stands in for a missing --tokens.
TABLE_TOKENS = (1e9, 5e9, 2e10, 1e11)

#: Budget of the headline where neither the user nor the experiment names one.
DEFAULT_TOKENS = 2e10

#: Allowed rise where none is given: about ten times the spread between seeds at ordinary sizes.
DEFAULT_RISE = Tolerance(0.02)


@dataclass(frozen=True)
class Options:
    """How to answer; see ``recommend_ratio`` for the meaning of each.

    Raises:
        ConfigError: a value is out of its range, or a rule lacks the number it is about.
    """

    rule: str = "tolerance"
    max_general_rise: Tolerance = DEFAULT_RISE
    risk: float = 0.1
    reference: Reference = "base"
    domain_tokens: float | None = None
    max_epochs: float = 1.0
    flops: float | None = None
    ratio: float | None = None
    lambda_: float = math.inf
    weights: Mapping[str, float] | None = None
    shift: Shift | None = None
    reach_domain_loss: float | None = None
    unique_tokens: Mapping[str, float] | None = None
    bounds: Mapping[str, tuple[float, float]] | None = None
    kl: float = 0.0
    fixed_budget: bool = True

    @property
    def asks_for_mixture(self) -> bool:
        """True if a cap, bound or penalty on single corpora is given."""
        return bool(self.unique_tokens or self.bounds or self.kl)

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ConfigError(unknown_name("rule", self.rule, RULES))
        if self.reference not in get_args(Reference):
            raise ConfigError(unknown_name("reference", self.reference, get_args(Reference)))
        if self.shift is not None and self.shift not in get_args(Shift):
            raise ConfigError(unknown_name("shift", self.shift, get_args(Shift)))
        _between("--risk", self.risk, 0.0, 1.0, open_ends=True)
        _between("--max-epochs", self.max_epochs, 0.0, 1e4, open_ends=True)
        if self.ratio is not None:
            _between("--ratio", self.ratio, 0.0, 1.0)
        if not self.lambda_ > 0:
            raise ConfigError(f"--lambda is {self.lambda_}; it must be positive, or inf.")
        if self.rule == "limited-domain" and self.domain_tokens is None:
            raise ConfigError(
                "--rule limited-domain needs --domain-tokens, the distinct domain tokens there are."
            )
        if self.rule == "allocation" and self.flops is None:
            raise ConfigError("--rule allocation needs --flops, the compute to be spent.")
        _between("--kl", self.kl, 0.0, 1e6)
        base_loss("--reach-domain-loss", self.reach_domain_loss)
        for corpus, unique in (self.unique_tokens or {}).items():
            _between(f"The number of distinct tokens of '{corpus}'", unique, 0.0, 1e30)
        for corpus, (low, high) in (self.bounds or {}).items():
            if not 0 <= low <= high <= 1:
                raise ConfigError(
                    f"The bounds {low:g}:{high:g} of '{corpus}' must rise within 0 and 1."
                )
        if self.flops is not None and self.rule != "allocation":
            raise ConfigError(f"--flops belongs to --rule allocation, not to {self.rule}.")


def base_loss(name: str, value: float | None) -> float | None:
    """A base loss from the command line, checked.

    Raises:
        ConfigError: it is not a loss per token: not finite, not positive, or above 100 nats.
    """
    if value is not None and not 0 < value <= 100:
        raise ConfigError(f"{name} is {value}; a loss is in nats per token, above 0 and up to 100.")
    return value


def _between(name: str, value: float, low: float, high: float, open_ends: bool = False) -> None:
    inside = low < value < high if open_ends else low <= value <= high
    if not inside:
        ends = "strictly between" if open_ends else "between"
        raise ConfigError(f"{name} is {value:g}; it must lie {ends} {low:g} and {high:g}.")
