"""One law fitted to the rows of one eval set: weights, optimum, noise, and draws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mixlaw.errors import FitError
from mixlaw.fit import noise as noises
from mixlaw.fit.bootstrap import Noise, Plan, estimate_noise, noise_draws
from mixlaw.fit.model import Model
from mixlaw.fit.rows import Rows
from mixlaw.fit.solve import Effort, Problem, Solution, log_residual, minimise, solve
from mixlaw.laws import Array, Law
from mixlaw.quantities import format_quantity

#: Optima whose objective is within this of the best one are as good as it.
AS_GOOD = 0.01
#: Levels closer than this (relative) are one level.
SAME_LEVEL = 1e-3


@dataclass(frozen=True)
class Fitted:
    """A law at its optimum on some rows.

    Attributes:
        law: the law.
        rows: the rows.
        size: the size of the slice, or None.
        problem: model, weights, objective and effort.
        solution: optima of the polished starts, best first.
        noise: of the residuals.
        lacking: inputs whose single level made the law hold parameters.
    """

    law: Law
    rows: Rows
    size: float | None
    problem: Problem
    solution: Solution
    noise: Noise
    lacking: tuple[str, ...]

    @property
    def theta(self) -> Array:
        """Free parameters at the optimum, shape (1, P)."""
        return self.solution.theta[:1]

    @property
    def as_good(self) -> Array:
        """Free parameters of all polished starts that end as low as the optimum, shape (B, P)."""
        least = self.solution.objective[0]
        near = self.solution.objective <= least * (1 + AS_GOOD) + 1e-12 * len(self.rows)
        return np.asarray(self.solution.theta[near])

    @property
    def residual(self) -> Array:
        """Log L̂ - log L at the optimum, shape (n,)."""
        loss = self.problem.model.loss(self.theta)
        return np.asarray(log_residual(loss, np.log(self.rows.loss))[0])

    def predict(self, x: Mapping[str, Array]) -> Array:
        """Loss at other inputs (plain counts), shape (n,)."""
        model = self.problem.model
        values = model.full(self.theta)[0]
        return self.law.predict(dict(zip(model.names, values, strict=True)), x)


def fit_rows(
    law: Law,
    rows: Rows,
    corpora: Sequence[str] = (),
    size: float | None = None,
    held: Mapping[str, float] | None = None,
    n_starts: int | None = None,
    delta: float | None = None,
) -> Fitted:
    """The optimum of a law on these rows.

    Rows are weighted by ``loss_se`` and by how independent the checkpoints of a run are, which is
    read from the residuals of a first fit with equal weights.

    Args:
        law: the law.
        rows: the rows; every input of the law must be among theirs.
        corpora: names of the corpora in ``h``.
        size: mark the fit as a slice of this size.
        held: parameters to hold besides those that a single level makes the law hold.
        n_starts: starts of the search; default by the number of nonlinear parameters.
        delta: of the Huber loss on log residuals; default from replicates, at least 1e-3.

    Raises:
        FitError: an input is missing, or there are fewer rows than free parameters.
    """
    missing = [name for name in law.inputs if name not in rows.x]
    if missing:
        raise FitError(f"The law '{law.name}' needs {', '.join(missing)}, which the rows lack.")
    lacking = single_levels(law, rows)
    fixed = {k: v for name in lacking for k, v in law.held[name].items()} | dict(held or {})
    model = Model(law, rows.x, corpora, fixed)
    where = f" at {format_quantity(size)} parameters" if size else ""
    if len(rows) < len(model.free):
        raise FitError(
            f"The law '{law.name}' has {len(model.free)} free parameters and there are only "
            f"{len(rows)} rows{where}; sweep more settings or fit a smaller law (mixlaw laws)."
        )
    seed = noises.seed_std(rows)
    delta = noises.delta(seed) if delta is None else delta
    n_starts = n_starts or default_starts(model)
    problem = Problem(model, rows.loss, noises.weights(rows, 0.0, 0.0), delta, Effort())
    solution, noise = _solve_and_measure(problem, rows, n_starts)
    weight = noises.weights(rows, noise.correlation, np.hypot(noise.between, noise.within))
    if not np.allclose(weight, problem.weight):
        problem = Problem(model, rows.loss, weight, delta, problem.effort)
        solution, noise = _solve_and_measure(problem, rows, n_starts)
    return Fitted(law, rows, size, problem, solution, noise, lacking)


def default_starts(model: Model) -> int:
    """Starts of the search: a power of two that grows with the nonlinear parameters."""
    nonlinear = int(np.sum(~model.amplitudes))
    return 1 if nonlinear == 0 else int(min(512, 2 ** (nonlinear + 4)))


def single_levels(law: Law, rows: Rows) -> tuple[str, ...]:
    """Inputs of the law that take a single level and for which it holds parameters."""
    return tuple(
        name
        for name in law.held
        if name in rows.x and np.ptp(rows.x[name]) <= SAME_LEVEL * np.max(np.abs(rows.x[name]))
    )


def draw_refits(fitted: Fitted, plan: Plan) -> Array:
    """All parameters of the law refitted to every resampled sweep, shape (n_draws, n_params).

    Refits start from the optimum, and in turn from every other one that is as good.
    """
    problem, rows = fitted.problem, fitted.rows
    scale = _own_noise(rows, fitted.noise)
    shake = noise_draws(plan, fitted.residual / scale, rows.trunk, fitted.noise) * scale
    log_y = np.log(problem.model.loss(fitted.theta)) + shake
    start = fitted.as_good[np.arange(len(log_y)) % len(fitted.as_good)]
    refits = minimise(problem, start, log_y, problem.delta)
    return problem.model.full(refits.theta)


def _own_noise(rows: Rows, noise: Noise) -> Array:
    """Each row's noise relative to the common one: its standard error comes on top."""
    common = np.hypot(noise.between, noise.within)
    if common == 0:
        return np.ones(len(rows))
    return np.asarray(np.sqrt(1 + (rows.loss_se / rows.loss / common) ** 2))


def _solve_and_measure(problem: Problem, rows: Rows, n_starts: int) -> tuple[Solution, Noise]:
    solution = solve(problem, n_starts)
    loss, jacobian = problem.model.loss_and_jacobian(solution.theta[:1])
    residual = log_residual(loss, np.log(rows.loss))[0]
    noise = estimate_noise(residual, jacobian[0] / loss[0], problem.weight, rows.trunk)
    return solution, noise
