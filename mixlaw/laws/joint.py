"""Joint mixture law: the shares of all corpora also set the size term and the data term.

    L(N, D, h) = E + k/(Σ_i c_i·h_i^g_i) + (Σ_i A_i·h_i)/N^α + (Σ_i B_i·h_i)/D^β

h are the shares of all corpora in the training mixture. E, k ≥ 0 are linear amplitudes, and so are
A_i, B_i ≥ 0, one per corpus: size term and data term of a model trained on corpus i alone, at 1B
parameters and 1B tokens. c_i > 0 is what corpus i counts against the first, whose c is one, and g_i
> 0 how fast its worth levels off with its share. α, β > 0 are exponents; N and D in billions.

Source: second-hand. Shukor et al., arXiv 2507.09404, joint law, whose size and data terms are
powers (Σ_i C_i·h_i)^γ. Fits of published runs do not identify γ (from -0.4 to 126 between domains),
so it is one here, which makes A_i and B_i linear; its C_i is c_i/k.

Limits: 3 + 4m parameters for m corpora need many mixtures at several sizes; diverges as D → 0.
Which mixture is best moves with N and D. c and g of a corpus that hardly helps are flat directions
of the fit: read curves.
"""

from typing import Any

from mixlaw.laws import Claim, Inputs, Law, Parameter, Params, additive, dcpt
from mixlaw.laws._factors import ONE, inverse_power
from mixlaw.laws._mixture import WORTH, WORTH_POWER, per_corpus, rational_mixture

_MIXTURE = rational_mixture("c", "g")
_BY_CORPUS = {"A": inverse_power("N", "alpha"), "B": inverse_power("D", "beta")}


def terms(p: Params, x: Inputs) -> dict[str, Any]:
    """Factors of E, k and the amplitudes of every corpus."""
    factors = {"E": ONE.value(p, x), "k": _MIXTURE.value(p, x)}
    for stem, factor in _BY_CORPUS.items():
        value = factor.value(p, x)
        for name, share in zip(per_corpus(p, stem), x["h"], strict=True):
            factors[name] = share * value
    return factors


def gradient(p: Params, x: Inputs) -> dict[tuple[str, str], Any]:
    """Derivatives of the factors with respect to c_i, g_i, α and β."""
    derivatives = {("k", name): slope for name, slope in _MIXTURE.slopes(p, x).items()}
    for stem, factor in _BY_CORPUS.items():
        for exponent, slope in factor.slopes(p, x).items():
            for name, share in zip(per_corpus(p, stem), x["h"], strict=True):
                derivatives[name, exponent] = share * slope
    return derivatives


LAW = Law(
    name="joint",
    formula="E + k/(sum_i c_i h_i^g_i) + (sum_i A_i h_i)/N^alpha + (sum_i B_i h_i)/D^beta",
    source="after Shukor et al. 2025, arXiv 2507.09404, joint law, with inner powers of one",
    inputs=("N", "D", "h"),
    parameters=(
        *additive.LAW.pick("E", "k"),
        *dcpt.LAW.pick("alpha", "beta"),
    ),
    terms=terms,
    gradient=gradient,
    units=dcpt.LAW.units,
    per_corpus=(
        WORTH,
        WORTH_POWER,
        Parameter("A", 0.0, float("inf"), "size term on this corpus alone", amplitude="nonneg"),
        Parameter("B", 0.0, float("inf"), "data term on this corpus alone", amplitude="nonneg"),
    ),
    claims=(Claim("decreasing", "N"), Claim("decreasing", "D")),
    needs_positive=("N", "D"),
    held={"N": {"A": 0.0, "alpha": 1.0}, "D": {"B": 0.0, "beta": 1.0}},
    minimum="3(m + 1) mixtures of m corpora at 2 sizes and budgets; 3 sizes to extrapolate",
)
