"""A quadratic model of the objective around each parameter set, and the step that minimises it.

Gauss-Newton with three additions that make a narrow curved valley short:

- parameters that would leave their box are fixed at its wall while the others are solved for anew;
- the second derivative along the step bends it (geodesic acceleration, Transtrum & Sethna,
  arXiv 1201.5885; what it is worth is measured in docs/benchmarks.md);
- damping adds the rows beyond δ of the Huber loss, which have no curvature of their own, with the
  weight that iteratively reweighted least squares gives them.

Shapes: B parameter sets, P free parameters, n rows.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from mixlaw.fit.solver.problem import Problem
from mixlaw.laws import Array

#: Part of a step after which its second derivative is measured by a difference: conventional.
PROBE = 0.1
#: A bend longer than this part of the step is not applied, since the quadratic model does not hold
#: so far: conventional.
MOST_BEND = 1.5
#: Times that a step is solved anew with parameters fixed at their walls: a guard, since the step is
#: clipped to the box in any case.
MOST_WALLS = 8
#: Ridge relative to unit columns: keeps collinear amplitudes solvable. Conventional.
RIDGE = 1e-12


@dataclass(frozen=True)
class LocalModel:
    """Value and derivatives of the objective at B parameter sets.

    Attributes:
        slopes: derivatives of the residuals, shape (B, P, n).
        residual: shape (B, n).
        inside: weight of the rows within δ, zero for the others, shape (B, n).
        gradient: shape (B, P).
        hessian: Gauss-Newton, of the rows within δ, shape (B, P, P).
        reweighted: the same of all rows, those beyond δ weighted by δ/|r|, shape (B, P, P).
        scale: diagonal of ``reweighted``, positive, shape (B, P).
    """

    slopes: Array
    residual: Array
    inside: Array
    gradient: Array
    hessian: Array
    reweighted: Array
    scale: Array

    @classmethod
    def at(
        cls, problem: Problem, theta: Array, target: Array, delta: "float | Array"
    ) -> "LocalModel":
        """At parameters (B, P) for targets (B, n); not finite where a loss is zero."""
        problem.effort.jacobians += len(theta)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            loss, jacobian = problem.model.loss_and_jacobian(theta)
            return cls.from_slopes(problem, loss, jacobian, target, delta)

    @classmethod
    def from_slopes(
        cls, problem: Problem, loss: Array, jacobian: Array, target: Array, delta: "float | Array"
    ) -> "LocalModel":
        """From losses (B, n) and their derivatives (B, P, n)."""
        slopes = jacobian / loss[:, None, :] if problem.on_log else jacobian
        residual = problem.residual(loss, target)
        size = np.maximum(np.abs(residual), 1e-300)
        share = problem.weight * np.minimum(1.0, delta / size)
        inside = np.where(size <= delta, problem.weight, 0.0)
        across = slopes.transpose(0, 2, 1)
        reweighted = (slopes * share[:, None, :]) @ across
        whole = isinstance(delta, float) and np.isinf(delta)
        hessian = reweighted if whole else (slopes * inside[:, None, :]) @ across
        gradient = (slopes @ (share * residual)[:, :, None])[:, :, 0]
        scale = np.diagonal(reweighted, axis1=1, axis2=2)
        scale = np.where(scale > 0, scale, 1.0)
        return cls(slopes, residual, inside, gradient, hessian, reweighted, scale)

    def only(self, rows: NDArray[np.intp]) -> "LocalModel":
        """The local models of some of the parameter sets."""
        return LocalModel(*(getattr(self, part.name)[rows] for part in fields(self)))

    def replace(self, rows: NDArray[np.intp], new: "LocalModel") -> None:
        """Replace the local models of some of the parameter sets."""
        for part in fields(self):
            getattr(self, part.name)[rows] = getattr(new, part.name)

    def damped(self, damping: Array) -> Array:
        """Hessian that a step is solved with, in unit columns; damping has shape (B,)."""
        beyond = np.minimum(1.0, np.sqrt(damping))[:, None, None]
        return self._unit(self.hessian + beyond * (self.reweighted - self.hessian), damping)

    def undamped_step(self, theta: Array, low: Array, high: Array) -> Array:
        """Parameters (B, P) after the full step to the minimum, all rows reweighted."""
        unit = self._unit(self.reweighted, np.full(len(theta), RIDGE))
        return bounded_step(theta, low, high, self.gradient, unit, self.scale)[0]

    def step(
        self, problem: Problem, theta: Array, target: Array, damping: Array
    ) -> tuple[Array, Array]:
        """Parameters after a damped, bent step, and the decrease that the model predicts."""
        low, high, unit = problem.model.low, problem.model.high, self.damped(damping)
        trial, predicted = bounded_step(theta, low, high, self.gradient, unit, self.scale)
        return self._bend(problem, theta, trial, target, unit), predicted

    def _bend(
        self, problem: Problem, theta: Array, trial: Array, target: Array, unit: Array
    ) -> Array:
        """The step to ``trial`` plus half its acceleration, where that is moderate."""
        model = problem.model
        step, root = trial - theta, np.sqrt(self.scale)
        probe = theta + PROBE * step
        problem.effort.residuals += len(theta)
        change = problem.residual(model.loss(probe), target) - self.residual
        straight = (step[:, None, :] @ self.slopes)[:, 0]
        second = 2 / PROBE * (change / PROBE - straight)
        second = self.inside * np.nan_to_num(second, posinf=0.0, neginf=0.0)
        pull = (self.slopes @ second[:, :, None])[:, :, 0]
        fixed = (trial <= model.low) | (trial >= model.high)
        matrix = _with_fixed(unit, fixed)
        bend = _solve(matrix, np.where(fixed, 0.0, -pull / root))
        length = np.linalg.norm(step * root, axis=1)
        moderate = np.linalg.norm(bend, axis=1) < MOST_BEND * length
        bent = np.clip(trial + 0.5 * bend / root, model.low, model.high)
        return np.where(moderate[:, None], bent, trial)

    def _unit(self, hessian: Array, ridge: Array) -> Array:
        root = np.sqrt(self.scale)
        unit = hessian / (root[:, :, None] * root[:, None, :])
        return np.asarray(unit + ridge[:, None, None] * np.eye(unit.shape[1]))


def bounded_step(
    theta: Array, low: Array, high: Array, gradient: Array, unit: Array, scale: Array
) -> tuple[Array, Array]:
    """Minimum of a quadratic model within a box, and the decrease it predicts.

    A parameter at a wall with the gradient pushing outwards stays there; one that would cross a
    wall stops at it, and the others make up for it.

    Args:
        theta: where the model was made, shape (B, P).
        low: lower walls, shape (P,).
        high: upper walls, shape (P,).
        gradient: shape (B, P).
        unit: Hessian in units of ``scale``, positive definite, shape (B, P, P).
        scale: squared units of the parameters, shape (B, P).

    Returns:
        Parameters (B, P) and decrease (B,).
    """
    root = np.sqrt(scale)
    g = gradient / root
    least, most = (low - theta) * root, (high - theta) * root
    fixed = (theta <= low) & (gradient > 0) | (theta >= high) & (gradient < 0)
    free = _solve(_with_fixed(unit, fixed), np.where(fixed, 0.0, -g))
    step = np.clip(free, least, most)
    crossed = free != step
    for _ in range(MOST_WALLS):
        again = np.flatnonzero(crossed.any(axis=1))
        if not len(again):
            break
        fixed[again] |= crossed[again]
        at_wall = np.where(fixed[again], step[again], 0.0)
        rest = -g[again] - (unit[again] @ at_wall[:, :, None])[:, :, 0]
        right = np.where(fixed[again], at_wall, rest)
        free = _solve(_with_fixed(unit[again], fixed[again]), right)
        step[again] = np.clip(free, least[again], most[again])
        crossed = np.zeros_like(fixed)
        crossed[again] = free != step[again]
    curved = (unit @ step[:, :, None])[:, :, 0]
    return np.clip(theta + step / root, low, high), -np.sum(step * (g + 0.5 * curved), axis=1)


def _solve(matrix: Array, right: Array) -> Array:
    return np.asarray(np.linalg.solve(matrix, right[:, :, None])[:, :, 0])


def _with_fixed(matrix: Array, fixed: NDArray[np.bool_]) -> Array:
    """The matrix with the rows and columns of fixed parameters replaced by the identity's."""
    free = ~fixed
    eye = np.eye(matrix.shape[1])
    return np.where(free[:, :, None] & free[:, None, :], matrix, eye * fixed[:, :, None])
