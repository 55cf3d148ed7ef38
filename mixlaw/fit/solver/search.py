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
So do the starts of several problems (``solve_together``): a step of few sets costs as much as one
of a hundred.

Shapes: B parameter sets, P free parameters, n rows.
"""

from collections.abc import Iterator, Sequence
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
#: Part of the steps that is spent on such a start: conventional.
ROUGH_STEPS = 1 / 3
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

    def only(self, sets: NDArray[np.bool_] | NDArray[np.intp]) -> "Solution":
        """Some of the optima, in this order."""
        return Solution(self.theta[sets], self.objective[sets], self.converged[sets])

    def ordered(self) -> "Solution":
        """The same, best first."""
        return self.only(np.argsort(self.objective))


def solve(problem: Problem, n_starts: int, n_polish: int = 16) -> Solution:
    """Optima from the best of many starts, best first.

    Args:
        problem: model, losses and objective.
        n_starts: starting points.
        n_polish: how many of the best of them are followed to their optimum.

    Raises:
        FitError: no start leads to a finite objective.
    """
    [solution] = solve_together([problem], n_starts, n_polish)
    if solution is None:
        raise FitError(no_finite_value(problem))
    return solution


def no_finite_value(problem: Problem) -> str:
    """Why a problem has no solution."""
    return f"The law '{problem.model.law.name}' has no finite value on these rows."


def solve_together(
    problems: Sequence[Problem], n_starts: int, n_polish: int = 16, tolerance: float = TOLERANCE
) -> list[Solution | None]:
    """Optima of problems that differ in their rows alone; None where no start is finite."""
    best = [_best_starts(problem, n_starts, n_polish) for problem in problems]
    finite = [k for k, theta in enumerate(best) if len(theta)]
    first = [best[k] for k in finite]
    solvable = [problems[k] for k in finite]
    if solvable and np.isfinite(solvable[0].delta):
        rough = _minimise_together(solvable, first, ROUGH_TOLERANCE, np.inf)
        first = [solution.theta for solution in rough]
    found = dict(zip(finite, polish_together(solvable, first, tolerance), strict=True))
    return [found.get(k) for k in range(len(problems))]


def _best_starts(problem: Problem, n_starts: int, n_polish: int) -> Array:
    """The starts to follow (B, P), with their best amplitudes; none where none is finite."""
    model = problem.model
    theta = starts(model, n_starts if not model.amplitudes.all() else 1)
    problem.effort.starts += len(theta)
    theta, error = _linear_stage(problem, theta)
    best = np.argsort(np.where(np.isfinite(error), error, np.inf))[:n_polish]
    return theta[best] if np.isfinite(error[best[0]]) else theta[:0]


def polish_together(
    problems: Sequence[Problem], theta: Sequence[Array], tolerance: float = TOLERANCE
) -> list[Solution]:
    """Optima of the problems' own objectives from starts (B, P) of each, best first.

    Starts that agree to four digits of each parameter's largest value are one.
    """
    distinct = []
    for of_problem in theta:
        size = np.maximum(np.abs(of_problem).max(axis=0), 1e-300)
        rounded = np.round(of_problem / size, 4)
        distinct.append(of_problem[np.sort(np.unique(rounded, axis=0, return_index=True)[1])])
    return [s.ordered() for s in _minimise_together(problems, distinct, tolerance)]


def _minimise_together(
    problems: Sequence[Problem],
    theta: Sequence[Array],
    tolerance: float,
    delta: float | None = None,
) -> list[Solution]:
    """``minimise`` from starts (B, P) of each problem; δ is their own if it is not given."""
    if not problems:
        return []
    owner = np.repeat(np.arange(len(problems)), [len(of_problem) for of_problem in theta])
    joined = Problem.joined(problems, owner)
    delta_ = joined.delta if delta is None else delta
    found = minimise(joined, np.concatenate(theta), joined.target, delta_, tolerance)
    return [found.only(owner == k) for k in range(len(problems))]


def starts(model: Model, n_starts: int) -> Array:
    """Points spread over the start boxes of the nonlinear parameters, shape (n_starts, P).

    Amplitudes are left at zero, for the linear stage.
    """
    boxes = [p.start or (p.low, p.high) for p in model.free]
    nonlinear = np.flatnonzero(~model.amplitudes)
    theta = np.zeros((n_starts, len(boxes)))
    for point, i in zip(_spread(n_starts, len(nonlinear)).T, nonlinear, strict=True):
        theta[:, i] = _in_box(point, *boxes[i])
    return theta


def _spread(n_points: int, n_dimensions: int) -> Array:
    """Points that fill the unit cube evenly, shape (n_points, n_dimensions).

    M. Roberts's R sequence: multiples, modulo one, of the powers of the inverse of the positive
    root of x^(d+1) = x + 1, which for one dimension is the golden ratio. Sobol's, which is as good
    here, costs every fit the import of all of scipy.stats, half a second.
    """
    root = 2.0
    for _ in range(50):
        root = (1 + root) ** (1 / (n_dimensions + 1))
    step = root ** -np.arange(1.0, n_dimensions + 1)
    return np.asarray((0.5 + np.outer(np.arange(1, n_points + 1), step)) % 1)


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
    delta: float | Array,
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
        delta: of the Huber loss, a number or (B, 1); inf for least squares.
        tolerance: predicted relative decrease of the objective at which a fit has converged.
        max_steps: after which a fit stops where it is; default the problem's.
    """
    if max_steps is None:
        part = ROUGH_STEPS if tolerance >= ROUGH_TOLERANCE else 1.0
        max_steps = round(part * problem.max_steps)
    target = np.broadcast_to(target, (len(theta), problem.model.n_rows))
    return Solution.joined(
        [
            _minimise_batch(
                problem.only(batch),
                theta[batch],
                target[batch],
                _of_sets(delta, batch),
                tolerance,
                max_steps,
            )
            for batch in _batches(problem, len(theta))
        ]
    )


