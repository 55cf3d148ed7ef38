"""A mixture: shares of the training tokens by corpus, summing to one.

The mixture is a vector from the start; domain against general is its commonest case.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mixlaw.errors import ConfigError

#: How far the shares given by a person or a table may miss one before they are refused: they
#: are often printed with three digits. Conventional.
SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Mixture:
    """Shares of the training tokens by corpus name, each in [0, 1], renormalised to sum to one.

    Raises:
        ConfigError: a share is outside [0, 1], or the sum misses one by more than 1e-3.
    """

    shares: Mapping[str, float]

    def __post_init__(self) -> None:
        for corpus, share in self.shares.items():
            if not (math.isfinite(share) and 0 <= share <= 1):
                raise ConfigError(
                    f"The share of '{corpus}' is {share}; shares lie between 0 and 1."
                )
        total = math.fsum(self.shares.values())
        if abs(total - 1) > SUM_TOLERANCE:
            raise ConfigError(
                f"The shares {dict(self.shares)} sum to {total:.4g}; they must sum to 1."
            )
        exact = {corpus: share / total for corpus, share in self.shares.items()}
        object.__setattr__(self, "shares", exact)

    @classmethod
    def of(cls, domain_ratio: float, domain: str = "domain", general: str = "general") -> "Mixture":
        """The two-corpus mixture with this domain share."""
        return cls({domain: domain_ratio, general: 1 - domain_ratio})

    def __getitem__(self, corpus: str) -> float:
        return self.shares[corpus]

    def __iter__(self) -> Iterator[str]:
        return iter(self.shares)

    def __str__(self) -> str:
        return ", ".join(f"{corpus} {share:.3g}" for corpus, share in self.shares.items())


def parse_ratio(text: str | float) -> float:
    """A domain ratio from ``0.3``, ``30%`` or ``3:7`` (domain first).

    Raises:
        ConfigError: the text is none of these, or the ratio is outside [0, 1].
    """
    cleaned = str(text).strip()
    ratio = math.nan
    number = r"[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?"
    if pair := re.fullmatch(rf"({number})\s*:\s*({number})", cleaned):
        domain, general = float(pair[1]), float(pair[2])
        ratio = domain / (domain + general) if domain + general > 0 else math.nan
    elif percent := re.fullmatch(rf"({number})\s*%", cleaned):
        ratio = float(percent[1]) / 100
    elif re.fullmatch(number, cleaned):
        ratio = float(cleaned)
    if not 0 <= ratio <= 1:
        raise ConfigError(
            f"'{text}' is not a domain ratio; write 0.3, 30% or 3:7 (domain first), from 0 to 1."
        )
    return ratio
