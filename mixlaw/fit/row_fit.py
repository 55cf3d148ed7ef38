"""One optimum: a law fitted to given rows of one eval set, with its noise and its refits.

Which rows are fitted together (all, or those of one size at a time) is decided in ``law_fit.py``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mixlaw.errors import ConfigError, FitError, unknown_name
from mixlaw.fit import noise as noises
from mixlaw.fit.bootstrap import Plan, noise_draws
from mixlaw.fit.noise import Noise, estimate_noise
from mixlaw.fit.selection import Rows
from mixlaw.fit.solver.problem import MAX_STEPS, Effort, Model, Problem, log_residual
from mixlaw.fit.solver.search import (
    REFIT_STEPS,
    REFIT_TOLERANCE,
    ROUGH_TOLERANCE,
    TOLERANCE,
    Solution,
    minimise,
    no_finite_value,
    polish_together,
    solve_together,
)
from mixlaw.laws import Array, InputName, Law, Switch
from mixlaw.quantities import SAME_LEVEL, format_quantity
from mixlaw.result.inputs import with_columns

#: Optima whose objective is within this part of the least one are near-optima: refits start from
#: each of them in turn. Conventional.
NEAR = 0.01


@dataclass(frozen=True)
class Settings:
    """How laws are fitted.

    Attributes:
        corpora: names of the corpora in ``h``.
        constraints: switches of the law to impose, such as ``eta>1``.
        n_starts: starts of the search; default by the number of nonlinear parameters.
        n_polish: how many of the best starts are followed to their optimum.
        delta: of the Huber loss on log residuals; default from replicates, at least 1e-3.
        max_steps: after which the search from one start ends where it is.
        tolerance: predicted relative decrease of the objective at which a search has converged.
    """

    corpora: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    n_starts: int | None = None
    n_polish: int = 16
    delta: float | None = None
    max_steps: int = MAX_STEPS
    tolerance: float = TOLERANCE


#: Settings of a fit by default.
DEFAULT = Settings()


@dataclass(frozen=True)
class RowFit:
    """A law at its optimum on some rows.

    Attributes:
        law: the law.
        rows: the rows.
        size: the size of the slice, or None.
        problem: model, weights, objective and effort.
        solution: optima of the polished starts, best first.
        noise: of the residuals.
        lacking: inputs whose single level made the law hold parameters.
        settings: how it was fitted.
    """

    law: Law
    rows: Rows
    size: float | None
    problem: Problem
    solution: Solution
    noise: Noise
    lacking: tuple[InputName, ...]
    settings: Settings

    @property
    def theta(self) -> Array:
        """Free parameters at the optimum, shape (1, P)."""
        return self.solution.theta[:1]

    @property
    def near_optima(self) -> Array:
        """Free parameters of all polished starts that end within ``NEAR`` of the least, (B, P)."""
        least = self.solution.objective[0]
        near = self.solution.objective <= least * (1 + NEAR) + 1e-12 * len(self.rows)
        return np.asarray(self.solution.theta[near])

    @property
    def residual(self) -> Array:
        """Log L̂ - log L at the optimum, shape (n,)."""
        loss = self.problem.model.loss(self.theta)
        return np.asarray(log_residual(loss, np.log(self.rows.loss))[0])

    @property
    def names(self) -> tuple[str, ...]:
        """All parameters of the law, in its order."""
        return tuple(p.name for p in self.law.expand(self.settings.corpora))

    def parameters(self, theta: Array) -> Array:
        """All parameters of the law from free ones (B, P), constraints undone: (B, n_params)."""
        values = self.problem.model.full(theta).T
        params: dict[str, Any] = dict(zip(self.problem.model.names, values, strict=True))
        for law, switch in reversed(_constrained(self.law, self.rows, self.settings.constraints)):
            params = switch.restore(law, params, self.rows.x)
        return np.stack([params[name] for name in self.names], axis=1)

    def predict(self, x: Mapping[str, Array], theta: Array | None = None) -> Array:
        """Losses (B, n) at other inputs (plain counts), from the optimum unless theta is given."""
        values = self.parameters(self.theta if theta is None else theta)
        return self.law.predict({name: values[:, [i]] for i, name in enumerate(self.names)}, x)


@dataclass(frozen=True)
class Part:
    """Rows that a law is fitted to by themselves.

    Attributes:
        rows: the rows; every input of the law must be among theirs.
        size: where they are of one size, and the fit is to be marked as its slice.
        held: parameters to hold besides those that a single level makes the law hold.
    """

    rows: Rows
    size: float | None = None
    held: Mapping[str, float] = field(default_factory=dict)


def fit_rows(
    law: Law,
    rows: Rows,
    settings: Settings = DEFAULT,
    size: float | None = None,
    held: Mapping[str, float] | None = None,
) -> RowFit:
    """The optimum of a law on these rows; see ``Part`` for ``size`` and ``held``.

    Raises:
        FitError: an input is missing, or there are fewer rows than free parameters.
        ConfigError: a constraint that the law does not have.
    """
    [fitted] = fit_parts(law, [Part(rows, size, held or {})], settings)
    if isinstance(fitted, FitError):
        raise fitted
    return fitted


def fit_parts(law: Law, parts: Sequence[Part], settings: Settings) -> list[RowFit | FitError]:
    """The optimum of a law on each of several parts, or why there is none.

    Those with the same free parameters are searched for together, which takes about as long as the
    slowest of them. Rows are weighted by ``loss_se`` and by how independent the checkpoints of a
    run are, which is read from the residuals of a first fit with equal weights.

    Raises:
        ConfigError: a constraint that the law does not have.
    """
    found: dict[int, RowFit | FitError] = {}
    alike: dict[object, dict[int, _Task]] = {}
    for i, part in enumerate(parts):
        try:
            task = _task(law, part, settings)
        except FitError as error:
            found[i] = error
            continue
        # A constraint may make another law of other rows.
        key = i if settings.constraints else tuple(task.problem.model.held.items())
        alike.setdefault(key, {})[i] = task
    for tasks in alike.values():
        found |= zip(tasks, _fit_together(law, list(tasks.values()), settings), strict=True)
    return [found[i] for i in range(len(parts))]


@dataclass(frozen=True)
class _Task:
    """A part, its problem, and the inputs whose single level makes the law hold parameters."""

    part: Part
    problem: Problem
    lacking: tuple[InputName, ...]


def _task(law: Law, part: Part, settings: Settings) -> _Task:
    rows = part.rows.described_by(law)
    missing = [name for name in law.inputs if name not in rows.x]
    if missing:
        raise FitError(f"The law '{law.name}' needs {with_columns(missing)}, which the rows lack.")
    steps = _constrained(law, rows, settings.constraints)
    constrained = steps[-1][1].apply(steps[-1][0], rows.x) if steps else law
    lacking = single_levels(law, rows)
    fixed: dict[str, float] = {}
    for name in lacking:
        fixed |= constrained.held_at_single(name, settings.corpora)
    model = Model(constrained, rows.x, settings.corpora, fixed | dict(part.held))
    _refuse_one_setting(law, rows)
    _refuse_too_few(model, rows, part.size)
    delta = settings.delta or noises.delta(noises.seed_std(rows))
    weight = noises.weights(rows, 0.0, 0.0)
    problem = Problem(model, rows.loss, weight, delta, max_steps=settings.max_steps)
    return _Task(replace(part, rows=rows), problem, lacking)


def _fit_together(law: Law, tasks: Sequence[_Task], settings: Settings) -> list[RowFit | FitError]:
    """Fits of tasks whose models have the same free parameters."""
    effort = Effort()
    problems = [replace(task.problem, effort=effort) for task in tasks]
    n_starts = settings.n_starts or default_starts(problems[0].model)
    # What is found first only tells the noise, so it need not be exact.
    first = solve_together(problems, n_starts, settings.n_polish, ROUGH_TOLERANCE)
    solved = {k: solution for k, solution in enumerate(first) if solution is not None}
    for k, solution in solved.items():
        rows, problem = tasks[k].part.rows, problems[k]
        noise = _measure(problem, rows, solution)
        total = float(np.hypot(noise.between, noise.within))
        problems[k] = replace(problem, weight=noises.weights(rows, noise.correlation, total))
    starts = [solution.theta for solution in solved.values()]
    final = polish_together([problems[k] for k in solved], starts, settings.tolerance)
    polished = dict(zip(solved, final, strict=True))
    return [
        _fitted(law, task, problems[k], polished[k], settings)
        if k in polished
        else FitError(no_finite_value(problems[k]))
        for k, task in enumerate(tasks)
    ]


def _fitted(
    law: Law, task: _Task, problem: Problem, solution: Solution, settings: Settings
) -> RowFit:
    part = task.part
    noise = _measure(problem, part.rows, solution)
    return RowFit(law, part.rows, part.size, problem, solution, noise, task.lacking, settings)


def _constrained(law: Law, rows: Rows, names: Sequence[str]) -> list[tuple[Law, Switch]]:
    """The law that each constraint is applied to, with the constraint."""
    steps = []
    for name in names:
        if name not in law.switches:
            raise ConfigError(unknown_name(f"constraint of {law.name}", name, law.switches))
        steps.append((law, law.switches[name]))
        law = law.switches[name].apply(law, rows.x)
    return steps


def _refuse_one_setting(law: Law, rows: Rows) -> None:
    if law.inputs and not any(_varies(rows.x[name]) for name in law.inputs):
        raise FitError(
            f"The {len(rows)} row(s) to fit are of one setting, and a law says how the loss "
            "changes between settings; add rows of other ratios, budgets or sizes."
        )


def _varies(values: Array) -> bool:
    low, high = values.min(axis=-1), values.max(axis=-1)
    return not bool(np.all(np.isclose(low, high, rtol=SAME_LEVEL, atol=0.0)))


def _refuse_too_few(model: Model, rows: Rows, size: float | None) -> None:
    if len(rows) < len(model.free):
        where = f" at {format_quantity(size)} parameters" if size else ""
        raise FitError(
            f"The law '{model.law.name}' has {len(model.free)} free parameters and there are only "
            f"{len(rows)} rows{where}; sweep more settings or fit a smaller law (mixlaw laws)."
        )


def default_starts(model: Model) -> int:
    """Starts of the search: a power of two that grows with the nonlinear parameters."""
    nonlinear = int(np.sum(~model.amplitudes))
    return 1 if nonlinear == 0 else int(min(512, 2 ** (nonlinear + 4)))


def single_levels(law: Law, rows: Rows) -> tuple[InputName, ...]:
    """Inputs of the law that take a single level and for which it holds parameters.

    Distinct tokens that are infinite throughout are one level; where runs repeat them, how often
    differs between runs even if their number does not. Base models have no mixture to count.
    """
    runs = rows.where(rows.x["D"] > 0)
    of = {name: runs.x if name in ("r", "R", "h") else rows.x for name in law.held}
    single = {name for name in law.held if name in rows.x and not _varies(of[name][name])}
    if "U" in single and np.isfinite(rows.x["U"]).any():
        single.remove("U")
    return tuple(name for name in law.held if name in single)


def draw_refits(fitted: RowFit, plan: Plan) -> Array:
    """All parameters of the law refitted to every resampled sweep, shape (n_draws, n_params).

    Refits start from the optimum, and in turn from every other near-optimum.
    """
    problem = fitted.problem
    log_y = np.log(problem.model.loss(fitted.theta)) + resampled_noise(fitted, plan)
    start = fitted.near_optima[np.arange(len(log_y)) % len(fitted.near_optima)]
    refits = minimise(problem, start, log_y, problem.delta, REFIT_TOLERANCE, REFIT_STEPS)
    return fitted.parameters(refits.theta)


def resampled_noise(fitted: RowFit, plan: Plan) -> Array:
    """Log noise of the rows in every resampled sweep, shape (n_draws, n)."""
    scale = _own_noise(fitted.rows, fitted.noise)
    residual = fitted.residual / scale
    return noise_draws(plan, residual, fitted.rows.trunk, fitted.noise) * scale


def _own_noise(rows: Rows, noise: Noise) -> Array:
    """Each row's noise relative to the common one: its standard error comes on top."""
    common = np.hypot(noise.between, noise.within)
    if common == 0:
        return np.ones(len(rows))
    return np.asarray(np.sqrt(1 + (rows.loss_se / rows.loss / common) ** 2))


def _measure(problem: Problem, rows: Rows, solution: Solution) -> Noise:
    """Noise of the residuals at the optimum; a parameter held at its wall absorbs none of it."""
    model, best = problem.model, solution.theta[0]
    loss, jacobian = model.loss_and_jacobian(best[None])
    residual = log_residual(loss, np.log(rows.loss))[0]
    free = (best > model.low) & (best < model.high)
    return estimate_noise(residual, jacobian[0, free] / loss[0], problem.weight, rows.trunk)
