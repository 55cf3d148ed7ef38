"""Terms of laws that count the shares of all corpora, with their derivatives.

Per-corpus parameters are named ``stem.corpus`` and come in the order of the corpora; one that is a
contrast lacks the first corpus, for which its value is one.
"""

from typing import Any

import numpy as np

from mixlaw.laws import Inputs, Parameter, Params
from mixlaw.laws._factors import Factor

#: What a corpus counts against the first, searched in the logarithm. The bounds are conventional:
#: a corpus that counts for a ten thousandth cannot be told from one that does not count.
WORTH = Parameter(
    "c", 1e-4, 1e4, "worth of this corpus against the first", None, (0.03, 30.0), contrast=True
)
#: Exponent of every share: near zero any trace of a corpus would count in full, and a large one
#: says that nothing but a pure mixture counts. The box of the search is conventional.
WORTH_POWER = Parameter("g", 0.02, 6.0, "exponent of the share of this corpus", None, (0.1, 1.5))


def per_corpus(p: Params, stem: str) -> list[str]:
    """Names of the parameters of one stem, in the order of the corpora."""
    return [name for name in p if name.startswith(f"{stem}.")]


def weighted_shares(weight: str, exponent: str) -> Factor:
    """Σ_i w_i·h_i^e_i, with w = 1 for the first corpus; e of all corpora, or one for all."""

    def parts(p: Params, x: Inputs) -> tuple[list[str], list[str], list[Any]]:
        weights, exponents = per_corpus(p, weight), per_corpus(p, exponent)
        exponents = exponents or [exponent] * len(x["h"])
        powers = [h ** p[name] for h, name in zip(x["h"], exponents, strict=True)]
        return weights, exponents, powers

    def value(p: Params, x: Inputs) -> Any:
        weights, _, powers = parts(p, x)
        rest = (p[name] * h for name, h in zip(weights, powers[1:], strict=True))
        return powers[0] + sum(rest, 0.0)

    def slopes(p: Params, x: Inputs) -> dict[str, Any]:
        weights, exponents, powers = parts(p, x)
        derivatives: dict[str, Any] = dict(zip(weights, powers[1:], strict=True))
        factors = [1.0, *(p[name] for name in weights)]
        for factor, name, h, grown in zip(factors, exponents, x["h"], powers, strict=True):
            # h^e·ln h → 0 as h → 0 for e > 0.
            slope = factor * np.log(np.where(h > 0, h, 1.0)) * grown
            derivatives[name] = derivatives[name] + slope if name in derivatives else slope
        return derivatives

    return Factor(value, slopes)


def inverse(factor: Factor) -> Factor:
    """One over a factor that is positive."""

    def slopes(p: Params, x: Inputs) -> dict[str, Any]:
        square = factor.value(p, x) ** -2.0
        return {name: -slope * square for name, slope in factor.slopes(p, x).items()}

    return Factor(lambda p, x: 1 / factor.value(p, x), slopes)


def rational_mixture(weight: str, exponent: str) -> Factor:
    """1/Σ_i c_i·h_i^g_i."""
    return inverse(weighted_shares(weight, exponent))


def to_the_minus(factor: Factor, exponent: str) -> Factor:
    """A positive factor to the power -exponent."""

    def slopes(p: Params, x: Inputs) -> dict[str, Any]:
        base = factor.value(p, x)
        grown = base ** -p[exponent]
        outer = -p[exponent] * grown / base
        derivatives = {name: outer * slope for name, slope in factor.slopes(p, x).items()}
        own = -np.log(base) * grown
        if exponent in derivatives:
            own = own + derivatives[exponent]
        return derivatives | {exponent: own}

    return Factor(lambda p, x: factor.value(p, x) ** -p[exponent], slopes)
