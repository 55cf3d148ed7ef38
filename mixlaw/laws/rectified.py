"""Rectified law: what the base model already knows counts as tokens of the domain.

    L(N, D, r) = E + A/N^α + B·(r^η·D + D_b·N^k)^-β

N and D in billions; r is the share of the corpus whose loss is predicted. E, A, B ≥ 0 are linear
amplitudes; α, β > 0 are exponents, η > 0 (eta) is the exponent of the share. Db = D_b > 0 is the
number of own tokens (billions) that pre-training of a model of 1B parameters was worth, k, of
either sign, its exponent of size; with one size k is zero. The law is finite at D = 0.

Source: after the rectified law of Lin et al., arXiv 2402.02314, L = E + B/(D_l + D^β), and the
effective data transferred of Hernandez et al., arXiv 2102.01293, which grow as a power of size; the
form and the mixture in it are ours.

Limits: for a loss that falls with training, such as the domain loss: it cannot rise with tokens and
falls with r everywhere. At r = 0 it stays at the level of D = 0. The level at D = 0 is fitted, not
the measured base loss (``transfer`` starts there). Db and B are flat directions where r^η·D is far
above or below D_b: read curves.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mixlaw.laws import Claim, Inputs, Law, Parameter, Params, dcpt
from mixlaw.laws._factors import ONE, Factor, gradient_of, inverse_power, power, terms_of
from mixlaw.laws._levels import raised


def rectified_tokens(worth: Factor = ONE) -> Factor:
    """(w·r^η·D + D_b·N^k)^-β, with a factor w for what a token of the own corpus is worth."""
    own = worth * power("r", "eta")

    def parts(p: Params, x: Inputs) -> tuple[Any, Any]:
        known = p["Db"] * raised(x["N"], p["k"])
        return own.value(p, x) * x["D"] + known, known

    def value(p: Params, x: Inputs) -> Any:
        return parts(p, x)[0] ** -p["beta"]

    def slopes(p: Params, x: Inputs) -> dict[str, Any]:
        tokens, known = parts(p, x)
        grown = tokens ** -p["beta"]
        outer = -p["beta"] * grown / tokens
        by_name = {name: outer * slope * x["D"] for name, slope in own.slopes(p, x).items()}
        return by_name | {
            "beta": -np.log(tokens) * grown,
            "Db": outer * known / p["Db"],
            "k": outer * known * np.log(x["N"]),
        }

    return Factor(value, slopes)


def factors(worth: Factor = ONE) -> Mapping[str, Factor]:
    """Factors of E, A and B."""
    return {"E": ONE, "A": inverse_power("N", "alpha"), "B": rectified_tokens(worth)}


_FACTORS = factors()

LAW = Law(
    name="rectified",
    formula="E + A/N^alpha + B (r^eta D + Db N^k)^-beta",
    source="after Lin et al. 2024, arXiv 2402.02314, and Hernandez et al. 2021, arXiv 2102.01293",
    inputs=("N", "D", "r"),
    parameters=(
        *dcpt.LAW.pick("E", "A", "B", "alpha", "beta", "eta"),
        Parameter(
            "Db",
            1e-9,
            1e4,
            "own tokens known before, at N = 1B",
            None,
            (1e-6, 1e2),
            "D N^-k",
        ),
        Parameter("k", -2.0, 2.0, "exponent of size in them", start=(-0.5, 1.0)),
    ),
    terms=terms_of(_FACTORS),
    gradient=gradient_of(_FACTORS),
    units=dcpt.LAW.units,
    claims=(Claim("decreasing", "D"), Claim("decreasing", "r")),
    expects=(Claim("decreasing", "N"),),
    needs_positive=("N",),
    held={"N": {"A": 0.0, "alpha": 1.0, "k": 0.0}, "r": {"eta": 1.0}},
    minimum="3 sizes x 3 budgets x 3 ratios",
)
