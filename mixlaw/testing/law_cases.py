"""Drawn parameters and rows that laws are checked with, and the shapes that these break."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mixlaw.laws import Array, Claim, Inputs, Law, Params

#: Corpora of the mixtures that laws with a parameter per corpus are checked with.
CORPORA = ("domain", "web", "books")
#: Conventional; the checks draw parameters and rows, and the same ones every time.
SEED = 20240606
#: Rows of one drawn table; more only take longer.
N_ROWS = 17


def broken_shapes(
    law: Law, params: Params, x: Inputs, claims: Sequence[Claim]
) -> tuple[Claim, ...]:
    """Which of these claims the law breaks on the grid of the levels that the inputs take.

    Every combination of the distinct levels of the law's inputs is a grid point. The base loss only
    shifts a law: one level of it.

    Args:
        law: a law of inputs with one number a row (not of ``h``).
        params: one parameter set, scalars.
        x: rows as plain counts.
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


def random_inputs(rng: np.random.Generator, n: int = N_ROWS) -> dict[str, Array]:
    """Every input that a law can declare, as plain counts; sizes and tokens are log-uniform."""
    return {
        "N": 10 ** rng.uniform(7, 10, n),
        "D": 10 ** rng.uniform(8, 10.5, n),
        "r": rng.uniform(0.02, 1, n),
        "R": rng.uniform(0.02, 1, n),
        "h": rng.dirichlet(np.ones(len(CORPORA)), n).T,
        "L0": rng.uniform(2, 3, n),
        "U": np.where(rng.random(n) < 0.3, np.inf, 10 ** rng.uniform(7, 10, n)),
        "P": 10 ** rng.uniform(9, 13, n),
        "lr": 10 ** rng.uniform(-1, 0.5, n),
    }


def random_parameters(
    law: Law, rng: np.random.Generator, batch: tuple[int, ...] = ()
) -> dict[str, Any]:
    """Parameters inside the bounds (nonlinear: inside the start box), of shape (*batch, 1)."""
    shape = (*batch, 1) if batch else ()
    params: dict[str, Any] = {}
    for p in law.expand(CORPORA):
        if p.amplitude == "free":
            low, high = -0.5, 0.5
        elif p.amplitude == "nonneg":
            low, high = 0.0, 2.0
        else:
            low, high = p.start or (p.low, p.high)
        params[p.name] = rng.uniform(low, high, shape) if shape else float(rng.uniform(low, high))
    return params


def edge_inputs(law: Law, rng: np.random.Generator) -> dict[str, Array]:
    """Shares of zero and one and, where the law admits them, zero tokens."""
    x = random_inputs(rng)
    for name in ("r", "R"):
        if name not in law.needs_positive:
            x[name][:2] = 0.0, 1.0
    x["h"][:, 0] = 1.0, 0.0, 0.0
    if "D" not in law.needs_positive:
        x["D"][2:4] = 0.0
    return x


def conversion(counts: str, factor: float, params: Params) -> float:
    """What a parameter of this unit is multiplied by where counts come out larger by a factor."""
    total = 1.0
    for part in counts.split():
        _, _, power = part.partition("^")
        sign = -1.0 if power.startswith("-") else 1.0
        total *= factor ** (sign * float(params[power.lstrip("-")]) if power else 1.0)
    return total
