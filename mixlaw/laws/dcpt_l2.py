"""D-CPT variant L2: the data and the share term joined under one power.

    L(N, D, r) = E + A/N^α + (B₀/D^β + C₀/(r + ε)^γ)^η
               = E + A/N^α + B·(1/D^β + 1/(D_c^β·(r + ε)^γ))^η

N and D in billions; r is the share of the corpus whose loss is predicted. E, A ≥ 0 and B = B₀^η ≥
0 are linear amplitudes; Dc = D_c = (B₀/C₀)^(1/β) is the number of tokens (billions) at which the
data term has come down to the share term of r + ε = 1; α, β, γ, η > 0 are exponents; ε > 0 keeps
it finite at r = 0. Source: Que et al., arXiv 2406.01375, Table 1 (L2); the right-hand side is the
same family written so that B is linear.

Limits: at a fixed share it is not Chinchilla (the paper's "consistency" is violated); falls with
N, D and r everywhere; diverges as D → 0. Near η = 1 it is L1, where Dc and B trade off.
"""

from typing import Any

import numpy as np

from mixlaw.laws import Claim, Inputs, Law, Parameter, Params, dcpt


def _parts(p: Params, x: Inputs) -> tuple[Any, Any, Any]:
    """The data part, the share part and r + ε."""
    shifted = x["r"] + p["eps"]
    return x["D"] ** -p["beta"], p["Dc"] ** -p["beta"] * shifted ** -p["gamma"], shifted


def terms(p: Params, x: Inputs) -> dict[str, object]:
    """Factors of E, A and B."""
    data, share, _ = _parts(p, x)
    return {"E": 1.0, "A": x["N"] ** -p["alpha"], "B": (data + share) ** p["eta"]}


def gradient(p: Params, x: Inputs) -> dict[tuple[str, str], object]:
    """Derivatives of the factors with respect to α, β, η, D_c, ε and γ."""
    data, share, shifted = _parts(p, x)
    joined = data + share
    outer = p["eta"] * joined ** (p["eta"] - 1)
    return {
        ("A", "alpha"): -np.log(x["N"]) * x["N"] ** -p["alpha"],
        ("B", "beta"): -outer * (np.log(x["D"]) * data + np.log(p["Dc"]) * share),
        ("B", "eta"): np.log(joined) * joined ** p["eta"],
        ("B", "Dc"): -outer * p["beta"] * share / p["Dc"],
        ("B", "eps"): -outer * p["gamma"] * share / shifted,
        ("B", "gamma"): -outer * np.log(shifted) * share,
    }


LAW = Law(
    name="dcpt-l2",
    formula="E + A/N^alpha + B (1/D^beta + 1/(Dc^beta (r+eps)^gamma))^eta",
    source="Que et al. 2024, arXiv 2406.01375, Table 1 (L2)",
    inputs=("N", "D", "r"),
    parameters=(
        *dcpt.LAW.pick("E", "A", "B", "alpha", "beta"),
        Parameter("eta", 0.02, 4.0, "power over both terms", start=(0.2, 2.0)),
        Parameter(
            "Dc", 1e-12, 1e12, "tokens where data and share term meet", None, (1e-4, 1e3), "D"
        ),
        *dcpt.LAW.pick("eps", "gamma"),
    ),
    terms=terms,
    gradient=gradient,
    units=dcpt.LAW.units,
    claims=(Claim("decreasing", "N"), Claim("decreasing", "D"), Claim("decreasing", "r")),
    needs_positive=("N", "D"),
    held={
        "N": {"A": 0.0, "alpha": 1.0},
        "D": {"beta": 0.0, "eta": 1.0},
        "r": {"Dc": 1.0, "eps": 1.0, "gamma": 1.0, "eta": 1.0},
    },
    minimum="3 sizes x 3 budgets x 4 ratios",
    candidate=False,
)
