"""The solver: many starts, a linear stage, then trust-region steps on the stated objective.

Objective: sum over rows of weight x Huber_δ(log L̂ - log L). Least squares first, then robust,
because a cold start at a small δ has no gradient to follow (arXiv 2203.15556 averaged it and
stopped early). Every step treats all parameter sets of a batch at once, so that a thousand
bootstrap refits cost little more than the arithmetic of their residuals.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mixlaw.errors import FitError
from mixlaw.fit.model import Model
from mixlaw.laws import Array

#: Relative decrease of the objective, as promised by the local model, at which a fit has converged.
TOLERANCE = 1e-13
#: The same where the point is only a start for the robust objective.
ROUGH_TOLERANCE = 1e-6
#: The same for refits: n rows then stop within sqrt(n)·3e-5 standard deviations of the optimum.
REFIT_TOLERANCE = 1e-9
MAX_STEPS = 300
#: Damping beyond which no step helps any more.
STUCK = 1e14
#: Most numbers in one Jacobian; larger batches are cut.
BATCH = 4_000_000


@dataclass
class Effort:
    """What a fit cost: evaluations of all residuals, and of the Jacobian, at one parameter set."""

    starts: int = 0
    residuals: int = 0
    jacobians: int = 0


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


@dataclass(frozen=True)
class Problem:
    """A model, its losses and the objective.

    Attributes:
        model: the law at its rows.
        y: losses, shape (n,).
        weight: weights, shape (n,).
        delta: of the Huber loss; inf for least squares.
        effort: counts what the fit costs.
        on_log: residuals of log loss (the default), or of the loss itself.
    """

    model: Model
    y: Array
    weight: Array
    delta: float
    effort: Effort = field(default_factory=Effort)
    on_log: bool = True

    @property
    def target(self) -> Array:
        """What is fitted: log losses, or losses, shape (n,)."""
        return np.log(self.y) if self.on_log else self.y

    def residual(self, loss: Array, target: Array) -> Array:
        """Residuals (B, n) of predicted losses (B, n)."""
        return log_residual(loss, target) if self.on_log else loss - target

    def objective(self, theta: Array, target: Array, delta: float) -> Array:
        """Objective (B,) at parameters (B, P) for targets (n,) or (B, n)."""
        self.effort.residuals += len(theta)
        residual = self.residual(self.model.loss(theta), target)
        return np.asarray(huber(residual, delta) @ self.weight)


def huber(residual: Array, delta: float) -> Array:
    """r²/2 within δ, linear beyond; δ = inf is half the square."""
    size = np.abs(residual)
    if np.isinf(delta):
        return 0.5 * size**2
    inside = np.minimum(size, delta)
    return np.asarray(inside * (size - 0.5 * inside))


def log_residual(loss: Array, log_y: Array) -> Array:
    """Log L̂ - log L; a prediction that is not positive is infinitely wrong, not an error."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(loss > 0, np.log(loss), np.inf) - log_y


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
        return _sorted(minimise(problem, theta[best], target, np.inf))
    squares = minimise(problem, theta[best], target, np.inf, ROUGH_TOLERANCE)
    return _sorted(minimise(problem, squares.theta, target, problem.delta))


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
    problem: Problem, theta: Array, target: Array, delta: float, tolerance: float = TOLERANCE
) -> Solution:
    """Levenberg-Marquardt steps from every row of theta, within the bounds, until all converge.

    Args:
        problem: model, weights and counters.
        theta: starting points, shape (B, P).
        target: what is fitted, shape (n,), or (B, n) for refits.
        delta: of the Huber loss; inf for least squares.
        tolerance: relative decrease of the objective at which a fit has converged.
    """
    size = max(1, BATCH // (len(problem.model.free) * problem.model.n_rows))
    target = np.broadcast_to(target, (len(theta), problem.model.n_rows))
    parts = [
        _minimise(problem, theta[i : i + size], target[i : i + size], delta, tolerance)
        for i in range(0, len(theta), size)
    ]
    return Solution(
        np.concatenate([p.theta for p in parts]),
        np.concatenate([p.objective for p in parts]),
        np.concatenate([p.converged for p in parts]),
    )


def _minimise(
    problem: Problem, theta: Array, target: Array, delta: float, tolerance: float
) -> Solution:
    theta = theta.copy()
    objective = problem.objective(theta, target, delta)
    converged = np.zeros(len(theta), dtype=bool)
    damping = np.full(len(theta), 1e-3)
    at_work = np.flatnonzero(np.isfinite(objective))
    # Gradient and Hessian are kept for those whose last step failed: only the damping changed.
    gradient, hessian, scale = _derivatives(problem, theta, target, delta)
    for _ in range(MAX_STEPS):
        if not len(at_work):
            break
        now = theta[at_work]
        trial, promised = _step(
            problem.model, now, gradient[at_work], hessian[at_work], scale[at_work],
            damping[at_work],
        )  # fmt: skip
        value = problem.objective(trial, target[at_work], delta)
        better = value < objective[at_work]
        small = promised <= tolerance * objective[at_work] + 1e-30
        improved = at_work[better]
        theta[improved], objective[improved] = trial[better], value[better]
        damping[at_work] *= np.where(better, 0.1, 8.0)
        damping[improved] = np.maximum(damping[improved], 1e-12)
        converged[at_work[small]] = True
        if len(improved):
            gradient[improved], hessian[improved], scale[improved] = _derivatives(
                problem, theta[improved], target[improved], delta
            )
        at_work = at_work[~small & (damping[at_work] < STUCK)]
    return Solution(theta, objective, converged)


def _derivatives(
    problem: Problem, theta: Array, target: Array, delta: float
) -> tuple[Array, Array, Array]:
    """Gradient (B, P), Gauss-Newton Hessian (B, P, P) and the scale of each parameter (B, P).

    Beyond δ the Huber loss has no curvature, so those rows leave the Hessian; the scale keeps them
    at their reweighted share, which bounds the step where few rows are within δ.
    """
    problem.effort.jacobians += len(theta)
    loss, jacobian = problem.model.loss_and_jacobian(theta)
    if problem.on_log:
        jacobian /= loss[:, None, :]
    residual = problem.residual(loss, target)
    size = np.maximum(np.abs(residual), 1e-300)
    pull = problem.weight * residual * np.minimum(1.0, delta / size)
    gradient = (jacobian @ pull[:, :, None])[:, :, 0]
    curved = jacobian * np.where(size <= delta, problem.weight, 0.0)[:, None, :]
    hessian = curved @ jacobian.transpose(0, 2, 1)
    reweighted = problem.weight * np.minimum(1.0, delta / size)
    scale = ((jacobian**2) @ reweighted[:, :, None])[:, :, 0]
    return gradient, hessian, np.where(scale > 0, scale, 1.0)


def _step(
    model: Model, theta: Array, gradient: Array, hessian: Array, scale: Array, damping: Array
) -> tuple[Array, Array]:
    """Damped step within the bounds, and the decrease that the local model promises for it.

    A parameter at a bound with the gradient pushing outwards stays there.
    """
    stays = (theta <= model.low) & (gradient > 0) | (theta >= model.high) & (gradient < 0)
    root = np.sqrt(scale)
    g = np.where(stays, 0.0, gradient / root)
    moves = ~stays
    h = hessian / (root[:, :, None] * root[:, None, :])
    h = np.where(moves[:, :, None] & moves[:, None, :], h, 0.0)
    h += np.where(stays, 1.0, damping[:, None])[:, :, None] * np.eye(theta.shape[1])
    step = -np.linalg.solve(h, g[:, :, None])[:, :, 0]
    trial = np.clip(theta + step / root, model.low, model.high)
    return trial, -0.5 * np.sum(g * step, axis=1)


def _sorted(solution: Solution) -> Solution:
    order = np.argsort(solution.objective)
    return Solution(solution.theta[order], solution.objective[order], solution.converged[order])
