"""What is wrong with a fit, in words: every finding is a status that each report prints."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtri

from mixlaw import laws
from mixlaw.fit import noise as noises
from mixlaw.fit.bootstrap import ASSUMED_NOISE
from mixlaw.fit.fitting import Fitted
from mixlaw.fit.result import Status
from mixlaw.fit.rows import Rows, Selection
from mixlaw.fit.slices import SIZES, LawFit, levels
from mixlaw.laws import Array, Claim, Law
from mixlaw.quantities import format_quantity

#: Printed in this order.
ORDER = (
    "shape-violated", "not-identified", "lack-of-fit", "no-size-information", "too-few-levels",
    "several-basins", "at-bound", "noise-assumed", "annealing-unknown",
)  # fmt: skip
#: Condition number of the scaled Hessian beyond which some combination of parameters is free.
CONDITION = 1e8
#: A rise that the law denies counts from this many standard deviations of the noise.
RISE = 4.0
#: Confidence at which misfit is told from replicate noise.
CONFIDENCE = 0.99
#: Levels of an input at which the shape of a fitted curve is checked, at most.
GRID = 25
_SPELLED = {"N": "size", "D": "tokens", "r": "its share", "R": "domain share"}


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
    found = shape_violated(fit.law, rows)
    found += _no_size_information(fit)
    for part in fit.parts:
        found += [*_broken_shapes(part), *_too_few_levels(part), *_at_bound(part)]
        found += _not_identified(part)
        found += [*_several_basins(part, target), *_lack_of_fit(part), *_noise_assumed(part)]
    return [
        Status(status.code, _at_size(status.message, part_size), eval_set, fit.law.name)
        for status, part_size in found
    ]


Found = list[tuple[Status, float | None]]


def _at_size(message: str, size: float | None) -> str:
    return f"{message} (at {format_quantity(size)})" if size else message


def shape_violated(law: Law, rows: Rows) -> Found:
    """Claims of the law that the data contradict by more than their noise."""
    return [
        (Status("shape-violated", message), None)
        for claim in law.claims
        if (message := _violation(law, claim, rows))
    ]


def _violation(law: Law, claim: Claim, rows: Rows) -> str:
    groups = _group_rises(rows, claim)
    changes = np.array([change for change, _ in groups])
    broken = np.array([change > RISE * _noise(rows, group) for change, group in groups])
    if not broken.any():
        return ""
    verb = "rises" if claim.direction == "decreasing" else "falls"
    return (
        f"the loss {verb} with {_SPELLED.get(claim.variable, claim.variable)} in {broken.sum()} of "
        f"{len(changes)} comparable groups of rows (by up to {changes.max():.2%}), which "
        f"{law.name} cannot do"
    )


def rising_groups(rows: Rows, claim: Claim) -> Array:
    """Mask of the rows in groups that go against a claim by more than the noise, shape (n,)."""
    mask = np.zeros(len(rows), dtype=bool)
    for change, group in _group_rises(rows, claim):
        mask[group] = change > RISE * _noise(rows, group)
    return mask


def _group_rises(rows: Rows, claim: Claim) -> list[tuple[float, NDArray[np.intp]]]:
    """Largest change against a claim in log loss, for each group of rows that differ in it only.

    Within a group the rows are ordered by the claim's variable, and the change is the largest from
    an earlier to a later row.
    """
    if claim.variable not in rows.x:
        return []
    share = "R" if "R" in rows.x else "r"
    others = [n for n in ("N", "D") if n != claim.variable]
    keys = [np.round(np.log(rows.x[name]), 3) for name in others]
    if claim.variable in ("N", "D"):
        keys += [np.round(h, 3) for h in rows.x.get("h", [])]
    elif share not in rows.x:
        return []
    group = np.unique(np.stack(keys), axis=1, return_inverse=True)[1].ravel()
    sign = 1.0 if claim.direction == "decreasing" else -1.0
    found = []
    for g in range(group.max() + 1):
        here = np.flatnonzero(group == g)
        here = here[np.argsort(rows.x[claim.variable][here])]
        if np.ptp(rows.x[claim.variable][here]) > 0:
            curve = sign * np.log(rows.loss[here])
            found.append((float(np.max(curve - np.minimum.accumulate(curve))), here))
    return found


def _noise(rows: Rows, group: NDArray[np.intp]) -> float:
    """Noise of a comparison: between seeds where measured; less is assumed within one trunk."""
    seed = noises.seed_std(rows)
    if not np.isnan(seed):
        return seed
    one_trunk = np.ptp(rows.trunk[group]) == 0
    return noises.DELTA if one_trunk else ASSUMED_NOISE


def _broken_shapes(part: Fitted) -> Found:
    """Shapes that the law is meant to have, checked on the fitted curve at the user's levels."""
    law, x = part.law, part.rows.x
    if not law.expects or "h" in law.inputs:
        return []
    grid: dict[str, Array] = {name: _few(np.unique(x[name])) for name in law.inputs}
    params = dict(zip(part.names, part.parameters(part.theta)[0], strict=True))
    return [
        (Status("shape-violated", _unexpected(claim)), part.size)
        for claim in laws.broken_shapes(law, params, grid, law.expects)
    ]


