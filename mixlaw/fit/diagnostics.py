"""What is wrong with a fit, in words: statuses that every report prints."""

from collections.abc import Iterable, Mapping

import numpy as np
from scipy.special import fdtri

from mixlaw.fit import noise as noises
from mixlaw.fit import shapes
from mixlaw.fit.discrepancy import lack_of_fit
from mixlaw.fit.held_out import Forecast
from mixlaw.fit.law_fit import SIZES, LawFit, levels
from mixlaw.fit.row_fit import RowFit
from mixlaw.fit.selection import Rows, Selection
from mixlaw.fit.shapes import SPELLED
from mixlaw.laws import Array
from mixlaw.quantities import format_quantity
from mixlaw.result.types import EXPLAINS_NOTHING, HELD_OUT_FAILED, TABLE_ERRORS, Status

#: Printed in this order.
ORDER = (
    *TABLE_ERRORS, EXPLAINS_NOTHING, HELD_OUT_FAILED, "shape-violated", "not-identified",
    "lack-of-fit", "no-size-information", "short-runs-hurt", "too-few-levels",
    "several-basins", "at-bound",
    "noise-assumed", "annealing-unknown",
)  # fmt: skip
#: Condition number of the scaled Hessian beyond which some combination of parameters is free: the
#: square root of a double's precision. Conventional.
CONDITION = 1e8
#: Held-out errors below it are no failure, however little the losses vary: conventional.
FAILED = 0.1
#: Confidence of the F test of what a law explains: conventional.
CONFIDENCE = 0.99
#: Rows beyond its parameters that a law needs for the F test to have any power: conventional.
LEAST_ROWS_LEFT = 4


def ordered(statuses: Iterable[Status]) -> tuple[Status, ...]:
    """Worst first, without repetitions."""
    rank = {code: i for i, code in enumerate(ORDER)}
    distinct = dict.fromkeys(statuses)
    return tuple(sorted(distinct, key=lambda status: rank.get(status.code, len(ORDER))))


def of_fit(fit: LawFit, rows: Rows, eval_set: str, target: dict[str, Array]) -> list[Status]:
    """Every status of one law on one eval set.

    Args:
        fit: the law at its optimum.
        rows: all its rows.
        eval_set: their name.
        target: inputs at which basins are compared, as plain counts.
    """
    statuses: Sized = [(_violated(message), None) for message in shapes.violations(fit.law, rows)]
    statuses += _no_size_information(fit)
    for part in fit.parts:
        statuses += [*_shapes(part), *_too_few_levels(part), *_at_bound(part)]
        statuses += _not_identified(part)
        statuses += [*_several_basins(part, target), *_lack_of_fit(part), *_noise_assumed(part)]
        statuses += _explains_nothing(part)
    return [
        Status(status.code, _at_size(status.message, part_size), eval_set, fit.law.name)
        for status, part_size in statuses
    ]


#: Statuses, each with the size of the slice that it is about; None for a fit of all sizes.
Sized = list[tuple[Status, float | None]]


def _at_size(message: str, size: float | None) -> str:
    return f"{message} (at {format_quantity(size)})" if size else message


def _violated(message: str) -> Status:
    return Status("shape-violated", message)


def _shapes(part: RowFit) -> Sized:
    return [(_violated(message), part.size) for message in shapes.unexpected(part)]


def _no_size_information(fit: LawFit) -> Sized:
    sizes = [part.size for part in fit.parts if part.size is not None]
    if not sizes or len(sizes) >= SIZES:
        return []
    listing = " and ".join(format_quantity(size) for size in sizes)
    message = (
        f"the table has only the size{'s' * (len(sizes) > 1)} {listing}: each is fitted by itself, "
        "and nothing is known about how the ratio moves with size"
    )
    return [(Status("no-size-information", message), None)]


def _too_few_levels(part: RowFit) -> Sized:
    statuses = []
    for name in part.lacking:
        held = part.law.held[name]
        single = f"{SPELLED.get(name, name)} takes a single level"
        if name == "U":
            single = "no run repeats its own corpus"
        verb = "is" if len(held) == 1 else "are"
        message = f"{single}, so {', '.join(held)} {verb} held"
        statuses.append((Status("too-few-levels", message), part.size))
    runs = part.rows.where(part.rows.x["D"] > 0)
    for name in ("r", "R"):
        if name in part.law.inputs and len(shares := levels(runs.x[name])) < 4:
            several = "s" * (len(shares) != 1)
            message = (
                f"only {len(shares)} level{several} of {SPELLED[name]}; {part.law.minimum} "
                "are needed"
            )
            statuses.append((Status("too-few-levels", message), part.size))
    return statuses


def _at_bound(part: RowFit) -> Sized:
    model, theta = part.problem.model, part.theta[0]
    statuses = []
    for p, value, low, high in zip(model.free, theta, model.low, model.high, strict=True):
        if value <= low or value >= high:
            end = "lower" if value <= low else "upper"
            message = f"{p.name} ({p.meaning}) ends at its {end} bound {value:g}"
            statuses.append((Status("at-bound", message), part.size))
    return statuses


