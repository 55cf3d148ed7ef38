"""The search for the optimum: many starts, a linear stage, then damped Gauss-Newton steps.

The objective (``problem.py``) is the sum over rows of weight x Huber_δ(log L̂ - log L).

1. ``starts`` spreads points over the boxes of the nonlinear parameters.
2. The linear stage gives every start its best amplitudes; the best few starts go on.
3. ``minimise`` takes them roughly to the optimum of least squares, since a cold start at a small δ
   has no gradient to follow (arXiv 2203.15556 averaged the losses and stopped early).
4. ``polish`` merges those that agree, takes the others from there to the optimum of the Huber loss
   (``minimise`` again) and sorts the optima, best first.

``minimise`` is Levenberg-Marquardt: each step minimises a quadratic model of the objective
(``local_model.py``) within the bounds, and the ratio of the actual to the predicted decrease sets
the damping of the next one. After each step the amplitudes are fitted once more for the new
exponents. All parameter sets of a batch step at once, so that a thousand bootstrap refits cost
little more than the arithmetic of their residuals; ``row_fit.py`` calls ``minimise`` for these.

Shapes: B parameter sets, P free parameters, n rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixlaw.errors import FitError
from mixlaw.fit.solver.local_model import LocalModel
from mixlaw.fit.solver.problem import Model, Problem
from mixlaw.laws import Array

#: Predicted relative decrease of the objective at which a fit has converged: conventional, some
#: hundred times the rounding error of a double.
TOLERANCE = 1e-13
#: The same where the point is only a start for the Huber loss: conventional.
ROUGH_TOLERANCE = 1e-6
#: The same for refits: n rows then stop within sqrt(n)·3e-5 standard deviations of the optimum.
REFIT_TOLERANCE = 1e-9
#: Steps of a refit. Those that take longer wander along a valley in which predictions hardly
#: change: with 300 steps intervals on simulated sweeps differ in width by up to 3%, mostly by less
#: than 0.1%; those of the quickstart, whose exponents three sizes hardly identify, by up to 9%.
REFIT_STEPS = 100
#: Damping of the first step, and the least there is: conventional for Levenberg-Marquardt.
FIRST_DAMPING, LEAST_DAMPING = 1e-3, 1e-12
#: Damping at which a step is shorter than rounding, so that the search from there ends.
MOST_DAMPING = 1e14
#: Most numbers in one Jacobian (32 MB); larger batches are cut. It bounds memory, not results.
BATCH = 4_000_000


@dataclass(frozen=True)
class Solution:
    """Optima of a batch.

    Attributes:
        theta: free parameters, shape (B, P).
        objective: value at the optimum, shape (B,).
        converged: whether the tolerance was met, shape (B,).
    """

    theta: Array
    objective: Array
    converged: NDArray[np.bool_]

    @classmethod
    def joined(cls, parts: "list[Solution]") -> "Solution":
        """The optima of several batches, one after the other."""
        return cls(
            np.concatenate([part.theta for part in parts]),
            np.concatenate([part.objective for part in parts]),
            np.concatenate([part.converged for part in parts]),
        )

    def ordered(self) -> "Solution":
        """The same, best first."""
        order = np.argsort(self.objective)
        return Solution(self.theta[order], self.objective[order], self.converged[order])


def solve(problem: Problem, n_starts: int, n_polish: int = 16) -> Solution:
    """Optima from the best of many starts, best first.

    Args:
        problem: model, losses and objective.
        n_starts: starting points.
        n_polish: how many of the best of them are followed to their optimum.

    Raises:
        FitError: no start leads to a finite objective.
    """
    model = problem.model
    theta = starts(model, n_starts if not model.amplitudes.all() else 1)
    problem.effort.starts += len(theta)
    theta, error = _linear_stage(problem, theta)
    best = np.argsort(np.where(np.isfinite(error), error, np.inf))[:n_polish]
    if not np.isfinite(error[best[0]]):
        raise FitError(f"The law '{model.law.name}' has no finite value on these rows.")
    if np.isinf(problem.delta):
        return polish(problem, theta[best])
    rough = minimise(problem, theta[best], problem.target, np.inf, ROUGH_TOLERANCE)
    return polish(problem, rough.theta)


def polish(problem: Problem, theta: Array) -> Solution:
    """Optima of the problem's own objective from starts (B, P), best first.

    Starts that agree to four digits of each parameter's largest value are one.
    """
    size = np.maximum(np.abs(theta).max(axis=0), 1e-300)
    distinct = np.sort(np.unique(np.round(theta / size, 4), axis=0, return_index=True)[1])
    return minimise(problem, theta[distinct], problem.target, problem.delta).ordered()


def starts(model: Model, n_starts: int) -> Array:
    """Sobol points in the start boxes of the nonlinear parameters, shape (n_starts, P).

    Amplitudes are left at zero, for the linear stage.
    """
    from scipy.stats.qmc import Sobol

    boxes = [p.start or (p.low, p.high) for p in model.free]
    nonlinear = np.flatnonzero(~model.amplitudes)
    theta = np.zeros((n_starts, len(boxes)))
    if len(nonlinear):
        exponent = int(np.ceil(np.log2(n_starts)))
        points = Sobol(len(nonlinear), scramble=True, rng=0).random_base2(exponent)[:n_starts]
        for point, i in zip(points.T, nonlinear, strict=True):
            theta[:, i] = _in_box(point, *boxes[i])
    return theta


def _in_box(unit: Array, low: float, high: float) -> Array:
    """Unit interval -> box, uniform in the logarithm where the box spans a decade."""
    if low > 0 and high / low >= 10:
        return np.asarray(low * (high / low) ** unit)
    return low + (high - low) * unit


def _linear_stage(problem: Problem, theta: Array) -> tuple[Array, Array]:
    """Parameters with their best amplitudes, shape (B, P), and the squared error, shape (B,)."""
    parts = [
        problem.model.with_best_amplitudes(theta[batch], problem.y, problem.weight)
        for batch in _batches(problem, len(theta))
    ]
    problem.effort.residuals += len(theta)
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def _batches(problem: Problem, n_sets: int) -> Iterator[slice]:
    """Slices of n parameter sets, each with at most ``BATCH`` numbers in its Jacobian."""
    size = max(1, BATCH // (len(problem.model.free) * problem.model.n_rows))
    return (slice(i, i + size) for i in range(0, n_sets, size))


def minimise(
    problem: Problem,
    theta: Array,
    target: Array,
    delta: float,
    tolerance: float = TOLERANCE,
    max_steps: int | None = None,
) -> Solution:
    """Levenberg-Marquardt steps from every row of theta, within the bounds, until all converge.

    A set whose objective is not finite, or whose damping passes ``MOST_DAMPING``, ends where it is,
    not converged.

    Args:
        problem: model, weights and counters; its own losses and δ are not read.
        theta: starting points, shape (B, P).
        target: log losses (or losses: ``Problem.target``), shape (n,), or (B, n) for refits.
        delta: of the Huber loss; inf for least squares.
        tolerance: predicted relative decrease of the objective at which a fit has converged.
        max_steps: after which a fit stops where it is; default the problem's.
    """
    max_steps = max_steps or problem.max_steps
    target = np.broadcast_to(target, (len(theta), problem.model.n_rows))
    return Solution.joined(
        [
            _minimise_batch(problem, theta[batch], target[batch], delta, tolerance, max_steps)
            for batch in _batches(problem, len(theta))
        ]
    )


def _minimise_batch(
    problem: Problem,
    theta: Array,
    target: Array,
    delta: float,
    tolerance: float,
    max_steps: int,
) -> Solution:
    """As ``minimise``, for a batch that fits into memory; target has shape (B, n).

    ``active`` holds the sets that still step, ``moved`` those of them whose step was accepted.
    """
    theta = theta.copy()
    objective = problem.objective(theta, target, delta)
    converged = np.zeros(len(theta), dtype=bool)
    damping = np.full(len(theta), FIRST_DAMPING)
    active = np.flatnonzero(np.isfinite(objective))
    local = LocalModel.at(problem, theta, target, delta)
    for _ in range(max_steps):
        active = active[np.isfinite(local.gradient[active]).all(axis=1)]
        if not len(active):
            break
        trial, predicted = local.only(active).step(
            problem, theta[active], target[active], damping[active]
        )
        trial, value = _refit_amplitudes(problem, trial, target[active], delta)
        decrease = objective[active] - value
        improved = decrease > 0
        # Converged: the predicted decrease is negligible, whether or not the step was accepted.
        small = (predicted >= 0) & (predicted <= tolerance * objective[active] + 1e-30)
        moved = active[improved]
        theta[moved], objective[moved] = trial[improved], value[improved]
        damping[active] *= _damping_factor(decrease, predicted)
        damping[moved] = np.maximum(damping[moved], LEAST_DAMPING)
        converged[active[small]] = True
        active = active[~small & (damping[active] < MOST_DAMPING)]
        # Where a step failed only the damping changes: the local model stays.
        stale = np.intersect1d(moved, active, assume_unique=True)
        if len(stale):
            new = LocalModel.at(problem, theta[stale], target[stale], delta)
            local.replace(stale, new)
    return Solution(theta, objective, converged)


def _damping_factor(decrease: Array, predicted: Array) -> Array:
    """What the damping is multiplied by: less where the local model predicted the decrease well."""
    ratio = np.where(decrease > 0, decrease, -np.inf) / np.maximum(predicted, 1e-300)
    return np.select([ratio > 0.75, ratio > 0.25, ratio > 0], [0.1, 0.5, 2.0], 8.0)


def _refit_amplitudes(
    problem: Problem, theta: Array, target: Array, delta: float
) -> tuple[Array, Array]:
    """One step of the amplitudes alone, in which the loss is linear, and the objective (B,) after.

    It takes a step in the exponents to the floor of its valley (variable projection); it is kept
    where it lowers the objective.
    """
    model = problem.model
    problem.effort.residuals += len(theta)
    loss, factors = model.loss_and_factors(theta)
    value = problem.value(loss, target, delta)
    usable = np.isfinite(value)
    if not model.amplitudes.any() or not usable.any():
        return theta, value
    linear = LocalModel.from_slopes(problem, loss[usable], factors[usable], target[usable], delta)
    old = theta[usable][:, model.amplitudes]
    new = linear.undamped_step(old, model.low[model.amplitudes], model.high[model.amplitudes])
    change = ((new - old)[:, None, :] @ factors[usable])[:, 0]
    new_value = problem.value(loss[usable] + change, target[usable], delta)
    better = new_value < value[usable]
    rows = np.flatnonzero(usable)[better]
    theta, value = theta.copy(), value.copy()
    theta[np.ix_(rows, np.flatnonzero(model.amplitudes))] = new[better]
    value[rows] = new_value[better]
    return theta, value
