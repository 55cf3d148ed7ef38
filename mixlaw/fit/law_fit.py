"""A law fitted to the rows of one eval set: to all of them together, or to one size at a time.

Two sizes cannot tell the exponent of size from the irreducible loss, and a law without N describes
one size at a time: such laws are fitted size by size, and the spread between the slices is part of
what the fit does not know.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mixlaw.errors import FitError
from mixlaw.fit.bootstrap import Plan
from mixlaw.fit.noise import pooled, trunk_sums
from mixlaw.fit.row_fit import (
    DEFAULT,
    Part,
    RowFit,
    Settings,
    draw_refits,
    fit_parts,
    resampled_noise,
)
from mixlaw.fit.selection import Rows
from mixlaw.laws import Array, Law
from mixlaw.quantities import SAME_LEVEL
from mixlaw.result.types import Member

#: Sizes needed to fit a law of N: its exponent, its amplitude and the irreducible loss are three.
SIZES = 3


@dataclass(frozen=True)
class LawFit:
    """A law fitted to an eval set: one fit, or one per size.

    Attributes:
        law: the law.
        parts: its fits, smallest size first.
    """

    law: Law
    parts: tuple[RowFit, ...]

    @property
    def residual(self) -> Array:
        """Log residuals of all rows."""
        return np.concatenate([part.residual for part in self.parts])

    @property
    def residual_std(self) -> float:
        """Residual standard deviation of log loss, by the degrees of freedom that the fit left."""
        n_free = sum(len(part.problem.model.free) for part in self.parts)
        return float(np.sqrt(np.sum(self.residual**2) / max(len(self.residual) - n_free, 1)))

    @property
    def n_trunks(self) -> int:
        """Number of trunks up to the last one of its rows, those of base models included."""
        return 1 + max(int(part.rows.trunk.max()) for part in self.parts)

    @property
    def noise(self) -> float:
        """Relative noise of one row, as the first of the fits sees it."""
        return float(np.hypot(self.parts[0].noise.between, self.parts[0].noise.within))

    def members(self, plan: Plan, weight: float = 1.0) -> tuple[Member, ...]:
        """Members of a fit result, with their draws."""
        return tuple(
            Member(
                self.law.name,
                part.names,
                part.parameters(part.theta)[0],
                draw_refits(part, plan),
                part.size,
                _only_budget(part),
                weight,
            )
            for part in self.parts
        )

    def predict(self, x: Mapping[str, Array]) -> Array:
        """Loss at sizes that the fit covers, nan elsewhere; shape (n,)."""
        return np.asarray(self._by_size(x, 1, lambda part, inputs: part.predict(inputs))[0])

    def draws(self, plan: Plan, x: Mapping[str, Array]) -> Array:
        """Loss of a refit to every resampled sweep, nan at other sizes; shape (n_draws, n)."""
        return self._by_size(x, len(plan.level), lambda part, inputs: _drawn(part, plan, inputs))

    def trunk_noise(self, plan: Plan) -> Array:
        """Mean log noise of every trunk in every resampled sweep, shape (n_draws, n_trunks).

        It is nan for trunks of which the fit has no rows.
        """
        level = np.full(plan.donor.shape, np.nan)
        for part in self.parts:
            trunk = part.rows.trunk
            here = np.unique(trunk)
            sums = trunk_sums(resampled_noise(part, plan), trunk)
            level[:, here] = sums[:, here] / np.bincount(trunk)[here]
        return level

    def _by_size(
        self,
        x: Mapping[str, Array],
        n_values: int,
        value: Callable[[RowFit, Mapping[str, Array]], Array],
    ) -> Array:
        """Values (n_values, n) of the part that describes each point's size."""
        result = np.full((n_values, len(x["N"])), np.nan)
        for part in self.parts:
            if part.size is None:
                return np.asarray(value(part, x))
            here = np.abs(np.log(x["N"] / part.size)) <= SAME_LEVEL
            if here.any():
                result[:, here] = value(part, {name: v[..., here] for name, v in x.items()})
        return result


def fit_law(law: Law, rows: Rows, settings: Settings = DEFAULT) -> LawFit:
    """Fit a law to the rows of an eval set, in slices where it must be.

    Raises:
        FitError: the law cannot be fitted to these rows.
    """
    return joined(law, fit_parts(law, slices(law, rows), settings))


def slices(law: Law, rows: Rows) -> list[Part]:
    """What the law is fitted to by itself: all rows, or those of one size at a time."""
    sizes = levels(rows.x["N"])
    if not law.inputs or (not law.per_size and len(sizes) >= SIZES):
        return [Part(rows)]
    return [
        Part(rows.where(np.abs(np.log(rows.x["N"] / size)) <= SAME_LEVEL), size) for size in sizes
    ]


def joined(law: Law, fits: Sequence[RowFit | FitError]) -> LawFit:
    """The fit of a law from those to its slices.

    Raises:
        FitError: a slice could not be fitted.
    """
    parts = []
    for fitted in fits:
        if isinstance(fitted, FitError):
            raise fitted
        parts.append(fitted)
    if parts[0].size is None:
        return LawFit(law, tuple(parts))
    # The few runs of one size tell little about their noise; it is taken to be that of the others.
    noise = pooled([part.noise for part in parts])
    return LawFit(law, tuple(replace(part, noise=noise) for part in parts))


def levels(values: Array) -> list[float]:
    """Sorted distinct values; values within a thousandth of each other are one."""
    distinct = np.unique(values)
    if not len(distinct):
        return []
    new = np.concatenate([[True], np.diff(distinct) > SAME_LEVEL * np.abs(distinct[1:])])
    return [float(value) for value in distinct[new]]


def _drawn(part: RowFit, plan: Plan, x: Mapping[str, Array]) -> Array:
    every = draw_refits(part, plan)
    return part.law.predict({name: every[:, [i]] for i, name in enumerate(part.names)}, x)


def _only_budget(part: RowFit) -> float | None:
    return float(part.rows.x["D"][0]) if "D" in part.lacking else None