def _unexpected(claim: Claim) -> str:
    verb = "fall" if claim.direction == "decreasing" else "rise"
    return f"the fitted curve does not {verb} with {_SPELLED[claim.variable]} everywhere"


def _few(values: Array) -> Array:
    """At most GRID of these sorted values, ends included."""
    chosen = np.unique(np.linspace(0, len(values) - 1, GRID).round().astype(int))
    return np.asarray(values[chosen])


def _no_size_information(fit: LawFit) -> Found:
    sizes = [part.size for part in fit.parts if part.size is not None]
    if not sizes or len(sizes) >= SIZES:
        return []
    listing = " and ".join(format_quantity(size) for size in sizes)
    message = (
        f"the table has only the size{'s' * (len(sizes) > 1)} {listing}: each is fitted by itself, "
        "and nothing is known about how the ratio moves with size"
    )
    return [(Status("no-size-information", message), None)]


def _too_few_levels(part: Fitted) -> Found:
    found = []
    for name in part.lacking:
        held = ", ".join(part.law.held[name])
        message = f"{_SPELLED.get(name, name)} takes a single level, so {held} is held"
        found.append((Status("too-few-levels", message), part.size))
    for name in ("r", "R"):
        if name in part.law.inputs and len(shares := levels(part.rows.x[name])) < 4:
            message = (
                f"only {len(shares)} levels of {_SPELLED[name]}; {part.law.minimum} are needed"
            )
            found.append((Status("too-few-levels", message), part.size))
    return found


def _at_bound(part: Fitted) -> Found:
    model, theta = part.problem.model, part.theta[0]
    found = []
    for p, value, low, high in zip(model.free, theta, model.low, model.high, strict=True):
        if value <= low or value >= high:
            end = "lower" if value <= low else "upper"
            message = f"{p.name} ({p.meaning}) ends at its {end} bound {value:g}"
            found.append((Status("at-bound", message), part.size))
    return found


def condition_number(part: Fitted) -> tuple[float, Array]:
    """Condition of the Gauss-Newton Hessian in unit columns, and its weakest direction (P,).

    Parameters at a bound are left out: they are not free to move.
    """
    model = part.problem.model
    loss, jacobian = model.loss_and_jacobian(part.theta)
    columns = (jacobian[0] / loss[0] * np.sqrt(part.problem.weight)).T
    inner = (part.theta[0] > model.low) & (part.theta[0] < model.high)
    norm = np.linalg.norm(columns, axis=0)
    inner &= norm > 0
    singular, rotation = np.linalg.svd(columns[:, inner] / norm[inner], full_matrices=False)[1:]
    weakest = np.zeros(len(inner))
    weakest[inner] = rotation[-1]
    least = max(float(singular[-1]), 1e-150)
    return float((singular[0] / least) ** 2), weakest


def _not_identified(part: Fitted) -> Found:
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


