"""A fit in Python: printed short, with DataFrames of what a person asks for, and figures."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from mixlaw.errors import ConfigError, DataError, unknown_name
from mixlaw.fit import api
from mixlaw.notebook.calls import check_keywords
from mixlaw.quantities import format_quantity, percent
from mixlaw.result import fit_result
from mixlaw.result.screen import comparison
from mixlaw.result.types import BASELINE, LEVEL
from mixlaw.screen.layout import shortened

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Picture = Literal["losses", "held-out", "predicted-measured"]


@dataclass(frozen=True, repr=False, eq=False)
class FitResult(fit_result.FitResult):
    """A fit that prints short.

    Attributes:
        runs: the table that it was made from, where it was in memory; the others are those of
            ``mixlaw.result.types.FitRecord``.
    """

    runs: "pd.DataFrame | None" = None

    @classmethod
    def of(cls, fit: fit_result.FitResult) -> "FitResult":
        """The same fit."""
        return cls(**{field.name: getattr(fit, field.name) for field in fields(fit)})

    @property
    def parameters(self) -> "pd.DataFrame":
        """One row per parameter of every law, with its 90% interval."""
        import pandas as pd

        tail = (1 - LEVEL) / 2
        rows = []
        for eval_set, members in self.stack.items():
            for member in members:
                low, high = np.nanquantile(member.draws, [tail, 1 - tail], axis=0)
                rows += [
                    {
                        "eval_set": eval_set,
                        "law": member.law,
                        "weight": member.weight,
                        "n_params": member.size,
                        "parameter": name,
                        "estimate": member.estimate[i],
                        "low": low[i],
                        "high": high[i],
                    }
                    for i, name in enumerate(member.params)
                ]
        return pd.DataFrame(rows)

    @property
    def held_out(self) -> "pd.DataFrame":
        """Errors on rows that the fit did not see, beside the baseline's, by eval set and split."""
        table = self.compared
        own = table[table["law"] == self.law]
        return own[
            [
                "eval_set",
                "split",
                "rows",
                "error",
                "bias",
                "baseline_error",
                "baseline_bias",
                "note",
            ]
        ].reset_index(drop=True)

    @property
    def compared(self) -> "pd.DataFrame":
        """Every law that was compared, on the same rows: what ``compare.csv`` holds."""
        import pandas as pd

        return pd.read_csv(io.StringIO(comparison(self)))

    def plot(self, picture: Picture = "losses", runs: "pd.DataFrame | None" = None) -> "Figure":
        """Draw the fit.

        Args:
            picture: ``losses`` against tokens, ``held-out``: losses that were predicted unseen, or
                ``predicted-measured``: those that were fitted.
            runs: the table, where it moved since.

        Raises:
            DataError: the table is not where it was.
            ConfigError: there is no such picture.
        """
        from mixlaw.report.calibration import predicted_against_measured
        from mixlaw.report.curves import loss_curves
        from mixlaw.report.held_out import held_out
        from mixlaw.report.points import measured

        if picture not in get_args(Picture):
            raise ConfigError(unknown_name("picture", picture, get_args(Picture)))
        if picture == "held-out":
            return held_out(self)
        points = measured(self, self.table(runs))
        draw = loss_curves if picture == "losses" else predicted_against_measured
        return draw(self, points)

    def table(self, runs: "pd.DataFrame | None" = None) -> "pd.DataFrame":
        """The runs table of this fit.

        Args:
            runs: itself, where it moved since.

        Raises:
            DataError: it is not where it was.
        """
        from mixlaw.runs.table import read_runs, validate_runs

        given = self.runs if runs is None else runs
        if given is not None:
            return validate_runs(given)
        source = str(self.about.get("source") or "")
        if not source or not Path(source).is_file():
            raise DataError(
                f"The runs table of this fit is not at '{source or 'any path'}'; give it: runs=."
            )
        return read_runs(source)

    def __repr__(self) -> str:
        lines = [self._headline(), f"  {self._ranges()}", *self._errors(), *self._codes()]
        ask = "recommend_ratio(fit, ...)" if self.corpora else ".predict(...)"
        return "\n".join([*lines, f"next: {ask}, .held_out, .compared, .parameters, .plot()"])

    def _repr_html_(self) -> str:
        from html import escape

        about = "<br>".join(escape(line) for line in (self._headline(), self._ranges()))
        codes = "<br>".join(escape(line) for line in self._codes())
        errors = self.held_out.to_html(index=False, float_format="{:.3g}".format, na_rep="")
        return f"<div><p><strong>{about}</strong></p>{errors}<p>{codes}</p></div>"

    def _headline(self) -> str:
        source = self.about.get("source") or "a table in memory"
        sets = ", ".join(self.eval_sets[:4]) + (" ..." if len(self.eval_sets) > 4 else "")
        (line,) = shortened(f"{self.law} fitted to {self.rows_used} rows of {source} ({sets})", 1)
        return line

    def _ranges(self) -> str:
        sizes, tokens = (
            " to ".join(dict.fromkeys(format_quantity(end) for end in self.ranges[name]))
            for name in ("n_params", "tokens")
        )
        shares = [
            f"{corpus} {percent(self.ranges[f'share.{corpus}'][0])} to "
            f"{percent(self.ranges[f'share.{corpus}'][1])}"
            for corpus in self.domain_corpora
            if f"share.{corpus}" in self.ranges
        ]
        return "; ".join([f"sizes {sizes}", f"tokens {tokens}", *shares[:3]])

    def _errors(self) -> list[str]:
        """Errors held out, of the law and of the baseline, a line an eval set."""
        lines = []
        for eval_set in self.eval_sets[:4]:
            said = [
                f"{split} {_percent(score)} ({_percent(self.baseline[eval_set][split])})"
                for split, score in self.scores.get(eval_set, {}).items()
                if score.get("error") is not None
                and self.baseline[eval_set][split].get("error") is not None
            ]
            if said:
                lines.append(f"  {eval_set[:20]}: {', '.join(said[:2])}")
        return [f"error on hidden rows (of {BASELINE})", *lines] if lines else []

    def _codes(self) -> list[str]:
        codes = dict.fromkeys(status.code for status in self.statuses)
        return shortened(f"to doubt: {', '.join(codes)}.", 2) if codes else []


def _percent(score: Mapping[str, Any]) -> str:
    return f"{score['error']:.1%}"


#: What the command line calls a parameter.
_FLAGS = {"eval_set": "eval_sets", "constrain": "constraints", "draws": "n_draws"}


@wraps(api.fit_laws)
def fit_laws(*args: Any, **options: Any) -> FitResult:
    """As ``mixlaw.fit.api.fit_laws``, whose signature and words it has."""
    check_keywords(api.fit_laws, options, _FLAGS)
    fit = api.fit_laws(*args, **options)
    runs = args[0] if args else options["runs"]
    is_in_memory = not fit.about["source"]
    return replace(FitResult.of(fit), runs=getattr(runs, "frame", runs) if is_in_memory else None)
