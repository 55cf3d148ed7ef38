"""Effective-token law: tokens of every corpus count as so many of the one that matters.

    L(N, D, h) = E + A·N^-α·q^-ρ + B·(D·q)^-β,   q = Σ_j w_j·h_j^κ

h are the shares of all corpora in the training mixture, N and D in billions. E, A, B ≥ 0 are linear
amplitudes; w_j > 0 is what the share of corpus j counts against the first, whose w is one (so A and
B are those of a model trained on the first corpus alone), κ > 0 (kappa) how fast a share's worth
levels off. α, β > 0 are exponents of size and tokens, ρ ≥ 0 (rho) the power with which a poor
mixture lessens what size brings.

Source: ours, a generalisation of laws of effective data to many corpora with transfer between them;
not published.

Limits: falls with N and D everywhere and diverges as D → 0; one κ for all corpora. On published
mixture runs its bias at larger sizes had the opposite sign of the additive law's: a good partner in
an average. w of corpora that hardly help are flat directions of the fit: read curves.
"""

from mixlaw.laws import Claim, Law, Parameter, dcpt
from mixlaw.laws._factors import ONE, gradient_of, inverse_power, terms_of
from mixlaw.laws._mixture import to_the_minus, weighted_shares
from mixlaw.laws._tied import SWITCHES

_MIXTURE = weighted_shares("w", "kappa")
_FACTORS = {
    "E": ONE,
    "A": inverse_power("N", "alpha") * to_the_minus(_MIXTURE, "rho"),
    "B": inverse_power("D", "beta") * to_the_minus(_MIXTURE, "beta"),
}

LAW = Law(
    name="effective-tokens",
    formula="E + A N^-alpha q^-rho + B (D q)^-beta, q = sum_j w_j h_j^kappa",
    source="after laws of effective data, generalised to many corpora",
    inputs=("N", "D", "h"),
    parameters=(
        *dcpt.LAW.pick("E", "A", "B", "alpha", "beta"),
        Parameter("rho", 0.0, 3.0, "power of the mixture in the size term", start=(0.0, 1.0)),
        Parameter("kappa", 0.02, 4.0, "exponent of every share", start=(0.1, 1.2)),
    ),
    terms=terms_of(_FACTORS),
    gradient=gradient_of(_FACTORS),
    units=dcpt.LAW.units,
    per_corpus=(
        Parameter(
            "w",
            1e-5,
            1e4,
            "worth of this corpus against the first",
            None,
            (0.01, 30.0),
            contrast=True,
        ),
    ),
    claims=(Claim("decreasing", "N"), Claim("decreasing", "D")),
    needs_positive=("N", "D"),
    switches=SWITCHES,
    # At one size the size term still tells mixtures apart, by q^-rho: only its exponent is held.
    held={"N": {"alpha": 0.0}},
    minimum="3(m + 1) mixtures of m corpora; 3 sizes and budgets",
)
