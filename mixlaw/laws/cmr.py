"""CMR law: change of loss along a run, its turning point, and the critical mixture ratio.

The paper (Gu et al., arXiv 2407.17467) fits, for one model size and one domain share R at a time,

    ΔL_dom(T) = α₁·T^s₁ + β₁,    ΔL_gen(T) = α₂·T^s₂ + α₃·T^s₃ + β₂        (Eq. 6)
    L(R) = α·R^s + β at a fixed T,    R_CMR(T) = α₄·T^s₄ + β₃               (Eq. 8)

with T in units of 0.2B tokens and Δ against the base model. The turning point T₀ of
ΔL_dom + λ·ΔL_gen is where the general loss has risen and turns down for good; the critical ratio
is the largest share whose T₀ lies within the budget.

Its two exponents come out equal and its amplitudes opposite on nearly every published curve, and
its domain exponent comes out zero: the curves are T^s·(p + q·ln T), which is what is fitted here,
in one form for all shares of a size, so that any share can be predicted:

    L(D, r) = L0 + b(r) + p(r)·e(T) - q(r)·e'(T),   T = D/0.2B
    e(T)    = ∫₁ᵀ τ^(s-1) dτ = (T^s - 1)/s,   e'(T) = ∂e/∂s
    b(r)    = b1·(1 - g(r)) + b0·g(r), and p and q likewise
    g(r)    = [(r + ε)^-γ - (1 + ε)^-γ] / [ε^-γ - (1 + ε)^-γ]

The slope dL/d(ln T) is T^s·(p - q·ln T), so the loss turns down at T₀ = e^(p/q), whatever s is; at
s = 0, where e = ln T and e' = ln² T/2, there is no seam. r is the share of the corpus whose loss
is predicted (R for the domain loss, 1 - R for the general one); L0 is the base model's loss. b1,
p1, q1 hold at r = 1 and b0, p0, q0 where none of the corpus is in the mixture: b is the change at
T = 1 and p the slope there, of either sign; q is how fast the slope falls. s is the exponent of
tokens; ε > 0 and γ > 0 are offset and exponent of the share, as in D-CPT. This joint form is ours,
not the paper's.

Signs: the paper's amplitudes α may have either sign (its Table 4 has both), and so may b and p,
which are made of them. q ≥ 0 by default, so that a loss turns downwards last, as all of the paper's
curves up to R = 3/4 do: on those curves with noise, cut before the turn, free signs predict losses
as well but miss the turning point by two to four times as much in ln T₀. The switch ``q<0`` frees
q, for curves that keep rising ever faster, such as the paper's at R = 1 (460M).

Limits: one fit per model size, N is no input: at an unswept size only the critical ratio can be
carried over, from three sizes or more (``carry_ratio``). No finite value at D = 0. Made for runs
at constant learning rate. Two different exponents in one curve are outside of it, as the published
curves at R = 1 are: leave R = 1 out of a fit that is to give the critical ratio. Coefficients are
not identified; compare curves and turning points.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from mixlaw.laws import OFFSET, Array, Inputs, Law, Parameter, Params, Switch, dcpt
from mixlaw.laws._factors import lacking_share

#: Tokens in one unit of T: 20B tokens are T = 100 in the paper.
UNIT = 0.2e9
#: Exponents below which the second moment is taken from its power series; the closed form loses
#: digits near zero, and within this radius the terms left out of the series are below 1e-16.
SERIES_RADIUS = 0.5
#: Coefficients of the series, highest power first.
_SERIES = [1 / (math.factorial(n) * (n + 3)) for n in reversed(range(13))]
_SHARE = lacking_share("gamma")


def _moments(z: Array) -> tuple[Array, Array, Array]:
    """∫₀¹ uʲ·e^(z·u) du for j = 0, 1, 2, exact through z = 0.

    Near zero the highest from its power series and the others downwards, elsewhere upwards: in
    both directions rounding errors shrink.
    """
    small, grown = np.abs(z) < SERIES_RADIUS, np.exp(z)
    near, far = np.where(small, z, 0.0), np.where(small, 1.0, z)
    second = np.zeros_like(near)
    for coefficient in _SERIES:
        second = second * near + coefficient
    first = 0.5 * (grown - near * second)
    up_0 = np.expm1(far) / far
    up_1 = (grown - up_0) / far
    return (
        np.where(small, grown - near * first, up_0),
        np.where(small, first, up_1),
        np.where(small, second, (grown - 2 * up_1) / far),
    )


def _tokens(p: Params, x: Inputs) -> tuple[Array, Array, Array]:
    """(T^s - 1)/s and its first two derivatives by s."""
    log_t = np.log(x["D"])
    zeroth, first, second = _moments(p["s"] * log_t)
    return log_t * zeroth, log_t**2 * first, log_t**3 * second


def terms(p: Params, x: Inputs) -> dict[str, Any]:
    """The offset L0 and the factors of the six amplitudes."""
    e, e_slope, _ = _tokens(p, x)
    share = _SHARE.value(p, x)
    return {
        OFFSET: x["L0"],
        "b1": 1 - share,
        "b0": share,
        "p1": (1 - share) * e,
        "p0": share * e,
        "q1": -(1 - share) * e_slope,
        "q0": -share * e_slope,
    }


def gradient(p: Params, x: Inputs) -> dict[tuple[str, str], Any]:
    """Derivatives of the factors with respect to s, ε and γ."""
    e, e_slope, e_curve = _tokens(p, x)
    share = _SHARE.value(p, x)
    slopes = {
        ("p1", "s"): (1 - share) * e_slope,
        ("p0", "s"): share * e_slope,
        ("q1", "s"): -(1 - share) * e_curve,
        ("q0", "s"): -share * e_curve,
    }
    for name, slope in _SHARE.slopes(p, x).items():
        slopes |= {
            ("b1", name): -slope,
            ("b0", name): slope,
            ("p1", name): -slope * e,
            ("p0", name): slope * e,
            ("q1", name): slope * e_slope,
            ("q0", name): -slope * e_slope,
        }
    return slopes


def _free(name: str, meaning: str) -> Parameter:
    return Parameter(name, -np.inf, np.inf, meaning, amplitude="free")


def _free_q(law: Law, x: Inputs) -> Law:
    parameters = tuple(
        replace(p, low=-np.inf, amplitude="free") if p.name in ("q1", "q0") else p
        for p in law.parameters
    )
    return replace(law, parameters=parameters)


LAW = Law(
    name="cmr",
    formula="L0 + b(r) + p(r) e(T) - q(r) de/ds, e = (T^s - 1)/s, T = D/0.2B",
    source="Gu et al. 2024, arXiv 2407.17467, Eq. 6, joint over shares in degenerate-safe form",
    inputs=("D", "r", "L0"),
    parameters=(
        _free("b1", "change at T = 1 (0.2B tokens), r = 1"),
        _free("b0", "change at T = 1, r = 0"),
        _free("p1", "slope in ln T at T = 1, r = 1"),
        _free("p0", "slope in ln T at T = 1, r = 0"),
        Parameter("q1", 0.0, np.inf, "fall of the slope, r = 1", amplitude="nonneg"),
        Parameter("q0", 0.0, np.inf, "fall of the slope, r = 0", amplitude="nonneg"),
        Parameter("s", -1.5, 1.5, "exponent of tokens", start=(-0.5, 1.0)),
        *dcpt.LAW.pick("eps", "gamma"),
    ),
    terms=terms,
    gradient=gradient,
    units={"D": UNIT},
    needs_positive=("D",),
    switches={"q<0": Switch("q of either sign: a loss may turn up last", _free_q)},
    held={
        "D": {"p1": 0.0, "p0": 0.0, "q1": 0.0, "q0": 0.0, "s": 0.0},
        "r": {"eps": 0.1, "gamma": 1.0},
    },
    takes="trunk",
    per_size=True,
    minimum="base losses and 4 ratios x 8 checkpoints past the peak at each size; 3 sizes to carry",
)
