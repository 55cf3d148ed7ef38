"""Whether a law has a shape on a grid of settings."""

from collections.abc import Sequence

import numpy as np

from mixlaw.laws import Array, Claim, Inputs, Law, Params


def broken_shapes(
    law: Law, params: Params, x: Inputs, claims: Sequence[Claim]
) -> tuple[Claim, ...]:
    """Which of these claims the law breaks on the grid of the levels that the inputs take.

    Every combination of the distinct levels of the law's inputs is a grid point: a share that the
    user never tried is not held against the law. The base loss only shifts a law: one level of it.

    Args:
        law: a law of inputs with one number a row (not of ``h``).
        params: one parameter set, scalars.
        x: the user's rows as plain counts.
        claims: ``law.claims`` or ``law.expects``.
    """
    levels = [x[name][:1] if name == "L0" else np.unique(x[name]) for name in law.inputs]
    grid = np.meshgrid(*levels, indexing="ij")
    points: dict[str, Array] = {n: g.ravel() for n, g in zip(law.inputs, grid, strict=True)}
    loss = law.predict(params, points).reshape(grid[0].shape)
    slack = 1e-12 * np.abs(loss).max()
    broken = []
    for claim in claims:
        steps = np.diff(loss, axis=law.inputs.index(claim.variable))
        if np.any((steps if claim.direction == "decreasing" else -steps) > slack):
            broken.append(claim)
    return tuple(broken)
