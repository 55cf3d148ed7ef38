"""A fit asked at one target: losses and rises along the ratio, draw by draw.

A rule sees its fit only through a ``Question``. It hides what all rules share: how a domain ratio
becomes the shares of all corpora, which loss the general loss is compared with, how measured base
losses set the level, and that a fit without several sizes is carried over to the target.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixlaw.errors import FitError
from mixlaw.quantities import SAME_LEVEL, format_factor, percent
from mixlaw.recommend.calibration import Calibration
from mixlaw.recommend.loss_units import Tolerance
from mixlaw.recommend.mixture_path import MixturePath
from mixlaw.recommend.options import Reference
from mixlaw.result.fit_result import FitResult
from mixlaw.result.given_base import KnownLoss, given_base
from mixlaw.result.kriging import measured_sizes
from mixlaw.result.types import MEANINGLESS, RUNS_MISSING, Prediction

Array = NDArray[np.float64]

#: A target may lie beyond the sweep by this many times the factor that the sweep spans, in powers:
#: sizes over a factor of 4 reach a factor of 256. Conventional, and generous: published laws are
#: checked over one span beyond their data.
FARTHEST = 4.0
#: Points of the ratio axis. Linear interpolation between them places a crossing to 1e-4 even
#: where the general loss bends most (D-CPT with eps = 0.03 at a general share of 0.07).
N_RATIOS = 401


@dataclass(frozen=True)
class Question:
    """A fit asked at one target.

    Attributes:
        fit: the fit.
        n_params: non-embedding parameters of the target, a count.
        tokens: CPT tokens of the target, a count.
        path: from domain ratio to shares.
        reference: what a rise of the general loss is measured against.
        base_losses: measured losses of the target's base by eval set, nats per token.
        calibration: what rows of the target run itself say about the draws.
        law: ask this member of the stack alone.
        unique_tokens: distinct tokens by corpus, where they are known.
        assuming: how the target is trained, as far as it was told, by columns of the runs table.
        base_tokenizer: what the target's losses were measured with; None for the table's own.
        chosen: of ``n_params`` and ``tokens``, those that the rule chooses itself.
    """

    fit: FitResult
    n_params: float
    tokens: float
    path: MixturePath
    reference: Reference = "base"
    base_losses: Mapping[str, KnownLoss] = field(default_factory=dict)
    calibration: Calibration = field(default_factory=Calibration)
    law: str | None = None
    unique_tokens: Mapping[str, float] = field(default_factory=dict)
    assuming: Mapping[str, float] = field(default_factory=dict)
    base_tokenizer: str | None = None
    chosen: tuple[str, ...] = ()

    @property
    def ratios(self) -> Array:
        """The ratio axis, shape (n_ratios,): where the fitted laws are valid.

        A power of a share jumps at share zero, so an end of the axis counts only where a law was
        fitted to it; where rows at a measured end had to be left out, the axis stops before them.
        """
        step = 1 / (N_RATIOS - 1)
        lowest = self._fitted(self.fit.domain_set)[0]
        highest = self._fitted(self.fit.general_set)[1]
        first = 0.0 if lowest == 0 else step
        if highest == 1:
            return np.linspace(first, 1.0, N_RATIOS)
        left_out = highest < self.swept[1]
        return np.linspace(first, highest if left_out else 1 - step, N_RATIOS)

    def _fitted(self, eval_set: str) -> tuple[float, float]:
        """Smallest and largest domain ratio that this eval set's law was fitted to."""
        low, high = self.fit.ratio_ranges.get(eval_set, (0.0, 1.0))
        return low, high

    def at(self, **changes: Any) -> "Question":
        """The same question at another size or budget."""
        return replace(self, **changes)

    def domain(self, ratios: ArrayLike, tokens: ArrayLike | None = None) -> Prediction:
        """Domain loss at these ratios (and token counts), nats per token."""
        return self._law(self.fit.domain_set, ratios, tokens)

    def general(self, ratios: ArrayLike, tokens: ArrayLike | None = None) -> Prediction:
        """General loss at these ratios (and token counts), nats per token."""
        return self._law(self.general_set, ratios, tokens)

    def rise(self, ratios: ArrayLike, tokens: ArrayLike | None = None) -> Prediction:
        """Rise of the general loss over the reference, nats per token.

        A base loss that is known is subtracted itself, from losses that are conditioned on it.

        Raises:
            FitError: the reference is the base and nothing says what its loss is.
        """
        law = self._law(self.general_set, ratios, tokens)
        if self.reference == "control":
            return difference(law, self._law(self.general_set, np.zeros_like(ratios), tokens))
        return difference(law, self.base_general())

    def base_general(self) -> Prediction:
        """General loss of the base at the target, shape (1,): measured, or the fit's base law.

        Raises:
            FitError: neither is there.
        """
        known = self.base_losses.get(self.general_set)
        if known is not None:
            drawn = known.draws(self.fit.standard.n_draws if known.standard_error else 1)
            return self.calibration.resampled(Prediction(np.array([known.value]), drawn))
        if not self.fit.has_base_rows:
            raise FitError(
                "The table has no base rows (tokens = 0), so the base's general loss is unknown; "
                "give --base-general-loss, or compare with --reference control."
            )
        base = self.fit.base(self.general_set, self.n_params, carry_size=True)
        return self.calibration.resampled(base)

    def allowed_rise(self, bound: Tolerance) -> Prediction:
        """A bound in nats, shape (1,); a percentage follows the base loss of every draw.

        Raises:
            FitError: a percentage, and nothing says what the base's loss is.
        """
        if not bound.relative:
            return _constant(bound.value)
        base = self.base_general()
        return Prediction(bound.value * base.estimate, bound.value * base.draws)

    def noise(self, eval_set: str) -> float:
        """Residual standard deviation of an eval set in nats, at the target and share one half."""
        loss = self._law(eval_set, np.array([0.5]), None).estimate[0]
        return float(self.fit.sigma.get(eval_set, 0.0) * loss)

    @property
    def general_set(self) -> str:
        """Eval set of the general loss.

        Raises:
            FitError: the fit has none.
        """
        if not self.has_general:
            raise FitError(
                f"This fit has no general loss (its eval sets: {', '.join(self.fit.eval_sets)}); "
                "fit one with --general-set, or use a rule of the domain loss alone (--rule)."
            )
        return self.fit.general_set

    @property
    def has_general(self) -> bool:
        """True if the fit has a general loss."""
        return self.fit.general_set in self.fit.eval_sets

    @property
    def has_domain(self) -> bool:
        """True if the fit has a domain loss."""
        return self.fit.domain_set in self.fit.eval_sets

    @property
    def swept(self) -> tuple[float, float]:
        """Smallest and largest domain ratio in the data, between which a minimum is sought."""
        fit = self.fit
        ends = np.array([fit.ranges.get(f"share.{c}", (0.0, 1.0)) for c in fit.domain_corpora])
        ends = ends.reshape(-1, 2)  # also where no corpus is the domain
        return float(min(ends[:, 0].sum(), 1.0)), float(min(ends[:, 1].sum(), 1.0))

    def epochs(self, ratio: float) -> dict[str, float]:
        """Passes over each corpus of known size at the target's budget."""
        shares = self.path.shares(ratio)
        return {
            corpus: float(shares[corpus] * self.tokens / unique)
            for corpus, unique in self.unique_tokens.items()
        }

    @property
    def why_no_ratio(self) -> str:
        """Why this fit tells no ratio from another, under any rule; empty if it does."""
        if any(status.code == MEANINGLESS for status in self.fit.statuses):
            return (
                "The losses of the table are not what a loss can be, so they say nothing about any "
                "share; mend the table and fit it again."
            )
        levels = [self.fit.levels.get(f"share.{c}", [0.0, 1.0]) for c in self.fit.corpora]
        if not any(len(values) > 1 for values in levels):
            lacking = [s.message for s in self.fit.statuses if s.code == RUNS_MISSING]
            if lacking:
                return lacking[0]
            return (
                f"Every run has the domain share {percent(self.swept[0])}, so nothing is known "
                "about any other; sweep at least three ratios."
            )
        return self.out_of_reach

    @property
    def out_of_reach(self) -> str:
        """Why no law fitted here reaches the target; empty if one may.

        Held-out sizes and budgets check steps that are shorter than the sweep. Many times as far,
        nothing that was measured says how wrong a law is. A size that the ratio is carried over
        to is no extrapolation of a law.
        """
        counts = {"n_params": (self.n_params, "size"), "tokens": (self.tokens, "token budget")}
        for name, (value, spelled) in counts.items():
            low, high = self.fit.ranges.get(name, (value, value))
            span, beyond = np.log(high / low), abs(np.log(value / np.clip(value, low, high)))
            carried = name == "n_params" and self.carried_sizes
            if carried or name in self.chosen or not span or beyond <= FARTHEST * span:
                continue
            return _beyond_any_law(spelled, value, low, high)
        return ""

    @property
    def carried_sizes(self) -> tuple[float, ...]:
        """Sizes whose own laws must do for a target of another size; else empty."""
        sizes = {m.size for name in self.fit.eval_sets for m in self.fit.members(name) if m.size}
        known = any(abs(self.n_params / size - 1) < SAME_LEVEL for size in sizes)
        return () if known else tuple(sorted(sizes))

    @property
    def knows_base(self) -> bool:
        """True if the general loss of the base is fitted or given."""
        return self.fit.has_base_rows or self.fit.general_set in self.base_losses

    @property
    def base_was_measured(self) -> bool:
        """True if the table has the general loss of a base of the target's size, or may have it.

        Fits of earlier versions do not say which bases were measured.
        """
        process = self.fit.base_kriging.get(self.fit.general_set)
        if process is None:
            return True
        sizes = measured_sizes(process)
        return bool(np.any(np.abs(self.n_params / sizes - 1) < SAME_LEVEL))

    @property
    def knows_rise(self) -> bool:
        """True if the rise of the general loss over the reference is known."""
        return self.has_general and (self.knows_base or self.reference == "control")

    def _law(self, eval_set: str, ratios: ArrayLike, tokens: ArrayLike | None) -> Prediction:
        """Losses at these ratios, given what was measured of the target's base and run."""
        law = self.law if self._has_member(eval_set) else None
        tokens = self.tokens if tokens is None else tokens
        prediction = self.from_base(eval_set, tokens, self.path.shares(ratios), law)
        return self.calibration.apply(prediction, eval_set)

    def from_base(
        self, eval_set: str, tokens: ArrayLike, shares: Mapping[str, ArrayLike], law: str | None
    ) -> Prediction:
        """The fit's losses at the target's size, given the base's loss where it was measured."""
        of = eval_set, self.n_params, tokens, shares
        after = self.fit.predict(*of, law=law, carry_size=True, assuming=self.assuming)
        known = self.base_losses.get(eval_set)
        if known is None or not self.fit.has_base_rows:
            return after
        return given_base(after, self.fit.base(eval_set, self.n_params, carry_size=True), known)

    def _has_member(self, eval_set: str) -> bool:
        return any(member.law == self.law for member in self.fit.members(eval_set))


def difference(a: Prediction, b: Prediction) -> Prediction:
    """``a - b`` draw by draw; ``b`` may have one point or one draw."""
    return Prediction(a.estimate - b.estimate, a.draws - b.draws)


def _beyond_any_law(what: str, value: float, low: float, high: float) -> str:
    """Why a size or budget so far out has no answer."""
    span = format_factor(high / low)
    so_far_out = f"No law that was checked within a factor of {span} says anything so far out."
    if value < low:
        return (
            f"The {what} is {format_factor(low / value)} times below the sweep, which spans a "
            f"factor of {span}. {so_far_out}"
        )
    return (
        f"The {what} is {format_factor(value / high)} times beyond the sweep, which spans a factor "
        f"of {span}. {so_far_out}"
    )


def _constant(value: float) -> Prediction:
    """A known number as one point and one draw, which broadcast against all others."""
    return Prediction(np.array([value]), np.array([[value]]))
