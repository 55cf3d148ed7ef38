"""An answer in Python: the short screen when it is printed, a DataFrame, HTML and the decision."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import wraps
from html import escape
from typing import TYPE_CHECKING, Any

from mixlaw.emitters import EmitOptions, Emitted
from mixlaw.emitters import emit as emit_document
from mixlaw.errors import ConfigError
from mixlaw.notebook.calls import check_keywords
from mixlaw.notebook.fit import FitResult
from mixlaw.recommend import api, recommendation
from mixlaw.recommend.options import Options, described
from mixlaw.result import fit_result
from mixlaw.screen.explained import explained
from mixlaw.screen.headline import head
from mixlaw.screen.layout import plain
from mixlaw.screen.short import short

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True, repr=False, eq=False)
class Recommendation(recommendation.Recommendation):
    """An answer that prints short.

    Attributes:
        asked: the question's options; the others are those of
            ``mixlaw.recommend.recommendation.Recommendation``.
        fitted: the fit that was asked.
    """

    asked: Options | None = None
    fitted: fit_result.FitResult | None = None

    def explain(self) -> str:
        """All there is to say, by headings."""
        return plain(explained(self))

    def table(self) -> "pd.DataFrame":
        """The target in a row, and every other budget where none was given.

        Columns: ``n_params``, ``tokens``, ``feasible``, ``recommended``, ``estimate``, ``low`` and
        ``high`` of the domain share, then losses and rise (nats per token) with theirs.
        """
        import pandas as pd

        others = [other for other in self.budgets if other.tokens != self.tokens]
        every = sorted([self, *others], key=lambda answer: answer.tokens)
        return pd.DataFrame([_row(answer) for answer in every])

    def plot(self, runs: "pd.DataFrame | None" = None) -> "Figure":
        """The decision: the rise against the share, its bound, and what was measured nearby.

        Args:
            runs: the fit's table, where it moved since.

        Raises:
            DataError: the table is not where it was.
        """
        from mixlaw.recommend.target import question_of
        from mixlaw.report.cells import cells_of
        from mixlaw.report.decision import decision

        assert self.asked is not None
        assert self.fitted is not None
        options = replace(self.asked, n_params=self.n_params, n_params_is_total=False)
        options = replace(options, tokens=self.tokens)
        frame = FitResult.of(self.fitted).table(runs)
        cells = cells_of(self.fitted, frame, options.reference)
        return decision(question_of(self.fitted, options), options, cells)

    def __repr__(self) -> str:
        lines = plain(short(self)).splitlines()
        return "\n".join([*lines, "more: .explain() .table() .plot() .document()"])

    def _repr_html_(self) -> str:
        rows = self.table().to_html(index=False, float_format="{:.3g}".format, na_rep="none")
        said = escape("\n".join(line.text for line in short(self)))
        return f"<div><p><strong>{escape(head(self))}</strong></p>{rows}<pre>{said}</pre></div>"


def _row(answer: recommendation.Recommendation) -> dict[str, Any]:
    low, high = answer.interval
    row = {
        "n_params": answer.n_params,
        "tokens": answer.tokens,
        "feasible": answer.feasible,
        "recommended": answer.recommended,
        "estimate": answer.estimate,
        "low": low,
        "high": high,
    }
    values = {f"{name}_loss": loss for name, loss in answer.losses.items()}
    if answer.general_rise is not None:
        values["general_rise"] = answer.general_rise
    for name, value in values.items():
        row |= {name: value["estimate"], f"{name}_low": value["low"], f"{name}_high": value["high"]}
    return row


#: What the command line calls a parameter.
_FLAGS = {
    option.flag.removeprefix("--").replace("-", "_"): name
    for name, option in described().items()
    if option.flag
}


@wraps(api.recommend_ratio)
def recommend_ratio(fit: fit_result.FitResult, **options: Any) -> Recommendation:
    """As ``mixlaw.recommend.api.recommend_ratio``, whose signature and words it has."""
    check_keywords(api.recommend_ratio, options, _FLAGS)
    asked = Options(**options)
    answer = api.recommend(fit, asked)
    known = {field.name: getattr(answer, field.name) for field in fields(answer)}
    return Recommendation(**known, asked=asked, fitted=fit)


def emit(
    name: str,
    answer: recommendation.Recommendation | Mapping[str, Any],
    *,
    tokens_per_doc: Mapping[str, float] | None = None,
    unique_tokens: Mapping[str, float] | None = None,
) -> Emitted:
    """The mixture of an answer as the configuration of a trainer; its ``text`` is the file.

    Args:
        name: of the trainer, such as ``megatron``: ``mixlaw emitters`` lists them.
        answer: what ``recommend_ratio`` returned, or its JSON document.
        tokens_per_doc: mean tokens per document by corpus, for trainers that count documents.
        unique_tokens: distinct tokens by corpus, for trainers that count passes.

    Raises:
        ConfigError: no such trainer, no ratio, or a size that its unit needs is missing.
    """
    if isinstance(answer, recommendation.Recommendation):
        if answer.recommended is None:
            raise ConfigError(f"There is no ratio to emit for '{name}': {head(answer)}")
        answer = answer.document()
    sizes = EmitOptions(dict(tokens_per_doc or {}), dict(unique_tokens or {}))
    return emit_document(name, answer, sizes)
