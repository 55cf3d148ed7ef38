"""What a table itself says of a critical ratio: cells of one size and budget with several shares.

The losses of a cell, averaged over replicates, are interpolated between its shares without
overshooting (PCHIP: Fritsch and Carlson 1980). Rises are against the base that each run started
from, so that a base's own luck cancels.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

    from mixlaw.roles import Roles

Array = NDArray[np.float64]

#: Points at which an interpolated curve is compared with a bound: crossings are right to 5e-4.
N_POINTS = 2001
#: A curve needs as many shares to be interpolated between.
LEAST_SHARES = 3


@dataclass(frozen=True)
class Cell:
    """Losses at one size and budget.

    Attributes:
        n_params: size, a count.
        tokens: budget, a count.
        ratios: domain ratios that were run, increasing, shape (k,).
        general: general losses, nats per token, shape (k,).
        domain: domain losses, shape (k,); nan where they were not measured.
        base: general loss of the base; nan where it was not measured.
    """

    n_params: float
    tokens: float
    ratios: Array
    general: Array
    domain: Array
    base: float

    def document(self) -> dict[str, Any]:
        """The cell as JSON can keep it; ``Cell.of`` reads it again."""
        return {name: _plain(value) for name, value in vars(self).items()}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Cell":
        """The cell of a document."""
        return cls(
            n_params=float(document["n_params"]),
            tokens=float(document["tokens"]),
            ratios=_floats(document["ratios"]),
            general=_floats(document["general"]),
            domain=_floats(document["domain"]),
            base=float(_floats([document["base"]])[0]),
        )

    def can_answer(self, reference: str) -> bool:
        """Whether the cell has the reference's loss, and shares to interpolate between."""
        known = np.isfinite(self.base) if reference == "base" else self.ratios[0] == 0
        return bool(known) and len(self.ratios) >= LEAST_SHARES

    def rise(self, reference: str) -> Array:
        """Rise of the general loss over the base or over the cell's own control, shape (k,)."""
        return np.asarray(self.general - (self.base if reference == "base" else self.general[0]))

    def rise_at(self, ratio: float, reference: str) -> float:
        """Interpolated rise at a ratio."""
        return float(_interpolant(self.ratios, self.rise(reference))(ratio))

    def domain_at(self, ratio: float) -> float:
        """Interpolated domain loss at a ratio; nan where a domain loss is missing."""
        if not np.isfinite(self.domain).all():
            return float("nan")
        return float(_interpolant(self.ratios, self.domain)(ratio))

    def critical_ratio(self, bound: float, reference: str) -> float | None:
        """The largest share up to the largest one run whose rise keeps a bound; None without any.

        Args:
            bound: nats.
            reference: ``base`` or ``control``.
        """
        axis = np.linspace(self.ratios[0], self.ratios[-1], N_POINTS)
        kept = _interpolant(self.ratios, self.rise(reference))(axis) <= bound
        return float(axis[np.flatnonzero(kept)[-1]]) if kept.any() else None


def measured_cells(frame: "pd.DataFrame", roles: "Roles") -> list[Cell]:
    """All cells of a validated runs table, by size and budget; flagged rows are left out.

    Of a table that tells trunk rows from annealed ones, only annealed rows make cells.
    """
    from mixlaw.runs.views import base_identity, with_general_loss

    kept = with_general_loss(frame[frame["flag"] == ""], roles, Counter())
    kept = kept[kept["eval_set"].isin([roles.domain_set, roles.general_set])]
    bases = kept[(kept["tokens"] == 0) & (kept["eval_set"] == roles.general_set)]
    base = dict(zip(base_identity(bases), bases["loss"], strict=True))
    ends = kept[kept["tokens"] > 0]
    if "annealed" in ends.columns:
        ends = ends[ends["annealed"]]
    ends = ends.assign(
        _ratio=roles.domain_ratio(ends).round(6), _base=base_identity(ends).map(base)
    )
    return [
        cell
        for _, rows in ends.groupby(["n_params", "tokens"])
        if (cell := _cell(rows, roles)) is not None
    ]


