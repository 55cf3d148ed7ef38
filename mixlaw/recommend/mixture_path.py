"""The path through the space of mixtures along which the domain ratio moves."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mixlaw.errors import ConfigError, FitError
from mixlaw.result.fit_result import FitResult
from mixlaw.result.types import Array


@dataclass(frozen=True)
class MixturePath:
    """How one number, the domain ratio, becomes the shares of all corpora.

    Attributes:
        domain: share of each domain corpus within the domain part; sums to one.
        general: share of each other corpus within the general part; sums to one.
    """

    domain: Mapping[str, float]
    general: Mapping[str, float]

    @classmethod
    def of(cls, fit: FitResult, natural: Mapping[str, float] | None = None) -> "MixturePath":
        """The path of a fit: within each part, in the proportions of the natural mixture.

        Args:
            fit: names the corpora and the domain among them.
            natural: shares by corpus; default the middle of the range that was swept.

        Raises:
            FitError: the fit has no mixture, or no domain in it.
            ConfigError: a natural share names no corpus of the fit, or is negative.
        """
        if not fit.corpora or not fit.domain_corpora:
            raise FitError(
                "This fit knows no domain share, so there is no ratio to recommend: its table has "
                f"{'no share columns' if not fit.corpora else 'no corpus named as the domain'}; "
                "add share.<corpus> columns, or name the domain with --domain-corpora."
            )
        return cls.through(fit, natural_mixture(fit, natural))

    @classmethod
    def without_domain(
        cls, fit: FitResult, natural: Mapping[str, float] | None = None
    ) -> "MixturePath":
        """The natural mixture alone, for rules that choose every share: no corpus is the domain.

        Raises:
            ConfigError: a natural share names no corpus of the fit, or is negative.
        """
        return cls({}, natural_mixture(fit, natural))

    @classmethod
    def through(cls, fit: FitResult, shares: Mapping[str, float]) -> "MixturePath":
        """The path that passes through this mixture."""
        domain = {c: shares[c] for c in fit.corpora if c in fit.domain_corpora}
        general = {c: shares[c] for c in fit.corpora if c not in fit.domain_corpora}
        return cls(_normalised(domain), _normalised(general))

    @property
    def is_pair(self) -> bool:
        """True if there are one domain and one general corpus."""
        return len(self.domain) == 1 and len(self.general) == 1

    def shares(self, ratios: ArrayLike) -> dict[str, Array]:
        """Shares by corpus at these domain ratios, each of their shape."""
        r = np.asarray(ratios, dtype=float)
        return {c: r * part for c, part in self.domain.items()} | {
            c: (1 - r) * part for c, part in self.general.items()
        }


def natural_mixture(fit: FitResult, natural: Mapping[str, float] | None = None) -> dict[str, float]:
    """Shares of all corpora, summing to one: as given, or the middle of the swept ranges.

    Raises:
        ConfigError: a share names no corpus of the fit, or is not between 0 and 1.
    """
    if natural is not None:
        return _normalised(_checked(natural, fit.corpora))
    middles = {c: sum(fit.ranges.get(f"share.{c}", (0.0, 1.0))) / 2 for c in fit.corpora}
    return _normalised(middles)


def _checked(natural: Mapping[str, float], corpora: tuple[str, ...]) -> dict[str, float]:
    unknown = set(natural) - set(corpora)
    if unknown or any(not 0 <= share <= 1 for share in natural.values()):
        raise ConfigError(
            f"The natural mixture {dict(natural)} must give shares from 0 to 1 for "
            f"corpora of the fit: {', '.join(corpora)}."
        )
    return {corpus: natural.get(corpus, 0.0) for corpus in corpora}


def _normalised(parts: dict[str, float]) -> dict[str, float]:
    total = sum(parts.values())
    return {c: part / total if total > 0 else 1 / len(parts) for c, part in parts.items()}
