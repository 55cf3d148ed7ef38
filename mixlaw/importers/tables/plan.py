"""What each column of one table is taken for, in the words of a description."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

#: Of the description's ``units``: the key that stands for all shares.
SHARES = "shares"
_SHARE = "share."


@dataclass(frozen=True)
class Plan:
    """How the rows of a table are read.

    Attributes:
        columns: the table's column by column of the runs table (also ``step`` and ``samples``).
        losses: eval set by column, of a wide table; empty for a long one.
        units: K, M, B, T, % or a number by column of the runs table; ``shares`` is all shares.
        loss_units: unit by loss column, where its name says that it is no nats per token.
        remainder: the corpus that has what the mapped shares leave; empty for none.
        decimal_comma: numbers are written 2,31.
        unused: columns that are taken for nothing.
        needless: columns of training losses and the like, left out on purpose.
    """

    columns: Mapping[str, str]
    losses: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    loss_units: Mapping[str, str] = field(default_factory=dict)
    remainder: str = ""
    decimal_comma: bool = False
    unused: tuple[str, ...] = ()
    needless: tuple[str, ...] = ()

    @property
    def shares(self) -> dict[str, str]:
        """The table's column by corpus; the key ``domain`` alone for a domain ratio."""
        return {
            role.removeprefix(_SHARE): column
            for role, column in self.columns.items()
            if role.startswith(_SHARE)
        }

    def document(self, given: Mapping[str, str]) -> dict[str, Any]:
        """The plan as a description says it; empty where nothing had to be guessed.

        Args:
            given: the columns that a description named, which are no guess.
        """
        columns = {role: column for role, column in self.columns.items() if role != column}
        guessed = {role for role in columns if role not in given}
        if not guessed and all(column == name for column, name in self.losses.items()):
            return {}
        entries: dict[str, Any] = {
            "columns": columns,
            "units": dict(self.units),
            "eval_sets": dict(self.losses),
        }
        if self.remainder:
            entries["remainder"] = self.remainder
        return {key: value for key, value in entries.items() if value}


def without_common_ends(names: Iterable[str]) -> dict[str, str]:
    """Names by name without the beginning and the end that all of them share, up to a word."""
    known = list(names)
    if len(known) < 2:
        return {name: name for name in known}
    start = _common(known)
    end = _common([name[start:][::-1] for name in known])
    short = {name: name[start : len(name) - end].strip("_-./: ") for name in known}
    return short if all(short.values()) else {name: name for name in known}


def _common(names: list[str]) -> int:
    length = 0
    while all(len(name) > length for name in names) and len({name[length] for name in names}) == 1:
        length += 1
    return length
