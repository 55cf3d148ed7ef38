"""Runs hidden from a fit, and the fit without them: what a validation of any question needs.

The largest size (or, apart, the longest budgets) is hidden and the rest fitted as before; base rows
stay, as a base can be measured before any run of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from mixlaw.errors import ConfigError, DataError, MixlawError, unknown_name
from mixlaw.result import store
from mixlaw.result.fit_result import FitResult
from mixlaw.roles import Roles
from mixlaw.runs.cells import Cell, measured_cells, neighbour

if TYPE_CHECKING:
    import pandas as pd

Hidden = Literal["n_params", "tokens"]
#: What is hidden, in words: one step of it, and what is needed for one.
WORDS = {"n_params": ("one size up", "size"), "tokens": ("one budget up", "token budget")}
#: Budgets over this part of the longest are hidden with it, as in held-out errors: checkpoints just
#: before it would give it away.
_LONGEST = 0.5


@dataclass(frozen=True)
class Withheld:
    """What was hidden of one table.

    Attributes:
        hidden: ``n_params`` or ``tokens``.
        cells: the hidden cells, smallest first, each with the one that one would copy.
        fit: of the rest; None where there is none.
        note: why nothing could be checked; else empty.
        known: largest size (or longest budget) that was left to be fitted.
    """

    hidden: Hidden
    cells: tuple[tuple[Cell, Cell | None], ...] = ()
    fit: FitResult | None = None
    note: str = ""
    known: float | None = None

    @classmethod
    def of_fit(cls, fit: FitResult, hidden: Hidden = "n_params") -> "Withheld":
        """Of the table that a fit was made from, with the fit's own options.

        Raises:
            DataError: the table is not there any more, or has changed.
        """
        from mixlaw.fit.selection import GivenTable

        source = fit.about.get("source", "")
        if not source or not Path(source).is_file():
            raise DataError(
                f"The table of this fit ('{source or 'in memory'}') is not there; give the runs "
                "table itself: mixlaw validate RUNS.csv."
            )
        table = GivenTable.of(source)
        if table.sha256 != fit.about.get("data_sha256"):
            raise DataError(f"'{source}' has changed since it was fitted; run 'mixlaw fit' again.")
        if (kept := cls.stored(fit)) is not None and kept.hidden == hidden:
            return kept
        roles = Roles(
            fit.domain_set,
            fit.general_sets or {fit.general_set: 1.0},
            tuple(fit.domain_corpora) or ("domain",),
            dict(fit.own),
        )
        made = fit.about.get("options", {})
        names = ("law", "where", "mix", "constraints", "n_draws", "seed")
        as_before = {name: made[name] for name in names if name in made}
        return cls.of_runs(table.frame, hidden, roles, as_before)

    @classmethod
    def of_runs(
        cls,
        runs: "pd.DataFrame",
        hidden: Hidden,
        roles: Roles,
        fit_options: Mapping[str, Any] | None = None,
    ) -> "Withheld":
        """Of a validated table, fitted with these options of ``fit_laws``.

        Raises:
            ConfigError: there is no such thing to hide.
            DataError: the table cannot be used.
        """
        from mixlaw.fit.api import fit_laws
        from mixlaw.runs.views import only_where

        if hidden not in get_args(Hidden):
            raise ConfigError(unknown_name("column to hide", hidden, get_args(Hidden)))
        options = dict(fit_options or {})
        runs = only_where(runs, options.pop("where", {}))
        cells = measured_cells(runs, roles)
        mask = _hidden_rows(runs, hidden)
        if not mask.any():
            one = f"it has one {WORDS[hidden][1]}; how far the answer holds beyond it is not known."
            return cls(hidden, note=nothing_checked(hidden, one))
        held = [cell for cell in cells if _is_hidden(cell, runs[mask], hidden)]
        shown = [cell for cell in cells if cell not in held]
        pairs = tuple((cell, neighbour(cell, shown, hidden)) for cell in held)
        if not any(cell.can_answer(reference) for cell in held for reference in _REFERENCES):
            return cls(hidden, pairs)
        try:
            fit = fit_laws(runs[~mask], roles=roles, **options)
        except MixlawError as error:
            return cls(hidden, note=nothing_checked(hidden, str(error)))
        known = runs.loc[~mask & (runs["tokens"] > 0), hidden].max()
        return cls(hidden, pairs, fit, known=float(known))

    def save(self, summary: Mapping[str, Any], folder: Path, fit: FitResult) -> None:
        """Keep it beside a fit in a folder, with the validation of the default question."""
        cells = [
            {"cell": cell.document(), "copied": None if copied is None else copied.document()}
            for cell, copied in self.cells
        ]
        about = {"key": store.validation_key(fit), "known": self.known, "cells": cells}
        store.save_validation({**summary, **about}, folder, self.fit)

    @classmethod
    def stored(cls, fit: FitResult) -> "Withheld | None":
        """What was kept beside a saved fit; None where nothing, or not enough, was."""
        kept = fit.validation
        if "cells" not in kept:
            return None
        pairs = tuple(
            (Cell.of(pair["cell"]), None if pair["copied"] is None else Cell.of(pair["copied"]))
            for pair in kept["cells"]
        )
        folder = kept.get("without")
        without = None if folder is None else FitResult.load(folder)
        return cls(kept["hidden"], pairs, without, kept.get("note", ""), kept.get("known"))


def nothing_checked(hidden: Hidden, why: str) -> str:
    """The line of a validation without rows."""
    return f"Nothing could be checked {WORDS[hidden][0]} on your data: {why}"


#: What a rise may be measured against.
_REFERENCES = ("base", "control")


def _hidden_rows(runs: "pd.DataFrame", hidden: Hidden) -> "pd.Series[bool]":
    """Mask of the trained rows to hide; all False where they would be all trained rows."""
    trained = runs["tokens"] > 0
    values = runs.loc[trained, hidden]
    least = values.max() * (0.999 if hidden == "n_params" else _LONGEST * 1.001)
    mask: pd.Series[bool] = trained & (runs[hidden] >= least)
    return mask if mask.sum() < trained.sum() else trained & ~trained


def _is_hidden(cell: Cell, rows: "pd.DataFrame", hidden: Hidden) -> bool:
    """Whether a cell is among the hidden rows; of hidden budgets, the longest only."""
    if hidden == "n_params":
        return bool(np.isclose(cell.n_params, rows["n_params"].max()))
    return bool(np.isclose(cell.tokens, rows["tokens"].max()))
