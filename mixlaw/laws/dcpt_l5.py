"""D-CPT variant L5: tokens of the other corpus count as σ tokens of the own one.

    L(N, D, r) = E + A/N^α + B/(r·D + (1 - r)·σ·D)^β

N and D in billions; r is the share of the corpus whose loss is predicted. E, A, B ≥ 0 are linear
amplitudes; α, β > 0 exponents; sigma > 0 is σ, what a token of the other corpus is worth. Finite
at r = 0 because σ > 0. Source: Que et al., arXiv 2406.01375, Table 1 (L5). The transcription at
hand prints (1 - r)·σ without D, which would make σ a count of tokens; this is the form whose units
agree.

Limits: the paper finds it a poor fit; falls with r only for σ < 1; diverges as D → 0. With a
single D, β is carried by the share alone.
"""

from typing import Any

import numpy as np

from mixlaw.laws import Claim, Inputs, Law, Parameter, Params, dcpt


def _effective_tokens(p: Params, x: Inputs) -> Any:
    return x["D"] * (x["r"] + (1 - x["r"]) * p["sigma"])


def terms(p: Params, x: Inputs) -> dict[str, object]:
    """Factors of E, A and B."""
    return {
        "E": 1.0,
        "A": x["N"] ** -p["alpha"],
        "B": _effective_tokens(p, x) ** -p["beta"],
    }


def gradient(p: Params, x: Inputs) -> dict[tuple[str, str], object]:
    """Derivatives of the factors with respect to α, β and σ."""
    tokens = _effective_tokens(p, x)
    data = tokens ** -p["beta"]
    return {
        ("A", "alpha"): -np.log(x["N"]) * x["N"] ** -p["alpha"],
        ("B", "beta"): -np.log(tokens) * data,
        ("B", "sigma"): -p["beta"] * data / tokens * x["D"] * (1 - x["r"]),
    }


LAW = Law(
    name="dcpt-l5",
    formula="E + A/N^alpha + B/(r D + (1-r) sigma D)^beta",
    source="Que et al. 2024, arXiv 2406.01375, Table 1 (L5)",
    inputs=("N", "D", "r"),
    parameters=(
        *dcpt.LAW.pick("E", "A", "B", "alpha", "beta"),
        Parameter("sigma", 1e-4, 10.0, "worth of a token of the other corpus", start=(0.01, 2.0)),
    ),
    terms=terms,
    gradient=gradient,
    units=dcpt.LAW.units,
    claims=(Claim("decreasing", "N"), Claim("decreasing", "D")),
    expects=(Claim("decreasing", "r"),),
    needs_positive=("N", "D"),
    held={"N": {"A": 0.0, "alpha": 1.0}, "r": {"sigma": 1.0}},
    minimum="3 sizes x 3 budgets x 3 ratios",
    candidate=False,
)
