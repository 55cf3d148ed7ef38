"""Data-mixing law: loss exponential in the shares of any number of corpora, with size and tokens.

    L(N, D, h) = E + k·exp(Σ_j t_j·h_j) + A/N^α + B/D^β

h are the shares of all corpora in the training mixture, so no single share r is singled out. E, k,
A, B ≥ 0 are linear amplitudes; α, β > 0 are exponents; N and D in billions. Shares sum to one, so
adding a constant to every t_j only rescales k: the first corpus is the reference with t = 0. Thus
k is the mixture term of a model trained on the first corpus alone, and t_j is the log of how many
times larger that term is on corpus j alone; a corpus that helps has a smaller t.

With one level of N or of D the term in it is held at zero, and what remains is the law of the
paper, c + k·exp(Σ t_j·h_j); for two corpora it is c + exp(k·x + b). Source: Ye et al., arXiv
2403.16952; the terms in N and D are added as powers, which their nested prediction amounts
to.

Limits: convex in the shares; additive, so the best mixture does not move with N or D, which is not
what is measured across sizes; diverges as D → 0. Finite at every share, zero included.
"""

from collections.abc import Iterator

import numpy as np

from mixlaw.laws import Array, Claim, Inputs, Law, Parameter, Params
from mixlaw.laws._levels import raised
from mixlaw.laws._tied import SWITCHES


def _rates(p: Params, x: Inputs) -> Iterator[tuple[str, Array]]:
    """Each rate's name with the shares it multiplies; corpora are in the order of ``expand``."""
    return zip((name for name in p if name.startswith("t.")), x["h"][1:], strict=True)


def _mixture_term(p: Params, x: Inputs) -> Array:
    exponent = sum((p[name] * share for name, share in _rates(p, x)), np.zeros(x["h"].shape[-1]))
    return np.exp(exponent)


def terms(p: Params, x: Inputs) -> dict[str, object]:
    """Factors of E, k, A and B."""
    return {
        "E": 1.0,
        "k": _mixture_term(p, x),
        "A": raised(x["N"], -p["alpha"]),
        "B": raised(x["D"], -p["beta"]),
    }


def gradient(p: Params, x: Inputs) -> dict[tuple[str, str], object]:
    """Derivatives of the factors with respect to every t_j, α and β."""
    mixture = _mixture_term(p, x)
    slopes: dict[tuple[str, str], object] = {
        ("k", name): share * mixture for name, share in _rates(p, x)
    }
    return slopes | {
        ("A", "alpha"): -np.log(x["N"]) * raised(x["N"], -p["alpha"]),
        ("B", "beta"): -np.log(x["D"]) * raised(x["D"], -p["beta"]),
    }


LAW = Law(
    name="exponential",
    formula="E + k exp(sum_j t_j h_j) + A/N^alpha + B/D^beta",
    source="Ye et al. 2024, arXiv 2403.16952",
    inputs=("N", "D", "h"),
    parameters=(
        Parameter("E", 0.0, np.inf, "irreducible loss", amplitude="nonneg"),
        Parameter("k", 0.0, np.inf, "mixture term on the first corpus alone", amplitude="nonneg"),
        Parameter("A", 0.0, np.inf, "size term at 1B parameters", amplitude="nonneg"),
        Parameter("B", 0.0, np.inf, "data term at 1B tokens", amplitude="nonneg"),
        Parameter("alpha", 0.01, 2.0, "exponent of size", start=(0.05, 1.0)),
        Parameter("beta", 0.01, 2.0, "exponent of tokens", start=(0.05, 1.0)),
    ),
    terms=terms,
    gradient=gradient,
    units={"N": 1e9, "D": 1e9},
    per_corpus=(
        Parameter(
            "t",
            -30.0,
            30.0,
            "rate of this corpus against the first",
            None,
            (-3.0, 3.0),
            contrast=True,
        ),
    ),
    claims=(Claim("decreasing", "N"), Claim("decreasing", "D")),
    needs_positive=("N", "D"),
    switches=SWITCHES,
    held={"N": {"A": 0.0, "alpha": 1.0}, "D": {"B": 0.0, "beta": 1.0}},
    minimum="4 ratios; 3(m + 1) mixtures of m corpora; 3 sizes and budgets for N and D",
)
