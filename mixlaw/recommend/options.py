"""What may be asked: the target, the rule and its numbers, checked once when they are given."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from mixlaw.errors import ConfigError, unknown_name
from mixlaw.recommend.loss_units import MeasuredLoss, Tolerance

if TYPE_CHECKING:
    import pandas as pd


Reference = Literal["base", "control"]
Shift = Literal["same-language", "new-language", "anneal"]


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
    """One question to a fit.

    Attributes:
        n_params: non-embedding parameters of the target; default the experiment's.
        n_params_is_total: ``n_params`` counts the embeddings too, which the laws do not.
        tokens: CPT tokens of the target; default the experiment's, else 20B, and then the answer's
            ``table`` holds the same for 1B, 5B, 20B and 100B.
        rule: one of ``mixlaw.recommend.rules.available()``.
        max_general_rise: allowed rise of the general loss: nats (0.02, the default) or ``"3%"`` of
            the base's general loss.
        risk: allowed probability of breaking that bound.
        reference: what the rise is measured against, ``base`` or ``control``.
        base_general_loss: measured general loss of the target's base: nats per token, or bits per
            byte as ``"0.61bpb"``.
        base_domain_loss: the same of the domain loss.
        base_tokenizer: what these two were measured with, where it is not the table's tokenizer.
        natural: shares that split the domain and the general part among several corpora each.
        domain_tokens: distinct domain tokens there are.
        max_epochs: passes allowed over a corpus.
        flops: compute to spend.
        ratio: domain ratio to ask about, or to allocate at.
        lambda_: weight of the general loss in the turning point.
        weights: weights of the losses, by eval set.
        unique_tokens: distinct tokens by corpus.
        bounds: smallest and largest share by corpus.
        kl: price of leaving the natural mixture, nats of loss per nat of divergence.
        shift: kind of published runs to compare with.
        reach_domain_loss: domain loss whose budget is asked for.
        observed: a runs table with the first rows of the target run: they recalibrate the draws.

    Raises:
        ConfigError: a value is out of its range, or a rule lacks the number it is about.
    """

    n_params: float | None = None
    n_params_is_total: bool = False
    tokens: float | None = None
    rule: str = "tolerance"
    max_general_rise: float | str | None = None
    risk: float = 0.1
    reference: Reference = "base"
    base_general_loss: float | str | None = None
    base_domain_loss: float | str | None = None
    base_tokenizer: str | None = None
    natural: Mapping[str, float] | None = None
    domain_tokens: float | None = None
    max_epochs: float = 1.0
    flops: float | None = None
    ratio: float | None = None
    lambda_: float = math.inf
    weights: Mapping[str, float] | None = None
    unique_tokens: Mapping[str, float] | None = None
    bounds: Mapping[str, tuple[float, float]] | None = None
    kl: float = 0.0
    shift: Shift | None = None
    reach_domain_loss: float | None = None
    observed: "Path | str | pd.DataFrame | None" = None

    @cached_property
    def bound(self) -> Tolerance:
        """The allowed rise."""
        if self.max_general_rise is None:
            return DEFAULT_RISE
        return Tolerance.parse(self.max_general_rise)

    @cached_property
    def base_losses(self) -> dict[str, MeasuredLoss]:
        """Measured losses of the target's base, by role, where they are given."""
        given = {"general": self.base_general_loss, "domain": self.base_domain_loss}
        return {
            role: MeasuredLoss.parse(f"--base-{role}-loss", text)
            for role, text in given.items()
            if text is not None
        }

    @property
    def fixed_budget(self) -> bool:
        """True if the token budget is given rather than found."""
        return self.tokens is not None

    @property
    def keeps_bound(self) -> bool:
        """True if the answer keeps the general loss within the allowed rise."""
        return self.rule == "tolerance" or (self.rule == "allocation" and self.ratio is None)

    @property
    def asks_for_mixture(self) -> bool:
        """True if a cap, bound or penalty on single corpora is given."""
        return bool(self.unique_tokens or self.bounds or self.kl)

    def __post_init__(self) -> None:
        _one_of("reference", self.reference, get_args(Reference))
        if self.shift is not None:
            _one_of("shift", self.shift, get_args(Shift))
        self._check_target()
        self._check_numbers()
        self._check_rule()
        _ = self.bound, self.base_losses

    def _check_target(self) -> None:
        for what, count in (("model size", self.n_params), ("token budget", self.tokens)):
            if count is not None and not 1 <= count <= 1e30:
                raise ConfigError(f"The {what} is {count:g}; it must lie between 1 and 1e30.")

    def _check_numbers(self) -> None:
        _between("--risk", self.risk, 0.0, 1.0, open_ends=True)
        _between("--max-epochs", self.max_epochs, 0.0, 1e4, open_ends=True)
        _between("--kl", self.kl, 0.0, 1e6)
        if self.ratio is not None:
            _between("--ratio", self.ratio, 0.0, 1.0)
        if not self.lambda_ > 0:
            raise ConfigError(f"--lambda is {self.lambda_}; it must be positive, or inf.")
        if self.reach_domain_loss is not None:
            _between("--reach-domain-loss", self.reach_domain_loss, 0.0, 100.0, open_ends=True)
        for corpus, unique in (self.unique_tokens or {}).items():
            _between(f"The number of distinct tokens of '{corpus}'", unique, 0.0, 1e30)
        for corpus, (low, high) in (self.bounds or {}).items():
            if not 0 <= low <= high <= 1:
                raise ConfigError(
                    f"The bounds {low:g}:{high:g} of '{corpus}' must rise within 0 and 1."
                )

    def _check_rule(self) -> None:
        if self.rule == "limited-domain" and self.domain_tokens is None:
            raise ConfigError(
                "--rule limited-domain needs --domain-tokens, the distinct domain tokens there are."
            )
        if self.rule == "allocation" and self.flops is None:
            raise ConfigError("--rule allocation needs --flops, the compute to be spent.")
        if self.flops is not None:
            # Less would leave sizes of less than one parameter among those that are tried.
            _between("--flops", self.flops, 1e7, 1e30)
        for flag, (given, rules) in self._of_single_rules().items():
            if given and self.rule not in rules:
                raise ConfigError(
                    f"{flag} belongs to --rule {' or '.join(rules)}, not to {self.rule}."
                )

    def _of_single_rules(self) -> dict[str, tuple[bool, tuple[str, ...]]]:
        """Flags that only some rules read: whether each was given, and those rules."""
        return {
            "--flops": (self.flops is not None, ("allocation",)),
            "--weights": (self.weights is not None, ("balance",)),
            "--bounds": (bool(self.bounds), ("balance",)),
            "--kl": (self.kl > 0, ("balance",)),
            "--max-epochs": (self.max_epochs != 1, ("limited-domain", "balance")),
            "--lambda": (math.isfinite(self.lambda_), ("turning-point", "tolerance")),
        }


def _one_of(what: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise ConfigError(unknown_name(what, name, known))


def _between(name: str, value: float, low: float, high: float, open_ends: bool = False) -> None:
    inside = low < value < high if open_ends else low <= value <= high
    if not inside:
        ends = "strictly between" if open_ends else "between"
        raise ConfigError(f"{name} is {value:g}; it must lie {ends} {low:g} and {high:g}.")