def _unfinished(part: Fitted) -> Status:
    spent = part.problem.effort.residuals
    message = (
        f"the search still crept along a flat valley when it was stopped ({spent} evaluations)"
    )
    return Status("not-identified", message)


def _several_basins(part: Fitted, target: dict[str, Array]) -> Found:
    at_target = part.predict(target, part.as_good)[:, 0]
    basins = levels(at_target)
    if len(basins) < 2:
        return []
    apart = max(basins) - min(basins)
    message = (
        f"{len(basins)} optima within 1% of the best differ by {apart:.3g} nats at the target; "
        "refits start from each of them"
    )
    return [(Status("several-basins", message), part.size)]


def _lack_of_fit(part: Fitted) -> Found:
    """Residual variance against the variance between replicates, by an F test."""
    seed, noise = noises.seed_std(part.rows), part.noise
    if np.isnan(seed) or seed == 0 or noise.assumed:
        return []
    cell = noises.cells(part.rows)
    replicated = np.bincount(cell)[cell] > 1
    trunks = len(np.unique(part.rows.trunk[replicated]))
    settings = len(np.unique(cell[replicated]))
    budgets = max(1.0, replicated.sum() / max(trunks, 1))
    freedom = max(1.0, trunks - settings / budgets)
    ratio = (noise.between**2 + noise.within**2) / seed**2
    if ratio <= fdtri(max(noise.freedom, 1.0), freedom, CONFIDENCE):
        return []
    message = (
        f"residuals are {np.sqrt(ratio):.1f} times the noise between seeds ({seed:.2%}): the law "
        "does not describe these losses to within their noise"
    )
    return [(Status("lack-of-fit", message), part.size)]


def _noise_assumed(part: Fitted) -> Found:
    if not part.noise.assumed:
        return []
    message = (
        f"the law has as many parameters as there are runs to fit; a noise of "
        f"{part.noise.between:.1%} is assumed for the intervals"
    )
    return [(Status("noise-assumed", message), part.size)]


def of_selection(
    selection: Selection, fits: Mapping[str, Mapping[str, LawFit]], target: Mapping[str, float]
) -> list[Status]:
    """Every status of a fit: of its rows and of the laws on each eval set."""
    found = list(selection.statuses)
    for name, by_law in fits.items():
        rows = selection.rows[name]
        for fit in by_law.values():
            found += of_fit(fit, rows, name, default_target(rows, target))
    return found


def without_rising_edges(selection: Selection, law: Law) -> Selection:
    """Leave out share-0 rows that rise with tokens, where the law claims that the loss falls.

    The law is flat in tokens at share 0, so such rows would pull every curve (core-laws A10).
    """
    claim = next((c for c in law.claims if c == Claim("decreasing", "D")), None)
    if claim is None or "r" not in law.inputs:
        return selection
    rows, found, left_out = {}, [], dict(selection.left_out)
    for name, every in selection.rows.items():
        rows[name] = every
        if "r" not in every.x:
            continue
        edge = (every.x["r"] == 0) & rising_groups(every, claim)
        if edge.any() and not edge.all():
            rows[name] = every.where(~edge)
            reason = f"share 0 and rising with tokens, which {law.name} cannot do"
            left_out[reason] = left_out.get(reason, 0) + int(edge.sum())
            message = (
                f"{edge.sum()} rows of share 0 rise with tokens and were left out: {law.name} "
                "cannot describe them, so ratios near that end are extrapolated"
            )
            found.append(Status("shape-violated", message, name, law.name))
    return replace(selection, rows=rows, left_out=left_out, statuses=(*selection.statuses, *found))


def default_target(rows: Rows, wanted: Mapping[str, float]) -> dict[str, Array]:
    """One point at which basins are compared: the target, else the largest size and budget.

    The mixture is the mean one of the rows.
    """
    point = {name: values.mean(axis=-1, keepdims=True) for name, values in rows.x.items()}
    for name, key in (("N", "n_params"), ("D", "tokens")):
        point[name] = np.array([wanted.get(key, float(rows.x[name].max()))])
    return point
