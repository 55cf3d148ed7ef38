"""Quantities as people write them: ``8B``, ``350M``, ``2e10``, ``20B tokens`` are plain counts."""

import re

from mixlaw.errors import ConfigError

#: Sizes, budgets or shares closer than this (relative) are one level: rounding of printed counts
#: to three digits is no new level. Conventional.
SAME_LEVEL = 1e-3
#: Powers of a thousand by the letter behind a count.
_UNITS = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "G": 1e9, "T": 1e12}
_QUANTITY = re.compile(r"([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*([KMBGT]?)", re.IGNORECASE)


def parse_quantity(text: str | float, what: str = "quantity") -> float:
    """A positive, finite count from text such as ``8B``, ``350M``, ``2e10`` or a number.

    Args:
        text: what the user wrote; K, M, B (or G) and T are powers of a thousand.
        what: name of the value, used in the error message.

    Raises:
        ConfigError: the text is no quantity, or not between 1 and 1e30.
    """
    match = _QUANTITY.fullmatch(str(text).strip().replace("_", "").replace(",", ""))
    value = float(match[1]) * _UNITS[match[2].upper()] if match else float("nan")
    if not 1 <= value <= 1e30:
        raise ConfigError(
            f"The {what} '{text}' is not a count from 1 to 1e30; write it like 8B, 350M or 2e10."
        )
    return value


def format_quantity(value: float) -> str:
    """The shortest usual spelling of a count: 8e9 is ``8B``, 227120 is ``227k``."""
    for unit, size in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size * 0.9995:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def format_factor(value: float) -> str:
    """A multiple in three digits, as people write it: 40339 is ``40,300``, 0.08 is ``0.08``."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if 100 <= rounded < 1e9 else f"{rounded:.3g}"


def times(passes: float) -> str:
    """``once``, or ``2.5 times``."""
    return "once" if f"{passes:.3g}" == "1" else f"{passes:.3g} times"


def moved(rise: float, reference: str) -> str:
    """A rise as people say it: ``rises by 0.01 nats over the base``, ``falls 0.01 nats below``."""
    if rise < 0:
        return f"falls {-rise:.3g} nats below the {reference}"
    return f"rises by {rise:.3g} nats over the {reference}"


def percents(low: float, high: float) -> tuple[str, str]:
    """Two shares with as many digits as tell them apart, three after the point at most."""
    usual = percent(low), percent(high)
    if usual[0] != usual[1] or low == high:
        return usual
    finer = [(f"{low:.{digits}%}", f"{high:.{digits}%}") for digits in (1, 2, 3)]
    return next((spelled for spelled in finer if spelled[0] != spelled[1]), finer[-1])


def percent(ratio: float) -> str:
    """A share as people read it: 0.283 is ``28%``, 0.9237 is ``92.4%``, and 1 is ``100%``."""
    return f"{ratio:.0%}" if 0.1 <= ratio <= 0.9 or ratio in (0, 1) else f"{ratio:.1%}"
