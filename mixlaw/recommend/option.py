"""How one option of a recommendation is described, and how its text is read.

The description is written once, beside the option in ``options.Options``; the command line makes
its flag from it, and ``recommend_ratio`` its documentation. Text and numbers only: a command's help
must not wait for numpy.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from math import isfinite
from typing import Any, Literal

from mixlaw.errors import ConfigError
from mixlaw.mixture import parse_ratio
from mixlaw.quantities import parse_quantity

Group = Literal["target", "question", "evidence", "trainer", "advanced"]

#: Key of a dataclass field's metadata under which its ``Option`` stands.
METADATA = "option"


@dataclass(frozen=True)
class Option:
    """What a person and the command line must know about one option.

    Attributes:
        help: one or two sentences.
        group: the part of the help that it stands in.
        unit: what its number counts; empty if it has none.
        example: placeholder of its value in the help, such as ``8B``; empty if there is no flag.
        flag: its flag; empty if it is no flag of its own.
        parse: reads the text of the flag.
        limits: smallest and largest number allowed.
        open_limits: the limits themselves are not allowed.
        for_some_rules: only rules that declare to read it accept it.
    """

    help: str
    group: Group
    unit: str = ""
    example: str = ""
    flag: str = ""
    parse: Callable[[str], Any] = str
    limits: tuple[float, float] | None = None
    open_limits: bool = False
    for_some_rules: bool = False

    def check(self, value: float) -> None:
        """Refuse a number beyond the limits.

        Raises:
            ConfigError: it lies beyond them, or is NaN.
        """
        if self.limits is not None:
            check_between(self.flag, value, *self.limits, open_ends=self.open_limits)


def option(default: Any, help_text: str, group: Group, **more: Any) -> Any:
    """A dataclass field with this default that carries its ``Option``."""
    return field(default=default, metadata={METADATA: Option(help_text, group, **more)})


def check_between(
    name: str, value: float, low: float, high: float, open_ends: bool = False
) -> None:
    """Refuse a number outside a range.

    Raises:
        ConfigError: it lies outside, or is NaN.
    """
    inside = low < value < high if open_ends else low <= value <= high
    if not inside:
        ends = "strictly between" if open_ends else "between"
        raise ConfigError(f"{name} is {value:g}; it must lie {ends} {low:g} and {high:g}.")


def count(flag: str, what: str) -> dict[str, Any]:
    """Flag and reader of a count such as ``8B``, called ``what`` in error messages."""
    return {"flag": flag, "parse": partial(parse_quantity, what=what)}


def number(flag: str) -> dict[str, Any]:
    """Flag and reader of a plain number."""
    return {"flag": flag, "parse": partial(_parse_number, flag=flag)}


def numbers_by_name(flag: str) -> dict[str, Any]:
    """Flag and reader of ``A=1,B=2``."""
    return {"flag": flag, "parse": partial(parse_numbers, flag=flag)}


def share(flag: str) -> dict[str, Any]:
    """Flag and reader of a share: ``30%``, ``3:7`` or ``0.3``."""
    return {"flag": flag, "parse": parse_ratio}


def bounds_by_name(flag: str) -> dict[str, Any]:
    """Flag and reader of ``A=0.1:0.5``."""
    return {"flag": flag, "parse": partial(_parse_bounds, flag=flag)}


def parse_numbers(text: str, flag: str) -> dict[str, float]:
    """``A=1,B=2`` as a mapping; a value may be a count such as ``5B``.

    Raises:
        ConfigError: a part has another form, or its value is no finite number.
    """
    numbers = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, separator, value = part.partition("=")
        if not separator:
            raise ConfigError(f"'{part}' in {flag} must have the form NAME=NUMBER.")
        try:
            parsed = float(value)
        except ValueError:
            parsed = parse_quantity(value, f"value of '{name.strip()}' in {flag}")
        if not isfinite(parsed):
            raise ConfigError(f"The value of '{name.strip()}' in {flag} is {value}, not a number.")
        numbers[name.strip()] = parsed
    return numbers


def parse_model_size(text: str) -> tuple[float, bool]:
    """The size, and whether it counts the embeddings too (``8B:total``).

    Raises:
        ConfigError: no count, or another convention.
    """
    size, separator, convention = text.partition(":")
    if separator and convention.strip().lower() != "total":
        raise ConfigError(f"The model size '{text}' is neither 8B (non-embedding) nor 8B:total.")
    return parse_quantity(size, "model size"), bool(separator)


def _parse_number(text: str | float, flag: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{flag} is '{text}', which is no number.") from None


def _parse_bounds(text: str, flag: str) -> dict[str, tuple[float, float]]:
    bounds = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, ends = part.partition("=")
        try:
            low, high = (float(end) for end in ends.split(":"))
        except ValueError:
            raise ConfigError(f"'{part}' in {flag} must have the form NAME=LOW:HIGH.") from None
        bounds[name.strip()] = (low, high)
    return bounds
