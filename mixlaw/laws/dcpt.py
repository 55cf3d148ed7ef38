"""D-CPT law (L3): loss of continual pre-training in model size, tokens and mixture ratio.

    L(N, D, r) = E + A/N^α + B·r^η/D^β + C/(r + ε)^γ

N and D in billions; r is the share of the corpus whose loss is predicted, so the domain and the
general loss are two separate fits. Source: Que et al., arXiv 2406.01375, Eq. 6.

E, A, B, C ≥ 0 are linear amplitudes; α, β, γ > 0 are exponents, η > 0 is the exponent of the share
in the data term, ε > 0 keeps the law finite at r = 0 (the paper finds it near 0.1).

Limits: falls with N and D everywhere, so it cannot describe a loss that rises with tokens (small
r, the paper's inflection ratio); diverges as D → 0 instead of returning the base model's loss; has
no interaction between N and r. Whether it falls with r depends on the parameters: guaranteed for η
> 1 and C > C₀ with C₀ = B·η·(1+ε)^(γ+1)/(γ·D_min^β). Both are switches, off by default, because
the paper's own usage 2 contradicts them: with C > C₀ an interior optimum needs D_d <
D_min·e^(1/η).
"""

import numpy as np

from mixlaw.laws import Claim, Inputs, Law, Parameter, Params
from mixlaw.laws._dcpt_switches import SWITCHES
from mixlaw.laws._levels import of_levels, raised


def terms(p: Params, x: Inputs) -> dict[str, object]:
    """Factors of E, A, B and C."""
    return {
        "E": 1.0,
        "A": raised(x["N"], -p["alpha"]),
        "B": raised(x["r"], p["eta"]) * raised(x["D"], -p["beta"]),
        "C": of_levels(lambda r: (r + p["eps"]) ** -p["gamma"], x["r"]),
    }


def gradient(p: Params, x: Inputs) -> dict[tuple[str, str], object]:
    """Derivatives of the factors with respect to α, β, η, ε and γ."""
    data = raised(x["r"], p["eta"]) * raised(x["D"], -p["beta"])
    shifted = x["r"] + p["eps"]
    share = of_levels(lambda r: (r + p["eps"]) ** -p["gamma"], x["r"])
    # r^η·ln r → 0 as r → 0 for η > 0: the share-zero row carries no information on η.
    log_r = np.log(np.where(x["r"] > 0, x["r"], 1.0))
    return {
        ("A", "alpha"): -np.log(x["N"]) * raised(x["N"], -p["alpha"]),
        ("B", "beta"): -np.log(x["D"]) * data,
        ("B", "eta"): log_r * data,
        ("C", "eps"): -p["gamma"] * share / shifted,
        ("C", "gamma"): -np.log(shifted) * share,
    }


LAW = Law(
    name="dcpt",
    formula="E + A/N^alpha + B r^eta/D^beta + C/(r+eps)^gamma",
    source="Que et al. 2024, arXiv 2406.01375, Eq. 6 (L3)",
    inputs=("N", "D", "r"),
    parameters=(
        Parameter("E", 0.0, np.inf, "irreducible loss", amplitude="nonneg"),
        Parameter("A", 0.0, np.inf, "size term at 1B parameters", amplitude="nonneg"),
        Parameter("B", 0.0, np.inf, "data term at 1B tokens and share 1", amplitude="nonneg"),
        Parameter("C", 0.0, np.inf, "share term at r + eps = 1", amplitude="nonneg"),
        Parameter("alpha", 0.01, 2.0, "exponent of size", start=(0.05, 1.0)),
        Parameter("beta", 0.01, 2.0, "exponent of tokens", start=(0.05, 1.0)),
        # Not zero: r^η jumps from 0 to 1 at r = 0 there, and a solver that reaches it is stuck.
        Parameter("eta", 1e-3, 4.0, "exponent of the share in the data term", start=(0.01, 2.0)),
        Parameter("eps", 1e-3, 3.0, "offset of the share", start=(0.01, 1.0)),
        Parameter("gamma", 0.01, 4.0, "exponent of the share term", start=(0.05, 2.0)),
    ),
    terms=terms,
    gradient=gradient,
    units={"N": 1e9, "D": 1e9},
    claims=(Claim("decreasing", "N"), Claim("decreasing", "D")),
    expects=(Claim("decreasing", "r"),),
    needs_positive=("N", "D"),
    switches=SWITCHES,
    held={
        "N": {"A": 0.0, "alpha": 1.0},
        # At one D the data term is a second share term; what is left is E + C/(r + ε)^γ.
        "D": {"B": 0.0, "beta": 1.0, "eta": 1.0},
        "r": {"C": 0.0, "eta": 0.0, "eps": 0.1, "gamma": 1.0},
    },
    minimum="3 sizes x 3 budgets x 4 ratios",
)
