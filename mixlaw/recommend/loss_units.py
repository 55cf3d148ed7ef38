"""Losses and bounds as people write them: 2.31 nats, 0.61bpb, 0.02 nats, 3% of the base's loss.

Text and numbers only: the command line reads this before numpy is needed.
"""

import re
from dataclasses import dataclass, replace

from mixlaw.errors import ConfigError

_RISE = re.compile(r"\s*(\d*\.?\d+(?:[eE][+-]?\d+)?)\s*(%|nats?)?\s*")
_LOSS = re.compile(
    r"\s*([+-]?\d*\.?\d+(?:[eE][+-]?\d+)?|[+-]?nan|[+-]?inf)"
    r"\s*(?:(?:±|\+/?-)\s*(\d*\.?\d+(?:[eE][+-]?\d+)?))?\s*(bpb|nats?)?\s*"
)

#: Largest loss that is accepted, in nats per token and in bits per byte alike. Conventional: a
#: uniform guess over a vocabulary of a million tokens costs 14 nats, so more is a typing error.
_LARGEST_LOSS = 100


@dataclass(frozen=True)
class Tolerance:
    """Allowed rise of the general loss: nats per token, or a part of the base's general loss."""

    value: float
    relative: bool = False

    @classmethod
    def parse(cls, text: str | float) -> "Tolerance":
        """From ``0.02`` (nats) or ``3%``.

        Raises:
            ConfigError: the text is neither, or is not between 0 and 20 nats or 1000%.
        """
        match = _RISE.fullmatch(str(text))
        relative = bool(match and match[2] == "%")
        value = float(match[1]) / (100 if relative else 1) if match else -1.0
        if not 0 <= value <= (10 if relative else 20):
            raise ConfigError(
                f"The allowed rise '{text}' is neither nats from 0 to 20 (0.02) nor a percentage "
                "of the base's general loss (3%)."
            )
        return cls(value, relative)

    def times(self, factor: float) -> "Tolerance":
        """A looser or tighter bound of the same kind."""
        return replace(self, value=factor * self.value)

    @property
    def written(self) -> str:
        """As ``--max-general-rise`` reads it."""
        return f"{100 * self.value:.3g}%" if self.relative else f"{self.value:.3g}"

    def __str__(self) -> str:
        return self.written if self.relative else f"{self.written} nats"


@dataclass(frozen=True)
class MeasuredLoss:
    """A loss that was measured elsewhere: nats per token, or bits per byte.

    Attributes:
        flag: the option that gave it, for error messages.
        value: the loss.
        per_byte: it is in bits per byte.
        standard_error: of the evaluation, in the same unit.
    """

    flag: str
    value: float
    per_byte: bool = False
    standard_error: float = 0.0

    @classmethod
    def parse(cls, flag: str, text: str | float) -> "MeasuredLoss":
        """From ``2.31`` (nats per token), ``0.61bpb`` (bits per byte), or ``2.31+-0.004``.

        Raises:
            ConfigError: it is neither: not a number, not positive, or above 100.
        """
        match = _LOSS.fullmatch(str(text))
        if match is None or not 0 < float(match[1]) <= _LARGEST_LOSS:
            raise ConfigError(
                f"{flag} is {text}; a loss is in nats per token (2.31) or bits per byte (0.61bpb), "
                f"above 0 and up to {_LARGEST_LOSS}, with its standard error or not (2.31+-0.004)."
            )
        return cls(flag, float(match[1]), match[3] == "bpb", float(match[2] or 0))