def condition_number(part: RowFit) -> tuple[float, Array]:
    """Condition of the Gauss-Newton Hessian in unit columns, and its weakest direction (P,).

    Parameters at a bound are left out: they are not free to move.
    """
    model = part.problem.model
    loss, jacobian = model.loss_and_jacobian(part.theta)
    columns = (jacobian[0] / loss[0] * np.sqrt(part.problem.weight)).T
    inner = (part.theta[0] > model.low) & (part.theta[0] < model.high)
    norm = np.linalg.norm(columns, axis=0)
    inner &= norm > 0
    if not inner.any():
        return 0.0, np.zeros(len(inner))
    singular, rotation = np.linalg.svd(columns[:, inner] / norm[inner], full_matrices=False)[1:]
    weakest = np.zeros(len(inner))
    weakest[inner] = rotation[-1]
    least = max(float(singular[-1]), 1e-150)
    return float((singular[0] / least) ** 2), weakest


def _not_identified(part: RowFit) -> Sized:
    condition, weakest = condition_number(part)
    if condition <= CONDITION:
        return [] if part.solution.converged[0] else [(_unfinished(part), part.size)]
    names = [p.name for p in part.problem.model.free]
    order = np.argsort(-np.abs(weakest))
    loose = [names[i] for i in order if abs(weakest[i]) > 0.2]
    message = (
        f"the data do not tell {', '.join(loose)} apart (condition number {condition:.1e}); read "
        "curves and ratios, not these parameters"
    )
    return [(Status("not-identified", message), part.size)]


def _unfinished(part: RowFit) -> Status:
    spent = part.problem.effort.residuals
    message = f"the search stopped in a flat valley after {spent} evaluations of this law"
    return Status("not-identified", message)


def _several_basins(part: RowFit, target: dict[str, Array]) -> Sized:
    at_target = part.predict(target, part.near_optima)[:, 0]
    basins = levels(at_target)
    if len(basins) < 2:
        return []
    apart = max(basins) - min(basins)
    message = (
        f"{len(basins)} optima within 1% of the best differ by {apart:.3g} nats at the target; "
        "refits start from each of them"
    )
    return [(Status("several-basins", message), part.size)]


def _lack_of_fit(part: RowFit) -> Sized:
    """Residual variance against the variance between replicates, by an F test."""
    if not lack_of_fit.unexplained(part):
        return []
    noise, seed = part.noise, noises.seed_std(part.rows)
    message = (
        f"residuals are {np.hypot(noise.between, noise.within) / seed:.1f} times the noise between "
        f"seeds ({seed:.2%}): the law does not describe these losses to within their noise"
    )
    return [(Status("lack-of-fit", message), part.size)]


def _explains_nothing(part: RowFit) -> Sized:
    """The F test of the whole regression: is the law closer to the losses than one number is?"""
    log_loss = np.log(part.rows.loss)
    n_rows, n_free = len(log_loss), len(part.problem.model.free)
    left = n_rows - n_free
    if n_free < 2 or left < LEAST_ROWS_LEFT:
        return []
    alike, unexplained = n_rows * log_loss.var(), float(np.sum(part.residual**2))
    explained = (alike - unexplained) / (n_free - 1)
    if explained * left > unexplained * fdtri(n_free - 1, left, lack_of_fit.CONFIDENCE):
        return []
    message = (
        f"the law is no closer to the losses than a single number is (they spread by "
        f"{log_loss.std():.2%}, its residuals by {np.sqrt(unexplained / left):.2%}): the rows do "
        "not tell how size, tokens and share act"
    )
    return [(Status(EXPLAINS_NOTHING, message), part.size)]


def _noise_assumed(part: RowFit) -> Sized:
    if not part.noise.assumed:
        return []
    message = (
        f"the law has as many parameters as there are runs to fit; a noise of "
        f"{part.noise.between:.1%} is assumed for the intervals"
    )
    return [(Status("noise-assumed", message), part.size)]


def of_forecasts(
    rows: Rows, forecasts: Mapping[str, Forecast], eval_set: str, law: str
) -> list[Status]:
    """``held-out-failed`` where held-out rows are missed by more than a single number misses them.

    Args:
        rows: the rows that the splits were made of.
        forecasts: of every split.
        eval_set: whose rows they are.
        law: that made the forecasts; empty for a stack.
    """
    statuses = []
    for split, forecast in forecasts.items():
        with np.errstate(invalid="ignore"):
            missed = float(np.nanmean(np.abs(forecast.error))) if _any_known(forecast) else 0.0
        alike = np.exp(np.mean(np.log(rows.loss[~forecast.mask])))
        single = float(np.mean(np.abs(alike / forecast.measured - 1)))
        if missed > max(FAILED, single):
            text = (
                f"on held-out rows ({split}) the fit misses by {missed:.0%}, and a single number "
                f"by {single:.0%}: what it says of such rows is no evidence"
            )
            statuses.append(Status(HELD_OUT_FAILED, text, eval_set, law))
    return statuses


def _any_known(forecast: Forecast) -> bool:
    return bool(np.isfinite(forecast.error).any())


def of_selection(
    selection: Selection, fits: Mapping[str, Mapping[str, LawFit]], target: Mapping[str, float]
) -> list[Status]:
    """Every status of a fit: of its rows and of the laws on each eval set."""
    statuses = list(selection.statuses)
    for name, by_law in fits.items():
        rows = selection.rows[name]
        for fit in by_law.values():
            statuses += of_fit(fit, rows, name, default_target(rows, target))
    return statuses


def default_target(rows: Rows, wanted: Mapping[str, float]) -> dict[str, Array]:
    """One point at which basins are compared: the target, else the largest size and budget.

    The mixture is the mean one of the rows.
    """
    point = {name: values.mean(axis=-1, keepdims=True) for name, values in rows.x.items()}
    for name, key in (("N", "n_params"), ("D", "tokens")):
        point[name] = np.array([wanted.get(key, float(rows.x[name].max()))])
    return point
