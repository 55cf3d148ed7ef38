"""Shapes that a law claims, checked against the data and on the fitted curve."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mixlaw.fit import noise as noises
from mixlaw.fit import shapes
from mixlaw.fit.noise import ASSUMED_NOISE
from mixlaw.fit.row_fit import RowFit
from mixlaw.fit.selection import Rows, Selection
from mixlaw.laws import Array, Claim, Law
from mixlaw.result.types import Status

#: A change that the law denies counts from this many standard deviations of a mean loss: the
#: difference of two has 1.4 of them, and the largest of some hundred differences reaches 3.2 x 1.4.
RISE = 6.0
#: Most levels of an input at which the shape of a fitted curve is checked: bounds the time.
GRID = 25
#: Inputs in words.
SPELLED = {"N": "size", "D": "tokens", "r": "its share", "R": "domain share"}


def violations(law: Law, rows: Rows) -> list[str]:
    """Claims of the law that the data contradict by more than their noise, in words."""
    return [message for claim in law.claims if (message := _violation(law, claim, rows))]


def unexpected(part: RowFit) -> list[str]:
    """Shapes that the law is meant to have and the fitted curve lacks, on the grid of levels."""
    law, x = part.law, part.rows.x
    if not law.expects or "h" in law.inputs:
        return []
    axes = np.meshgrid(*(_few(np.unique(x[name])) for name in law.inputs), indexing="ij")
    points: dict[str, Array] = {n: a.ravel() for n, a in zip(law.inputs, axes, strict=True)}
    log_loss = np.log(part.predict(points)[0]).reshape(axes[0].shape)
    noise = max(noises.DELTA, float(np.hypot(part.noise.between, part.noise.within)))
    messages = []
    for claim in law.expects:
        change = _against(claim, log_loss, law.inputs.index(claim.variable))
        if change > noise:
            what = f"{_opposite(claim)} with {SPELLED[claim.variable]}"
            messages.append(f"the fitted curve {what} by up to {change:.2%}")
    return messages


def _against(claim: Claim, log_loss: Array, axis: int) -> float:
    """Largest change of a curve against a claim, from an earlier to a later level."""
    curve = log_loss if claim.direction == "decreasing" else -log_loss
    return float(np.max(curve - np.minimum.accumulate(curve, axis=axis)))


def rising_groups(rows: Rows, claim: Claim) -> NDArray[np.bool_]:
    """Mask of the rows in groups that go against a claim by more than the noise, shape (n,)."""
    mask = np.zeros(len(rows), dtype=bool)
    for change, noise, group in _changes(rows, claim):
        mask[group] = change > RISE * noise
    return mask


def _violation(law: Law, claim: Claim, rows: Rows) -> str:
    groups = _changes(rows, claim)
    broken = [change for change, noise, _ in groups if change > RISE * noise]
    if not broken:
        return ""
    what = f"{_opposite(claim)} with {SPELLED.get(claim.variable, claim.variable)}"
    return (
        f"the loss {what} in {len(broken)} of {len(groups)} comparable groups of rows (by up to "
        f"{max(broken):.2%}), which {law.name} cannot do"
    )


def _changes(rows: Rows, claim: Claim) -> list[tuple[float, float, NDArray[np.intp]]]:
    """For each group of rows that differ in the claim's variable only: change, noise, rows.

    The change is the largest, against the claim, from an earlier to a later level of the variable
    in mean log loss; the noise is that of a mean.
    """
    if claim.variable not in rows.x:
        return []
    others = [np.round(np.log(rows.x[n]), 3) for n in ("N", "D") if n != claim.variable]
    if claim.variable in ("N", "D"):
        others += [np.round(h, 3) for h in rows.x.get("h", [])]
    group = np.unique(np.stack(others), axis=1, return_inverse=True)[1].ravel()
    order = np.argsort(group, kind="stable")
    sign, seed = 1.0 if claim.direction == "decreasing" else -1.0, noises.seed_std(rows)
    changes = []
    for here in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        _, level, count = np.unique(
            rows.x[claim.variable][here], return_inverse=True, return_counts=True
        )
        curve = sign * np.bincount(level, np.log(rows.loss[here])) / count
        if len(curve) > 1:
            change = float(np.max(curve - np.minimum.accumulate(curve)))
            noise = _noise(seed, rows.trunk[here]) / np.sqrt(count.min())
            changes.append((change, float(noise), here))
    return changes


def _noise(seed: float, trunk: NDArray[np.intp]) -> float:
    """Noise of a row: between seeds where measured; less is assumed within one trunk."""
    if not np.isnan(seed):
        return seed
    return noises.DELTA if np.ptp(trunk) == 0 else ASSUMED_NOISE


def _opposite(claim: Claim) -> str:
    return "rises" if claim.direction == "decreasing" else "falls"


def _few(values: Array) -> Array:
    """At most GRID of these sorted values, ends included."""
    chosen = np.unique(np.linspace(0, len(values) - 1, GRID).round().astype(int))
    return np.asarray(values[chosen])


def without_rising_edges(selection: Selection, law: Law) -> Selection:
    """Leave out rows without the eval set's own corpus that rise with tokens, if the law cannot.

    Below a small share the measured loss rises (arXiv 2406.01375, inflection ratio), where the law
    is flat in tokens at share 0: such rows would pull every curve.
    """
    claim = next((c for c in law.claims if c == Claim("decreasing", "D")), None)
    if claim is None or "r" not in law.inputs:
        return selection
    rows, broken, left_out = {}, [], dict(selection.left_out)
    for name, every in selection.rows.items():
        rows[name] = every
        if "r" not in every.x:
            continue
        edge = (every.x["r"] == 0) & shapes.rising_groups(every, claim)
        if edge.any() and not edge.all():
            rows[name] = every.where(~edge)
            without = f"without {_absent(selection.corpora, every.where(edge))}"
            reason = f"{without} and rising with tokens, which {law.name} cannot do"
            left_out[reason] = left_out.get(reason, 0) + int(edge.sum())
            message = (
                f"{edge.sum()} rows {without} rise with tokens and were left out: {law.name} "
                "cannot describe them, so ratios near that end are extrapolated"
            )
            broken.append(Status("shape-violated", message, name, law.name))
    return replace(selection, rows=rows, left_out=left_out, statuses=(*selection.statuses, *broken))


def _absent(corpora: Sequence[str], rows: Rows) -> str:
    """The corpora that none of these rows was trained on."""
    shares = zip(corpora, rows.x["h"], strict=True)
    return ", ".join(corpus for corpus, share in shares if not share.any())
