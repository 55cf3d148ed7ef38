"""The final fit in lmfit: parameters, covariance, report, and profile intervals on request.

lmfit minimises a sum of squares, so it gets sign(r)·sqrt(2·weight·Huber(r)), whose squares sum to
twice the objective. It starts at the solver's optimum.
"""

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mixlaw.errors import ConfigError, unknown_name
from mixlaw.fit.law_fit import LawFit
from mixlaw.fit.row_fit import RowFit
from mixlaw.fit.solver.problem import huber, log_residual
from mixlaw.laws import Array
from mixlaw.result.types import Status

#: Level of profile intervals.
LEVEL = 0.9
#: Residual where a prediction is not positive: worse than any other, and finite.
OUTSIDE = 1e6


def minimizer(part: RowFit) -> Any:
    """The ``lmfit.Minimizer`` of this fit; parameters at a bound are held there."""
    import lmfit

    model, problem = part.problem.model, part.problem
    params = lmfit.Parameters()
    for p, value in zip(model.free, part.theta[0], strict=True):
        inside = p.low < value < p.high
        params.add(spelled(p.name), value=value, vary=inside, min=p.low, max=p.high)
    log_y = np.log(problem.y)

    def residual(current: Any) -> Array:
        theta = np.array([[current[spelled(p.name)].value for p in model.free]])
        r = log_residual(model.loss(theta), log_y)[0]
        root = np.sign(r) * np.sqrt(2 * problem.weight * huber(r, problem.delta))
        # A step may leave the law's domain: rows must stay as many as they were (MINPACK).
        return np.asarray(np.nan_to_num(root, nan=OUTSIDE, posinf=OUTSIDE, neginf=-OUTSIDE))

    return lmfit.Minimizer(residual, params)


def minimize(part: RowFit) -> Any:
    """The ``lmfit.MinimizerResult`` at the optimum, for ``lmfit.fit_report`` and the rest."""
    return minimizer(part).leastsq()


def spelled(name: str) -> str:
    """A parameter's name as lmfit wants it: ``t.web`` is ``t_web``."""
    return re.sub(r"\W", "_", name)


def standard_errors(fit: LawFit) -> list[dict[str, float | None]]:
    """Standard errors as lmfit gives them, one dictionary a slice; None where there is none.

    They are computed here from the exact Jacobian: lmfit, which takes a second to import, is asked
    for the same only by ``minimize``.
    """
    return [
        dict(zip((p.name for p in part.problem.model.free), _standard_errors(part), strict=True))
        for part in fit.parts
    ]


def _standard_errors(part: RowFit) -> list[float | None]:
    """Of the free parameters: those at a bound are held, and have none."""
    model, problem, theta = part.problem.model, part.problem, part.theta
    loss, jacobian = model.loss_and_jacobian(theta)
    r = log_residual(loss, np.log(problem.y))[0]
    root = np.sqrt(2 * problem.weight * huber(r, problem.delta))
    # Of sign(r)·sqrt(2·weight·Huber(r)) by r; within δ it is sqrt(weight)·r.
    bent = np.abs(r) > problem.delta
    slope = np.sqrt(problem.weight)
    slope[bent] = (problem.weight * problem.delta)[bent] / root[bent]
    inside = (theta[0] > model.low) & (theta[0] < model.high)
    columns = (slope * jacobian[0, inside] / loss[0]).T
    left = len(r) - int(inside.sum())
    errors: list[float | None] = [None] * len(inside)
    norm = np.linalg.norm(columns, axis=0)
    if left < 1 or not len(norm) or not norm.all():
        return errors
    _, singular, rotation = np.linalg.svd(columns / norm, full_matrices=False)
    if singular[-1] <= np.finfo(float).eps * len(r) * singular[0]:
        return errors
    spread = np.sqrt(np.sum((rotation.T / singular) ** 2, axis=1) * np.sum(root**2) / left) / norm
    for i, value in zip(np.flatnonzero(inside), spread, strict=True):
        errors[i] = float(value)
    return errors


def profile_interval(part: RowFit, name: str, level: float = LEVEL) -> tuple[float, float] | None:
    """Profile interval of a free parameter, or None where the profile does not close.

    Raises:
        ConfigError: the law has no such free parameter.
    """
    import lmfit

    names = [p.name for p in part.problem.model.free]
    if name not in names:
        raise ConfigError(unknown_name("free parameter", name, names))
    task = minimizer(part)
    result = task.leastsq()
    if not result.params[spelled(name)].vary:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            profile = lmfit.conf_interval(task, result, p_names=[spelled(name)], sigmas=[level])
    except (lmfit.MinimizerException, ValueError, UserWarning):
        # lmfit's three ways to say that there is no covariance, or that a bracket did not close.
        return None
    low, high = profile[spelled(name)][0][1], profile[spelled(name)][-1][1]
    return (float(low), float(high)) if np.isfinite([low, high]).all() else None


@dataclass(frozen=True)
class Profiles:
    """The requested profile intervals, and what went wrong with them.

    Attributes:
        intervals: by eval set and parameter, one interval (or None) a slice.
        statuses: ``not-identified`` for every profile that does not close.
    """

    intervals: dict[str, dict[str, list[tuple[float, float] | None]]] = field(default_factory=dict)
    statuses: tuple[Status, ...] = ()

    @classmethod
    def of(cls, fits: Mapping[str, LawFit], names: Sequence[str]) -> "Profiles":
        """Profiles of these parameters in every fit."""
        intervals: dict[str, dict[str, list[tuple[float, float] | None]]] = {}
        failed = []
        for eval_set, fit in fits.items():
            for name in names:
                of_parts = [profile_interval(part, name) for part in fit.parts]
                intervals.setdefault(eval_set, {})[name] = of_parts
                if None in of_parts:
                    message = f"the profile of {name} does not close at the {LEVEL:.0%} level"
                    failed.append(Status("not-identified", message, eval_set, fit.law.name))
        return cls(intervals, tuple(failed))
