"""The solver: many starts, a linear stage, then trust-region steps on the stated objective.

Objective: sum over rows of weight x Huber_δ(log L̂ - log L). Least squares first, then robust,
because a cold start at a small δ has no gradient to follow (arXiv 2203.15556 averaged it and
stopped early). Every step treats all parameter sets of a batch at once, so that a thousand
bootstrap refits cost little more than the arithmetic of their residuals.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mixlaw.errors import FitError
from mixlaw.fit.solver.local_model import Local
from mixlaw.fit.solver.problem import Model, Problem
from mixlaw.laws import Array

#: Relative decrease of the objective, as promised by the local model, at which a fit has converged.
TOLERANCE = 1e-13
#: The same where the point is only a start for the robust objective.
ROUGH_TOLERANCE = 1e-6
#: The same for refits: n rows then stop within sqrt(n)·3e-5 standard deviations of the optimum.
REFIT_TOLERANCE = 1e-9
#: The same for refits. Those that take longer wander along a valley in which predictions hardly
#: change: with 300 steps intervals on simulated sweeps differ in width by up to 3%, mostly by less
#: than 0.1%; those of the quickstart, whose exponents three sizes hardly tell, by up to 9%.
REFIT_STEPS = 100
#: Damping beyond which no step helps any more.
STUCK = 1e14
#: Most numbers in one Jacobian; larger batches are cut.
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
    converged: Any


def solve(problem: Problem, n_starts: int, n_polish: int = 16) -> Solution:
    """Global fit: optima from the best starts on the robust objective, best first.

    Raises:
        FitError: no start leads to a finite objective.
    """
    model, target = problem.model, problem.target
    nonlinear = int(np.sum(~model.amplitudes))
    theta = starts(model, n_starts if nonlinear else 1)
    problem.effort.starts += len(theta)
    theta, error = _linear_stage(problem, theta)
    best = np.argsort(np.where(np.isfinite(error), error, np.inf))[:n_polish]
    if not np.isfinite(error[best[0]]):
        raise FitError(f"The law '{model.law.name}' has no finite value on these rows.")
    if np.isinf(problem.delta):
        return polish(problem, theta[best])
    return polish(problem, minimise(problem, theta[best], target, np.inf, ROUGH_TOLERANCE).theta)


def polish(problem: Problem, theta: Array) -> Solution:
    """Optima of the stated objective from these starts, best first; starts that agree are one."""
    size = np.maximum(np.abs(theta).max(axis=0), 1e-300)
    distinct = np.sort(np.unique(np.round(theta / size, 4), axis=0, return_index=True)[1])
    return _sorted(minimise(problem, theta[distinct], problem.target, problem.delta))


def starts(model: Model, n_starts: int) -> Array:
    """Sobol points in the start boxes of the nonlinear parameters; amplitudes are left at zero."""
    from scipy.stats.qmc import Sobol

    boxes = [p.start or (p.low, p.high) for p in model.free]
    nonlinear = np.flatnonzero(~model.amplitudes)
    theta = np.zeros((n_starts, len(boxes)))
    if len(nonlinear):
        exponent = int(np.ceil(np.log2(n_starts)))
        points = Sobol(len(nonlinear), scramble=True, rng=0).random_base2(exponent)[:n_starts]
        for point, i in zip(points.T, nonlinear, strict=True):
            theta[:, i] = _spread(point, *boxes[i])
    return theta


def _spread(unit: Array, low: float, high: float) -> Array:
    """Unit interval -> box, evenly in the logarithm where the box spans a decade."""
    if low > 0 and high / low >= 10:
        return np.asarray(low * (high / low) ** unit)
    return low + (high - low) * unit


def _linear_stage(problem: Problem, theta: Array) -> tuple[Array, Array]:
    size = max(1, BATCH // (len(problem.model.free) * problem.model.n_rows))
    parts = [
        problem.model.with_best_amplitudes(theta[i : i + size], problem.y, problem.weight)
        for i in range(0, len(theta), size)
    ]
    problem.effort.residuals += len(theta)
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def minimise(
    problem: Problem,
    theta: Array,
    target: Array,
    delta: float,
    tolerance: float = TOLERANCE,
    max_steps: int | None = None,
) -> Solution:
    """Levenberg-Marquardt steps from every row of theta, within the bounds, until all converge.

    Args:
        problem: model, weights and counters.
        theta: starting points, shape (B, P).
        target: what is fitted, shape (n,), or (B, n) for refits.
        delta: of the Huber loss; inf for least squares.
        tolerance: relative decrease of the objective at which a fit has converged.
        max_steps: after which a fit stops where it is; default the problem's.
    """
    max_steps = max_steps or problem.max_steps
    size = max(1, BATCH // (len(problem.model.free) * problem.model.n_rows))
    target = np.broadcast_to(target, (len(theta), problem.model.n_rows))
    parts = [
        _minimise(problem, theta[i : i + size], target[i : i + size], delta, tolerance, max_steps)
        for i in range(0, len(theta), size)
    ]
    return Solution(
        np.concatenate([p.theta for p in parts]),
        np.concatenate([p.objective for p in parts]),
        np.concatenate([p.converged for p in parts]),
    )


def _minimise(
    problem: Problem,
    theta: Array,
    target: Array,
    delta: float,
    tolerance: float,
    max_steps: int,
) -> Solution:
    theta = theta.copy()
    objective = problem.objective(theta, target, delta)
    converged = np.zeros(len(theta), dtype=bool)
    damping = np.full(len(theta), 1e-3)
    at_work = np.flatnonzero(np.isfinite(objective))
    # The local model is kept for those whose last step failed: only the damping changed.
    local = Local.of(problem, theta, target, delta)
    for _ in range(max_steps):
        at_work = at_work[np.isfinite(local.gradient[at_work]).all(axis=1)]
        if not len(at_work):
            break
        here, now = local.where(at_work), theta[at_work]
        trial, promised = here.step(problem, now, target[at_work], damping[at_work])
        trial, value = _settle(problem, trial, target[at_work], delta)
        gained = objective[at_work] - value
        better = gained > 0
        small = (promised >= 0) & (promised <= tolerance * objective[at_work] + 1e-30)
        improved = at_work[better]
        theta[improved], objective[improved] = trial[better], value[better]
        damping[at_work] *= _trust(gained, promised)
        damping[improved] = np.maximum(damping[improved], 1e-12)
        converged[at_work[small]] = True
        at_work = at_work[~small & (damping[at_work] < STUCK)]
        again = np.intersect1d(improved, at_work, assume_unique=True)
        if len(again):
            local.put(again, Local.of(problem, theta[again], target[again], delta))
    return Solution(theta, objective, converged)


def _trust(gained: Array, promised: Array) -> Array:
    """Factor of the damping: down where the local model kept its promise, up where it failed."""
    kept = np.where(gained > 0, gained, -np.inf) / np.maximum(promised, 1e-300)
    return np.select([kept > 0.75, kept > 0.25, kept > 0], [0.1, 0.5, 2.0], 8.0)


def _settle(problem: Problem, theta: Array, target: Array, delta: float) -> tuple[Array, Array]:
    """One step of the amplitudes alone, in which the loss is linear, and the objective (B,) after.

    It keeps a step in the exponents on the floor of its valley (variable projection).
    """
    model = problem.model
    problem.effort.residuals += len(theta)
    loss, factors = model.loss_and_factors(theta)
    value = problem.value(loss, target, delta)
    usable = np.isfinite(value)
    if not model.amplitudes.any() or not usable.any():
        return theta, value
    local = Local.from_slopes(problem, loss[usable], factors[usable], target[usable], delta)
    walls = model.low[model.amplitudes], model.high[model.amplitudes]
    now = theta[usable][:, model.amplitudes]
    settled = local.settled(now, *walls)
    moved = ((settled - now)[:, None, :] @ factors[usable])[:, 0]
    settled_value = problem.value(loss[usable] + moved, target[usable], delta)
    take = settled_value < value[usable]
    rows = np.flatnonzero(usable)[take]
    theta, value = theta.copy(), value.copy()
    theta[np.ix_(rows, np.flatnonzero(model.amplitudes))] = settled[take]
    value[rows] = settled_value[take]
    return theta, value


def _sorted(solution: Solution) -> Solution:
    order = np.argsort(solution.objective)
    return Solution(solution.theta[order], solution.objective[order], solution.converged[order])
