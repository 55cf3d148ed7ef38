"""What may be asked: the target, the rule and its numbers, checked once when they are given.

Each option is described at its field and nowhere else. What a rule in particular needs is declared
by the rule and checked by ``mixlaw.recommend.rules.check``. Text and numbers only: the command line
reads this before numpy is needed.
"""

# ruff: noqa: RUF009  (``option`` is ``dataclasses.field`` with a description)

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from mixlaw.errors import ConfigError, unknown_name
from mixlaw.recommend.loss_units import MeasuredLoss, Tolerance
from mixlaw.recommend.option import (
    METADATA,
    Option,
    bounds_by_name,
    check_between,
    count,
    number,
    numbers_by_name,
    option,
    parse_model_size,
    share,
)
from mixlaw.recommend.rule_names import rule_names

if TYPE_CHECKING:
    import pandas as pd

Reference = Literal["base", "control"]
Shift = Literal["same-language", "new-language", "anneal"]

#: Token budgets of the table that stands in for a missing --tokens. Conventional: the sizes of
#: published continual pre-training runs, from a day on one GPU to the largest.
TABLE_TOKENS = (1e9, 5e9, 2e10, 1e11)

#: Budget of the headline where nobody names one; one of the table's.
DEFAULT_TOKENS = 2e10
#: Allowed rise by default. Conventional: ten times the spread between seeds at ordinary sizes.
DEFAULT_RISE = Tolerance(0.02)


