"""What a check looks at and what it hands back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from mixlaw.errors import DataError
from mixlaw.roles import Roles
from mixlaw.runs.table import SHARE, base_rows, corpora_of
from mixlaw.runs.views import base_identity, trunk_names

Severity = Literal["error", "warning", "note"]

#: How many run ids a finding names; the count says how many rows there are.
_EXAMPLES = 3


@dataclass(frozen=True)
class Finding:
    """One trouble of a runs table.

    Attributes:
        code: short name, stable across versions.
        severity: ``error`` the answer is wrong if it is fitted so; ``warning`` the answer is
            weaker than it looks; ``note`` something that the table does not say.
        what: the trouble, with its figures.
        n_rows: how many rows it concerns.
        run_ids: a few of their runs.
        eval_sets: their eval sets; empty where the rows stand for settings.
        effect: what it does to the answer.
        remedy: what to do about it.
    """

    code: str
    severity: Severity
    what: str
    n_rows: int
    run_ids: tuple[str, ...]
    eval_sets: tuple[str, ...]
    effect: str
    remedy: str

    def document(self) -> dict[str, Any]:
        """The finding as a JSON object."""
        return {
            "code": self.code,
            "severity": self.severity,
            "what": self.what,
            "rows": {"count": self.n_rows, "run_ids": list(self.run_ids)},
            "effect": self.effect,
            "remedy": self.remedy,
        }


def finding(
    code: str, severity: Severity, rows: pd.DataFrame, what: str, effect: str, remedy: str
) -> Finding:
    """A finding about these rows of a runs table."""
    run_ids = tuple(rows["run_id"].drop_duplicates().head(_EXAMPLES))
    eval_sets = tuple(rows["eval_set"].drop_duplicates()) if "eval_set" in rows else ()
    return Finding(code, severity, what, len(rows), run_ids, eval_sets, effect, remedy)


def count_losses(rows: pd.DataFrame) -> str:
    """How many losses a sentence is about, with its verb."""
    return "1 loss is" if len(rows) == 1 else f"{len(rows)} losses are"


@dataclass(frozen=True)
class Table:
    """A validated runs table with the views of it that several checks need.

    Attributes:
        frame: all rows.
        roles: which eval set is the domain, which the general.
        target: the setting that will be predicted (``n_params``, ``tokens``), as far as known.
    """

    frame: pd.DataFrame
    roles: Roles
    target: Mapping[str, float]

    @cached_property
    def corpora(self) -> tuple[str, ...]:
        """Corpora of the mixture."""
        return corpora_of(self.frame)

    @cached_property
    def domain_corpora(self) -> tuple[str, ...]:
        """Corpora that make the domain ratio; none where the roles do not fit this table."""
        try:
            return self.roles.domain_corpora_in(self.corpora)
        except DataError:
            return ()

    @cached_property
    def base(self) -> pd.DataFrame:
        """Unflagged rows of the base models, with their ``base`` identity."""
        rows = base_rows(self.frame)
        return rows.assign(base=base_identity(rows))

    @cached_property
    def trained(self) -> pd.DataFrame:
        """Unflagged rows after training, with columns ``mixture``, ``trunk`` and ``base``."""
        rows = self.frame[(self.frame["tokens"] > 0) & (self.frame["flag"] == "")]
        return rows.assign(
            mixture=_mixture(rows), trunk=trunk_names(rows), base=base_identity(rows)
        )

    @cached_property
    def ends(self) -> pd.DataFrame:
        """Trained rows that a law of final loss would fit: annealed ones, all where none is."""
        if "annealed" in self.trained and self.trained["annealed"].any():
            return self.trained[self.trained["annealed"]]
        return self.trained


Check = Callable[[Table], Finding | None]


def _mixture(rows: pd.DataFrame) -> pd.Series:
    shares = [column for column in rows.columns if column.startswith(SHARE)]
    if not shares or rows.empty:
        return pd.Series(0, index=rows.index)
    _, number = np.unique(rows[shares].to_numpy().round(6), axis=0, return_inverse=True)
    return pd.Series(number.reshape(-1), index=rows.index)
