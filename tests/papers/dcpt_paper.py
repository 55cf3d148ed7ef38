"""Pieces of the D-CPT paper (arXiv 2406.01375) that the package itself does not need."""

from typing import Any

import numpy as np

from mixlaw.laws import Array, Params

#: Tokens of one training step in the paper; its D_min is the first evaluation, at step 1,000.
STEP = 131_072


def at_ratio(p: Params, r: float) -> dict[str, Any]:
    """The Chinchilla law that this law is at a fixed share (the paper's requirement 4)."""
    return {
        "E": p["E"] + p["C"] / (r + p["eps"]) ** p["gamma"],
        "A": p["A"],
        "B": p["B"] * r ** p["eta"],
        "alpha": p["alpha"],
        "beta": p["beta"],
    }


def limited_domain_slope(p: Params, r: Array, domain_tokens: float) -> Array:
    """dL/dr of the domain loss when D = domain_tokens/r (usage 2, without repetition).

    The loss is convex in r for η + β > 1, so the slope crosses zero at most once on (0, 1].

    Args:
        p: parameters of the domain loss.
        r: domain shares in (0, 1].
        domain_tokens: distinct domain tokens, in billions as D in this law.
    """
    power = p["eta"] + p["beta"]
    gain = p["gamma"] * p["C"] / (r + p["eps"]) ** (p["gamma"] + 1)
    return np.asarray(
        p["B"] * power * r ** (power - 1) / domain_tokens ** p["beta"] - gain, dtype=float
    )


def limited_domain_optimum(p: Params, domain_tokens: float) -> float:
    """Domain share in (0, 1] that minimises the domain loss when D = domain_tokens/r (usage 2).

    Args:
        p: parameters of the domain loss, with η + β ≥ 1 (the loss is convex in r then).
        domain_tokens: distinct domain tokens, in billions.
    """
    low, high = 0.0, 1.0
    if limited_domain_slope(p, np.ones(1), domain_tokens)[0] <= 0:
        return 1.0
    while high - low > 1e-12:
        middle = 0.5 * (low + high)
        too_much = limited_domain_slope(p, np.full(1, middle), domain_tokens)[0] > 0
        low, high = (low, middle) if too_much else (middle, high)
    return 0.5 * (low + high)


def interior_threshold(p: Params) -> float:
    """Domain tokens (billions) below which usage 2 has its optimum inside (0, 1), not at r = 1."""
    power = p["eta"] + p["beta"]
    ratio = p["B"] * power * (1 + p["eps"]) ** (p["gamma"] + 1) / (p["gamma"] * p["C"])
    return float(ratio ** (1 / p["beta"]))
