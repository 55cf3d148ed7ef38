"""Conditions on rows as people write them: ``recipe=cpt``, ``tokens/n_params>=10``."""

import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mixlaw.errors import ConfigError, DataError, unknown_name
from mixlaw.quantities import parse_quantity

#: Conditions: values by column, or texts such as ``tokens>=1e9``.
Where = Mapping[str, str] | Sequence[str]

_FORM = re.compile(r"([^=<>!]+)((?>>=|<=|!=|=|>|<))(.*)", re.DOTALL)
_ORDERS: dict[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip


@dataclass(frozen=True)
class Condition:
    """A condition on the rows of a table.

    Attributes:
        left: a column, or two with ``/`` between them.
        relation: one of = != >= <= > <.
        right: what it is compared with, as written: text, a number, or a quantity such as 1B;
            empty for an empty cell.
    """

    left: str
    relation: str
    right: str

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """A condition from its text.

        Raises:
            ConfigError: the text has not the form of a condition.
        """
        match = _FORM.fullmatch(text)
        if match and (rest := re.match(r"[=<>!]+", match[3].lstrip())):
            raise ConfigError(
                f"'{match[2]}{rest[0]}' in --where {text} is no comparison; use one of >=, <=, >, "
                "<, = and !=."
            )
        left, relation, right = (part.strip() for part in match.groups()) if match else ("",) * 3
        if not left or (relation in _ORDERS and not right):
            raise ConfigError(
                f"'{text}' in --where must have the form COLUMN=VALUE, or COLUMN or COLUMN/COLUMN "
                "with >=, <=, >, <, = or != and a number."
            )
        return cls(left, relation, right)

    def __str__(self) -> str:
        # The form in which words are compared; numbers read as well in it.
        return f"{self.left} {self.relation} '{self.right}'"

    def columns(self, frame: pd.DataFrame) -> tuple[str, ...]:
        """The column it is about, or the two whose quotient it is about.

        Raises:
            DataError: the table lacks one.
        """
        top, slash, bottom = (part.strip() for part in self.left.partition("/"))
        names = (self.left,) if self.left in frame.columns or not slash else (top, bottom)
        for name in names:
            if name not in frame.columns:
                raise DataError(unknown_name("column in this table", name, frame.columns))
        return names

    def holds(self, frame: pd.DataFrame) -> pd.Series:
        """Where it is true, row by row; an order or a quotient without a number is not.

        Raises:
            DataError: the table lacks a column, or an order needs numbers and there are none.
        """
        names = self.columns(frame)
        if self.relation in ("=", "!=") and len(names) == 1:
            column = frame[names[0]]
            values = column.map(schedule_kind) if names[0] == "schedule" else column
            same = values.map(lambda value: _equal(value, self.right))
            return same if self.relation == "=" else ~same
        top, *bottom = (self._numbers(frame[name]) for name in names)
        values = top / bottom[0].replace(0.0, np.nan) if bottom else top
        wanted = _number(self.right)
        if wanted is None:
            raise ConfigError(
                f"'{self.right}' in --where {self.left}{self.relation}{self.right} is not a "
                "number; write it like 1e9, 1B or 0.3."
            )
        if self.relation in _ORDERS:
            return pd.Series(_ORDERS[self.relation](values, wanted), index=frame.index)
        same = pd.Series(np.isclose(values, wanted, rtol=1e-12, atol=0.0), index=frame.index)
        return same if self.relation == "=" else ~same & values.notna()

    def _numbers(self, column: pd.Series) -> pd.Series:
        numbers = pd.to_numeric(column, errors="coerce").astype("float64")
        if numbers.isna().all():
            raise DataError(
                f"Column '{column.name}' has no numbers, so --where cannot compare it by "
                f"{self.relation} or divide by it; write {column.name}=VALUE."
            )
        return numbers


def conditions(where: Where) -> list[Condition]:
    """Conditions of a mapping from columns to values, or of texts.

    Raises:
        ConfigError: a text has not the form of a condition.
    """
    if isinstance(where, Mapping):
        return [Condition(column, "=", value) for column, value in where.items()]
    return [Condition.parse(text) for text in where]


def schedule_kind(schedule: str) -> str:
    """Kind of a schedule given as JSON; other text stands for itself."""
    try:
        return str(json.loads(schedule)["kind"])
    except (ValueError, KeyError, TypeError):
        return schedule


def _number(text: str) -> float | None:
    """A plain number or a quantity such as 8B; None for other text."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return parse_quantity(text)
    except ConfigError:
        return None


def _equal(value: object, text: str) -> bool:
    """Whether a cell is what a person wrote: 0, 0.0 and 0e0 are one number, and so are 1B and 1e9.

    Words are compared as such first: a run may be named 8B.
    """
    if str(value).lower() == text.lower():
        return True
    wanted = _number(text)
    try:
        return wanted is not None and float(str(value)) == wanted
    except ValueError:
        return False
