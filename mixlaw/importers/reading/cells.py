"""Numbers as people write them in tables: 70M, 1,000,000, 30%, 2,31 with a decimal comma, 3:7."""

import math
import re
from collections.abc import Iterable

from mixlaw.errors import DataError

#: Powers of a thousand by the letter or word behind a number.
UNITS = {
    "": 1.0, "k": 1e3, "m": 1e6, "mn": 1e6, "mio": 1e6, "million": 1e6, "b": 1e9, "bn": 1e9,
    "billion": 1e9, "g": 1e9, "t": 1e12, "tn": 1e12, "trillion": 1e12, "%": 0.01,
}  # fmt: skip
#: How a person is told of them.
UNIT_NAMES = "K, M, B, T, % or a number"
#: Words behind a count that say what was counted, which the column says too.
_COUNTED = r"(?:\s*(?:params?|parameters|tokens?|toks?))?"
_NUMBER = re.compile(
    r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*(" + "|".join(filter(None, UNITS)) + r")?"
    + _COUNTED, re.IGNORECASE,
)  # fmt: skip
_POWER = re.compile(r"\s*(?:[x×*]\s*10\s*\^?|\*\*)\s*([-+]?\d+)$")
_GROUPED = re.compile(r"([-+]?\d{1,3})((?:([,.' \u00a0\u202f_])\d{3})(?:\3\d{3})*)(?!\d)")
_COMMA = re.compile(r"[-+]?\d+,\d+")
_POINT = re.compile(r"[-+]?\d*\.\d+(?:e[-+]?\d+)?", re.IGNORECASE)
_ABSENT = {"", "nan", "-nan", "none", "null", "n/a", "na", "-", "–", "—"}


def factor_of(unit: str) -> float:
    """What a number in this unit is multiplied by: M is a million, % a hundredth, 1e9 itself.

    Raises:
        ValueError: it is no unit.
    """
    name = unit.strip().lower()
    return UNITS[name] if name in UNITS else float(name)


def is_absent(cell: str) -> bool:
    """Whether a cell says that there is no value."""
    return cell.strip().lower() in _ABSENT


def has_decimal_commas(cells: Iterable[str], delimiter: str = ",") -> bool:
    """Whether the numbers of a table have a comma for the decimal point.

    One number such as 2,31 shows it, which cannot be thousands; between semicolons or tabs, where
    no number has a point, 2,345 does too.
    """
    commas = points = telling = False
    for cell in cells:
        bare = cell.strip().rstrip("%").strip()
        points = points or _POINT.fullmatch(bare) is not None
        if _COMMA.fullmatch(bare):
            commas = True
            telling = telling or len(bare.partition(",")[2]) != 3 or bare.lstrip("+-")[0] == "0"
    return not points and (telling or (commas and delimiter in ";\t"))


def parse_number(cell: str, decimal_comma: bool = False) -> float:
    """The number in a cell; NaN for an absent one.

    Raises:
        ValueError: it is none.
    """
    text = cell.strip().removeprefix("~").removeprefix("≈").strip()
    if text.lower() in _ABSENT:
        return math.nan
    if text.lower().lstrip("+-") in {"inf", "infinity"}:
        return -math.inf if text.startswith("-") else math.inf
    thousands, point = (".", ",") if decimal_comma else (",", ".")
    power = 0
    if scaled := _POWER.search(text):
        text, power = text[: scaled.start()], int(scaled[1])
    if grouped := _GROUPED.match(text):
        mark = grouped[3]
        if mark == thousands or mark not in ",.":
            text = grouped[1] + grouped[2].replace(mark, "") + text[grouped.end() :]
    match = _NUMBER.fullmatch(text.replace(point, ".") if point == "," else text)
    if match is None:
        raise ValueError(f"'{cell}' is no number")
    return float(match[1]) * UNITS[(match[2] or "").lower()] * 10.0**power


def to_cell_number(cell: str, place: str, decimal_comma: bool = False) -> float:
    """The number in a cell of a table, as people write it.

    Raises:
        DataError: it is none.
    """
    try:
        return parse_number(cell, decimal_comma)
    except (ValueError, OverflowError):
        raise DataError(f"{place}: '{cell[:40]}' is not a number.") from None


def printed_step(cell: str, decimal_comma: bool = False) -> float:
    """Half of the last printed digit of a number: what rounding may have changed it by."""
    text = cell.strip().rstrip("%").strip().replace(",", "." if decimal_comma else "")
    mantissa, _, power = text.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    step = 0.5 * 10.0 ** ((int(power) if power else 0) - decimals)
    return step * (0.01 if cell.strip().endswith("%") else 1.0)