def _plain(value: float | Array) -> Any:
    """Floats, None for nan."""
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value]
    return None if np.isnan(value) else float(value)


def _floats(values: Sequence[float | None]) -> Array:
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def _cell(rows: "pd.DataFrame", roles: "Roles") -> Cell | None:
    general = rows[rows["eval_set"] == roles.general_set]
    if general.empty:
        return None
    mean = general.groupby("_ratio")[["loss", "_base"]].mean()
    domain = rows[rows["eval_set"] == roles.domain_set].groupby("_ratio")["loss"].mean()
    base = float(mean["_base"].mean())
    # Replicates have bases of their own: the level is the bases' mean, the rises are the runs' own.
    rises = (general["loss"] - general["_base"]).groupby(general["_ratio"]).mean()
    known = bool(np.isfinite(rises).all())
    return Cell(
        n_params=float(rows["n_params"].iloc[0]),
        tokens=float(rows["tokens"].iloc[0]),
        ratios=mean.index.to_numpy(dtype=float),
        general=(base + rises if known else mean["loss"]).to_numpy(dtype=float),
        domain=domain.reindex(mean.index).to_numpy(dtype=float),
        base=base,
    )


def neighbour(cell: Cell, others: Sequence[Cell], hidden: str) -> Cell | None:
    """The cell whose ratio one would copy: the next smaller size, or the next shorter budget.

    Args:
        cell: the one that is asked about.
        others: cells that may be copied.
        hidden: ``n_params``: the next smaller size at the nearest budget; ``tokens``: the next
            shorter budget of the nearest size.
    """
    if hidden == "n_params":
        below = [c for c in others if c.n_params < cell.n_params]
        return min(
            below,
            key=lambda c: (-c.n_params, abs(np.log(c.tokens / cell.tokens))),
            default=None,
        )
    below = [c for c in others if c.tokens < cell.tokens]
    return min(
        below, key=lambda c: (abs(np.log(c.n_params / cell.n_params)), -c.tokens), default=None
    )


def _interpolant(ratios: Array, values: Array) -> Callable[[float | Array], Array]:
    """The interpolated curve through values (k,) at ratios (k,), as scipy's PchipInterpolator.

    It is written out because an answer must not wait for the import of scipy.
    """
    width = np.diff(ratios)
    secant = np.diff(values) / width
    slope = _monotone_slopes(width, secant)

    def curve(at: float | Array) -> Array:
        at = np.asarray(at, dtype=float)
        i = np.clip(np.searchsorted(ratios, at, side="right") - 1, 0, len(width) - 1)
        t = (at - ratios[i]) / width[i]
        bend = slope[i] + slope[i + 1] - 2 * secant[i]
        turn = secant[i] - slope[i] - bend
        return np.asarray(values[i] + width[i] * t * (slope[i] + t * (turn + t * bend)))

    return curve


def _monotone_slopes(width: Array, secant: Array) -> Array:
    """Slopes (k,) at the points: weighted harmonic means of the secants, zero at an extremum."""
    if len(secant) == 1:
        return np.repeat(secant, 2)
    before, after = 2 * width[1:] + width[:-1], width[1:] + 2 * width[:-1]
    same = secant[:-1] * secant[1:] > 0
    safe = np.where(same[:, None], np.stack([secant[:-1], secant[1:]], axis=1), 1.0)
    inner = np.where(same, (before + after) / (before / safe[:, 0] + after / safe[:, 1]), 0.0)
    ends = [_end_slope(width, secant), _end_slope(width[::-1], secant[::-1])]
    return np.array([ends[0], *inner, ends[1]])


def _end_slope(width: Array, secant: Array) -> float:
    """One-sided three-point slope at the first point, kept from overshooting."""
    first, second = float(secant[0]), float(secant[1])
    slope = ((2 * width[0] + width[1]) * first - width[0] * second) / (width[0] + width[1])
    if slope * first <= 0:
        return 0.0
    return 3 * first if first * second < 0 and abs(slope) > 3 * abs(first) else float(slope)
