"""Roles: which eval set is the domain loss, which the general, and whose share counts for it."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from mixlaw.errors import ConfigError, DataError, unknown_name

if TYPE_CHECKING:
    import pandas as pd

#: What an eval set stands for.
Side = Literal["domain", "general", ""]


class ByName(Protocol):
    """Anything that gives a value by name: a mapping, or a table with its columns."""

    def __getitem__(self, name: str, /) -> Any:
        """The value of this name."""


@dataclass(frozen=True)
class Roles:
    """What the eval sets and corpora of a table stand for.

    Attributes:
        domain_set: eval set whose loss is the domain loss.
        general_sets: eval sets of the general loss with weights, which are normalised.
        domain_corpora: corpora whose shares add up to the domain ratio.
        own: own corpus by eval set, where the names differ by more than case, ``-`` and ``_``.
    """

    domain_set: str = "domain"
    general_sets: Mapping[str, float] = field(default_factory=lambda: {"general": 1.0})
    domain_corpora: tuple[str, ...] = ("domain",)
    own: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        given = self.general_sets.values()
        total = sum(given)
        if not given or not all(0 < weight < math.inf for weight in given):
            raise ConfigError("The general loss needs one eval set or more with positive weights.")
        weights = {name: weight / total for name, weight in self.general_sets.items()}
        object.__setattr__(self, "general_sets", weights)

    @classmethod
    def parse(
        cls,
        domain_set: str = "domain",
        general_set: str = "general",
        domain_corpora: str = "domain",
        own: Sequence[str] = (),
    ) -> "Roles":
        """Roles from the texts of the command line (``web=0.7,books=0.3``; ``EVAL=CORPUS``).

        Raises:
            ConfigError: a text does not have its form.
        """
        return cls(
            domain_set,
            parse_weights(general_set),
            tuple(name.strip() for name in domain_corpora.split(",") if name.strip()),
            dict(_pair(text) for text in own),
        )

    @property
    def general_set(self) -> str:
        """Name of the general loss: its eval set, or the weighted sum written out."""
        if len(self.general_sets) == 1:
            return next(iter(self.general_sets))
        return ",".join(f"{name}={weight:.4g}" for name, weight in self.general_sets.items())

    def general_loss(self, losses: ByName) -> Any:
        """The general loss: the weighted sum of the losses of its eval sets.

        Args:
            losses: by eval set, numbers, arrays or the columns of a table; every one of
                ``general_sets`` must be there. A missing value (nan) makes the sum nan.
        """
        parts = [weight * losses[name] for name, weight in self.general_sets.items()]
        return sum(parts[1:], start=parts[0])

    def own_corpus(self, eval_set: str, corpora: Sequence[str]) -> str | None:
        """The corpus an eval set was held out from: given, or the one of equal name; else None.

        Raises:
            ConfigError: the corpus given for it is not in the mixture.
        """
        given = self.own.get(eval_set)
        if given is not None:
            if given not in corpora:
                raise ConfigError(unknown_name("corpus", given, corpora))
            return given
        return next((c for c in corpora if _plain(c) == _plain(eval_set)), None)

    def domain_ratio(self, frame: "pd.DataFrame") -> "pd.Series":
        """Domain share of every row: the sum of the shares of the domain corpora.

        Raises:
            DataError: none of the domain corpora is in the mixture.
        """
        corpora = tuple(c.removeprefix("share.") for c in frame.columns if c.startswith("share."))
        return frame[[f"share.{c}" for c in self.domain_corpora_in(corpora)]].sum(
            axis=1, skipna=False
        )

    def domain_corpora_in(self, corpora: Sequence[str]) -> tuple[str, ...]:
        """The domain corpora among these; the domain set's own corpus where none was named.

        Raises:
            DataError: none of the domain corpora is in the mixture.
        """
        named = tuple(c for c in self.domain_corpora if c in corpora)
        own = self.own_corpus(self.domain_set, corpora)
        if len(named) == len(self.domain_corpora):
            return named
        if self.domain_corpora == ("domain",) and own is not None:
            return (own,)
        raise DataError(
            f"The mixture has no corpus '{','.join(self.domain_corpora)}' (it has "
            f"{', '.join(corpora) or 'none'}); name the domain with --domain-corpora."
        )

    def side(self, eval_set: str) -> Side:
        """Whether an eval set is the domain loss or (a part of) the general loss; "" if neither."""
        return side_of(eval_set, self.domain_set, (self.general_set, *self.general_sets))


def side_of(eval_set: str, domain_set: str, general: Collection[str]) -> Side:
    """The side of an eval set, ``general`` being the names that the general loss goes by."""
    if eval_set == domain_set:
        return "domain"
    return "general" if eval_set in general else ""


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def parse_weights(text: str) -> dict[str, float]:
    """Eval sets with weights from ``web=0.7,books=0.3``; one name alone has the weight one.

    Raises:
        ConfigError: a weight is no number, or a part lacks one.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if len(parts) == 1 and "=" not in parts[0]:
        return {parts[0]: 1.0}
    weights = {}
    for part in parts:
        name, weight = _pair(part)
        try:
            weights[name] = float(weight)
        except ValueError:
            raise ConfigError(
                f"'{weight}' in --general-set is not a weight; write web=0.7."
            ) from None
    return weights


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name.strip() or not value.strip():
        raise ConfigError(f"'{text}' must have the form NAME=VALUE.")
    return name.strip(), value.strip()