def _of_sets(delta: float | Array, sets: NDArray[np.intp] | slice) -> float | Array:
    """δ of some of the parameter sets."""
    return delta[sets] if isinstance(delta, np.ndarray) else delta


def _minimise_batch(
    problem: Problem,
    theta: Array,
    target: Array,
    delta: float | Array,
    tolerance: float,
    max_steps: int,
) -> Solution:
    """As ``minimise``, for a batch that fits into memory; target has shape (B, n).

    ``active`` holds the sets that still step, ``here`` is the problem of these, ``moved`` those of
    them whose step was accepted.
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
        here, wanted, huber = problem.only(active), target[active], _of_sets(delta, active)
        trial, predicted = local.only(active).step(here, theta[active], wanted, damping[active])
        trial, value = _refit_amplitudes(here, trial, wanted, huber)
        decrease = objective[active] - value
        improved = decrease > 0
        # Converged: the predicted decrease is negligible, whether or not the step was accepted.
        small = (predicted >= 0) & (predicted <= tolerance * objective[active] + 1e-30)
        moved = active[improved]
        theta[moved], objective[moved] = trial[improved], value[improved]
        damping[active] *= _damping_factor(decrease, predicted)
        damping[moved] = np.maximum(damping[moved], LEAST_DAMPING)
        converged[active[small]] = True
        going = ~small & (damping[active] < MOST_DAMPING)
        # Where a step failed only the damping changes: the local model stays.
        stale = active[improved & going]
        active = active[going]
        if len(stale):
            there, huber = problem.only(stale), _of_sets(delta, stale)
            local.replace(stale, LocalModel.at(there, theta[stale], target[stale], huber))
    return Solution(theta, objective, converged)


def _damping_factor(decrease: Array, predicted: Array) -> Array:
    """What the damping is multiplied by: less where the local model predicted the decrease well."""
    ratio = np.where(decrease > 0, decrease, -np.inf) / np.maximum(predicted, 1e-300)
    return np.select([ratio > 0.75, ratio > 0.25, ratio > 0], [0.1, 0.5, 2.0], 8.0)


def _refit_amplitudes(
    problem: Problem, theta: Array, target: Array, delta: float | Array
) -> tuple[Array, Array]:
    """One step of the amplitudes alone, in which the loss is linear, and the objective (B,) after.

    It takes a step in the exponents to the floor of its valley (variable projection); it is kept
    where it lowers the objective.
    """
    model = problem.model
    problem.effort.residuals += len(theta)
    loss, factors = model.loss_and_factors(theta)
    value = problem.value(loss, target, delta)
    rows = np.flatnonzero(np.isfinite(value))
    if not model.amplitudes.any() or not len(rows):
        return theta, value
    here, wanted, huber = problem.only(rows), target[rows], _of_sets(delta, rows)
    linear = LocalModel.from_slopes(here, loss[rows], factors[rows], wanted, huber)
    old = theta[rows][:, model.amplitudes]
    new = linear.undamped_step(old, model.low[model.amplitudes], model.high[model.amplitudes])
    change = ((new - old)[:, None, :] @ factors[rows])[:, 0]
    new_value = here.value(loss[rows] + change, wanted, huber)
    better = new_value < value[rows]
    rows = rows[better]
    theta, value = theta.copy(), value.copy()
    theta[np.ix_(rows, np.flatnonzero(model.amplitudes))] = new[better]
    value[rows] = new_value[better]
    return theta, value