@dataclass(frozen=True)
class Options:
    """One question to a fit. ``described()`` lists every option with its sentence and unit.

    Raises:
        ConfigError: a value is out of its range, or a name is not known.
    """

    n_params: float | None = option(
        None,
        "Non-embedding parameters of the target; 8B:total counts all.",
        "target",
        unit="parameters",
        example="8B",
        flag="--model-size",
        parse=parse_model_size,
    )
    n_params_is_total: bool = option(
        False, "The target's size counts the embeddings too, which the laws do not.", "target"
    )
    tokens: float | None = option(
        None,
        "CPT tokens of the target; default a table.",
        "target",
        unit="tokens",
        example="20B",
        **count("--tokens", "token budget"),
    )
    rule: str = option(
        "tolerance", "The rule that chooses the share.", "question", example="NAME", flag="--rule"
    )
    max_general_rise: float | str | None = option(
        None,
        "Allowed rise of the general loss, nats or %; default 0.02.",
        "question",
        unit="nats per token, or % of the base's general loss",
        example="0.02|3%",
        flag="--max-general-rise",
    )
    risk: float = option(
        0.1,
        "Allowed probability of breaking that bound.",
        "question",
        example="0.1",
        limits=(0.0, 1.0),
        open_limits=True,
        **number("--risk"),
    )
    reference: Reference = option(
        "base",
        "What the rise is measured against.",
        "question",
        example="base|control",
        flag="--reference",
    )
    base_general_loss: float | str | None = option(
        None,
        "Measured general loss of the target's base, with its standard error if known.",
        "evidence",
        unit="nats per token, or bits per byte",
        example="2.31|2.31+-0.004|0.61bpb",
        flag="--base-general-loss",
    )
    base_domain_loss: float | str | None = option(
        None,
        "Measured domain loss of the target's base.",
        "evidence",
        unit="nats per token, or bits per byte",
        example="2.31|0.61bpb",
        flag="--base-domain-loss",
    )
    base_tokenizer: str | None = option(
        None,
        "Tokenizer of the target's base, if not the table's.",
        "evidence",
        example="NAME",
        flag="--base-tokenizer",
    )
    natural: Mapping[str, float] | None = option(
        None,
        "Natural shares of the corpora within their part.",
        "advanced",
        example="A=.7,B=.3",
        **numbers_by_name("--natural"),
    )
    domain_tokens: float | None = option(
        None,
        "Distinct domain tokens there are.",
        "target",
        unit="tokens",
        example="5B",
        **count("--domain-tokens", "number of domain tokens"),
    )
    base_tokens: float | None = option(
        None,
        "Tokens that the target's base was pre-trained on.",
        "target",
        unit="tokens",
        example="18T",
        **count("--base-tokens", "number of the base's tokens"),
    )
    lr_ratio: float | None = option(
        None,
        "Peak learning rate of the target over its base's.",
        "target",
        example="0.1",
        limits=(0.0, 1e3),
        open_limits=True,
        **number("--lr-ratio"),
    )
    max_epochs: float | None = option(
        None,
        "How often a token may be seen; default once, or as laws that know repeats say.",
        "question",
        unit="passes",
        example="4",
        limits=(0.0, 1e4),
        open_limits=True,
        for_some_rules=True,
        **number("--max-epochs"),
    )
    flops: float | None = option(
        None,
        "Compute to spend (rule allocation).",
        "question",
        unit="FLOPs",
        example="5e19",
        # Less would leave sizes of less than one parameter among those that are tried.
        limits=(1e7, 1e30),
        for_some_rules=True,
        **count("--flops", "compute"),
    )
    ratio: float | None = option(
        None,
        "Ask about this domain share.",
        "question",
        example="30%|3:7",
        limits=(0.0, 1.0),
        **share("--ratio"),
    )
    lambda_: float = option(
        math.inf,
        "Weight of the general loss (rule turning-point).",
        "advanced",
        example="10",
        for_some_rules=True,
        **number("--lambda"),
    )
    weights: Mapping[str, float] | None = option(
        None,
        "Weights of the losses (rule balance).",
        "advanced",
        example="A=1,B=2",
        for_some_rules=True,
        **numbers_by_name("--weights"),
    )
    unique_tokens: Mapping[str, float] | None = option(
        None,
        "Distinct tokens by corpus.",
        "target",
        unit="tokens",
        example="A=5B,B=9B",
        **numbers_by_name("--unique-tokens"),
    )
    bounds: Mapping[str, tuple[float, float]] | None = option(
        None,
        "Share bounds by corpus (rule balance).",
        "advanced",
        example="A=0:.5",
        for_some_rules=True,
        **bounds_by_name("--bounds"),
    )
    kl: float = option(
        0.0,
        "Price of leaving the natural mixture (rule balance).",
        "advanced",
        unit="nats of loss per nat of divergence",
        example="0.1",
        limits=(0.0, 1e6),
        for_some_rules=True,
        **number("--kl"),
    )
    shift: Shift | None = option(
        None,
        "Compare with runs of: same-language, new-language, anneal.",
        "evidence",
        example="KIND",
        flag="--shift",
    )
    reach_domain_loss: float | None = option(
        None,
        "Ask how many tokens reach this domain loss.",
        "question",
        unit="nats per token",
        example="1.9",
        limits=(0.0, 100.0),
        open_limits=True,
        **number("--reach-domain-loss"),
    )
    observed: "Path | str | pd.DataFrame | None" = option(
        None,
        "First rows of the target run: recalibrate.",
        "evidence",
        example="RUNS",
        flag="--observed",
    )

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
    def passes(self) -> float:
        """How often a token may be seen at most, as far as laws without repeats are concerned."""
        return 1.0 if self.max_epochs is None else self.max_epochs

    @property
    def fixed_budget(self) -> bool:
        """True if the token budget is given rather than chosen."""
        return self.tokens is not None

    @property
    def given_for_some_rules(self) -> tuple[str, ...]:
        """Names of the options given that not every rule reads."""
        return tuple(
            name
            for name, described in _described().items()
            if described.for_some_rules and getattr(self, name) not in (_defaults()[name], {})
        )

    def __post_init__(self) -> None:
        self._read_text()
        _one_of("rule", self.rule, rule_names())
        _one_of("reference", self.reference, get_args(Reference))
        if self.shift is not None:
            _one_of("shift", self.shift, get_args(Shift))
        self._check_numbers()
        self._check_by_corpus()
        _ = self.bound, self.base_losses

    def _read_text(self) -> None:
        """Read what is written as on the command line: 8B, 8B:total, 30%."""
        for name, described in _described().items():
            text = getattr(self, name)
            if not isinstance(text, str) or described.parse is str:
                continue
            value = described.parse(text)
            if name == "n_params":
                value, is_total = value
                object.__setattr__(self, "n_params_is_total", is_total or self.n_params_is_total)
            object.__setattr__(self, name, value)

    def _check_numbers(self) -> None:
        for what, value in (("model size", self.n_params), ("token budget", self.tokens)):
            if value is not None and not 1 <= value <= 1e30:
                raise ConfigError(f"The {what} is {value:g}; it must lie between 1 and 1e30.")
        for name, described in _described().items():
            if described.limits is not None and getattr(self, name) is not None:
                described.check(getattr(self, name))
        if not self.lambda_ > 0:
            raise ConfigError(f"--lambda is {self.lambda_}; it must be positive, or inf.")

    def _check_by_corpus(self) -> None:
        for corpus, unique in (self.unique_tokens or {}).items():
            check_between(f"The number of distinct tokens of '{corpus}'", unique, 0.0, 1e30)
        for corpus, (low, high) in (self.bounds or {}).items():
            if not 0 <= low <= high <= 1:
                text = f"The bounds {low:g}:{high:g} of '{corpus}' must rise within 0 and 1."
                raise ConfigError(text)


def described() -> dict[str, Option]:
    """Every option by the name of its field: help, unit, group, flag."""
    return dict(_described())


@cache
def _described() -> dict[str, Option]:
    return {field.name: field.metadata[METADATA] for field in fields(Options)}


@cache
def _defaults() -> dict[str, object]:
    return {field.name: field.default for field in fields(Options)}


def _one_of(what: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise ConfigError(unknown_name(what, name, known))
