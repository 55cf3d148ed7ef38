"""A fit held against runs that it did not see, cell by cell, beside what one would have copied."""

from dataclasses import dataclass

import numpy as np

from mixlaw.quantities import percent
from mixlaw.recommend.api import recommend_ratio
from mixlaw.result.fit_result import FitResult
from mixlaw.runs.cells import Cell, neighbour
from mixlaw.screen.layout import nats

#: Level of the intervals: that of every recommendation.
_TAIL = 0.05


@dataclass(frozen=True)
class Line:
    """One quantity of a cell.

    Attributes:
        name: what it is.
        predicted: before the runs were seen.
        low: lower end of the 90% interval of a single run.
        high: upper end.
        copied: what the next smaller size measured; nan where there is none.
        measured: afterwards, nan where no share keeps the bound; None before.
        is_share: it is a share, and no loss in nats.
    """

    name: str
    predicted: float
    low: float
    high: float
    copied: float
    measured: float | None = None
    is_share: bool = False

    @property
    def is_right(self) -> bool:
        """Whether what was measured lies inside the interval."""
        return self.measured is not None and self.low <= self.measured <= self.high

    def cells(self) -> tuple[str, ...]:
        """Name, prediction, interval, measurement with a tick or a cross, and the copied value."""
        ends = f"{self._text(self.low)} to {self._text(self.high)}"
        said = (self.name, self._text(self.predicted), ends)
        if self.measured is None:
            return (*said, self._text(self.copied))
        mark = "✓" if self.is_right else "✗"
        return (*said, f"{self._text(self.measured)} {mark}", self._text(self.copied))

    def _text(self, value: float) -> str:
        if np.isnan(value):
            return "none"
        return percent(value) if self.is_share else nats(value, 3)


def predicted(
    fit: FitResult, shown: list[Cell], cell: Cell, max_general_rise: float
) -> tuple[Line, ...]:
    """What a fit says of a cell: its critical share, and both losses at every share.

    Args:
        fit: made without that cell's runs.
        shown: cells that the fit saw.
        cell: the one to predict; of what was measured there nothing but its shares is used.
        max_general_rise: allowed rise over the base, nats.
    """
    answer = recommend_ratio(
        fit, n_params=cell.n_params, tokens=cell.tokens, max_general_rise=max_general_rise
    )
    low, high = answer.interval
    copied = neighbour(cell, shown, "n_params")
    known = copied.critical_ratio(max_general_rise, "base") if copied else None
    share = Line(
        "critical share", _number(answer.estimate), low, high, _number(known), is_share=True
    )
    return (
        share,
        *_losses(fit, cell, copied, "general"),
        *_losses(fit, cell, copied, "domain"),
    )


def measured(lines: tuple[Line, ...], cell: Cell, max_general_rise: float) -> tuple[Line, ...]:
    """The same lines with what the cell's runs show."""
    found = [_number(cell.critical_ratio(max_general_rise, "base")), *cell.general, *cell.domain]
    return tuple(
        Line(**{**vars(line), "measured": float(value)})
        for line, value in zip(lines, found, strict=True)
    )


def errors(lines: tuple[Line, ...]) -> tuple[float, float]:
    """Mean error of the losses, of the prediction and of what one would have copied (relative)."""
    losses = [
        (line.predicted, line.copied, line.measured)
        for line in lines
        if not line.is_share and line.measured is not None
    ]
    of = [(abs(said / true - 1), abs(copied / true - 1)) for said, copied, true in losses]
    law, copied = np.mean(of, axis=0)
    return float(law), float(copied)


def _losses(fit: FitResult, cell: Cell, copied: Cell | None, role: str) -> list[Line]:
    """The loss of a single run at every share: the law's, with the spread of its residuals."""
    eval_set = fit.general_set if role == "general" else fit.domain_set
    shares = {
        corpus: cell.ratios if corpus in fit.domain_corpora else 1 - cell.ratios
        for corpus in fit.corpora
    }
    loss = fit.predict(eval_set, cell.n_params, cell.tokens, shares, carry_size=True)
    noise = np.random.default_rng(0).normal(size=loss.draws.shape)
    runs = loss.draws * np.exp(fit.sigma[eval_set] * noise)
    low, high = np.quantile(runs, [_TAIL, 1 - _TAIL], axis=0)
    known = dict(zip(copied.ratios, getattr(copied, role), strict=True)) if copied else {}
    return [
        Line(
            f"{role} loss at {percent(ratio)}",
            float(loss.estimate[i]),
            float(low[i]),
            float(high[i]),
            float(known.get(ratio, float("nan"))),
        )
        for i, ratio in enumerate(cell.ratios)
    ]


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
