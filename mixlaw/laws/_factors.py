"""Factors that several laws share, with their derivatives, and how they make a law.

A factor is what an amplitude multiplies. Laws that differ in one factor (the variants of D-CPT)
are composed of these, so that no derivative is written twice.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixlaw.laws import Inputs, Params
from mixlaw.laws._levels import few_levels, of_levels, raised


@dataclass(frozen=True)
class Factor:
    """A factor and its derivatives by parameter; products follow the product rule."""

    value: Callable[[Params, Inputs], Any]
    slopes: Callable[[Params, Inputs], dict[str, Any]]

    def __mul__(self, other: "Factor") -> "Factor":
        def value(p: Params, x: Inputs) -> Any:
            return self.value(p, x) * other.value(p, x)

        def slopes(p: Params, x: Inputs) -> dict[str, Any]:
            left = {name: slope * other.value(p, x) for name, slope in self.slopes(p, x).items()}
            right = {name: slope * self.value(p, x) for name, slope in other.slopes(p, x).items()}
            shared = {name: left[name] + right[name] for name in left.keys() & right.keys()}
            return left | right | shared

        return Factor(value, slopes)


def of_one_input(name: str, factor: Factor) -> Factor:
    """A factor whose value and slopes are functions of this input, once for each of its values."""

    def value(p: Params, x: Inputs) -> Any:
        return of_levels(lambda levels: factor.value(p, {name: levels}), x[name])

    def slopes(p: Params, x: Inputs) -> dict[str, Any]:
        few = few_levels(x[name])
        if few is None:
            return factor.slopes(p, {name: x[name]})
        levels, index = few
        by_name = factor.slopes(p, {name: levels})
        return {of: np.take(slope, index, axis=-1) for of, slope in by_name.items()}

    return Factor(value, slopes)


#: The factor of a constant.
ONE = Factor(lambda p, x: 1.0, lambda p, x: {})


def inverse_power(name: str, exponent: str) -> Factor:
    """x^-exponent of a positive input."""
    return Factor(
        lambda p, x: raised(x[name], -p[exponent]),
        lambda p, x: {exponent: -np.log(x[name]) * raised(x[name], -p[exponent])},
    )


def power(name: str, exponent: str) -> Factor:
    """x^exponent for a positive exponent; where x = 0 value and derivative are 0, the limits."""

    def slopes(p: Params, x: Inputs) -> dict[str, Any]:
        log_x = np.log(np.where(x[name] > 0, x[name], 1.0))
        return {exponent: log_x * raised(x[name], p[exponent])}

    return Factor(lambda p, x: raised(x[name], p[exponent]), slopes)


def shifted_share(exponent: str, sign: float) -> Factor:
    """(r + ε)^(sign·exponent), finite at r = 0."""

    def value(p: Params, x: Inputs) -> Any:
        return (x["r"] + p["eps"]) ** (sign * p[exponent])

    def slopes(p: Params, x: Inputs) -> dict[str, Any]:
        shifted = x["r"] + p["eps"]
        factor = value(p, x)
        return {
            "eps": sign * p[exponent] * factor / shifted,
            exponent: sign * np.log(shifted) * factor,
        }

    return of_one_input("r", Factor(value, slopes))


def share_power(exponent: str) -> Factor:
    """r^exponent."""
    return power("r", exponent)


def damped_share(rate: str) -> Factor:
    """e^(-rate·r)."""
    return Factor(
        lambda p, x: np.exp(-p[rate] * x["r"]),
        lambda p, x: {rate: -x["r"] * np.exp(-p[rate] * x["r"])},
    )


def lacking_share(exponent: str) -> Factor:
    """[(r+ε)^-γ - (1+ε)^-γ] / [ε^-γ - (1+ε)^-γ]: one at r = 0, zero at r = 1, steep near zero.

    Written with expm1, so that small γ (where it is logarithmic in r + ε) loses no digits.
    """

    def parts(p: Params, x: Inputs) -> tuple[Any, Any, Any, Any]:
        here, most = np.log1p(p["eps"]) - np.log(x["r"] + p["eps"]), np.log1p(1 / p["eps"])
        return here, most, np.expm1(p[exponent] * here), np.expm1(p[exponent] * most)

    def value(p: Params, x: Inputs) -> Any:
        _, _, top, bottom = parts(p, x)
        return top / bottom

    def slopes(p: Params, x: Inputs) -> dict[str, Any]:
        here, most, top, bottom = parts(p, x)
        d_here = 1 / (1 + p["eps"]) - 1 / (x["r"] + p["eps"])
        d_most = 1 / (1 + p["eps"]) - 1 / p["eps"]
        return {
            "eps": p[exponent] * _quotient(top, bottom, d_here, d_most),
            exponent: _quotient(top, bottom, here, most),
        }

    return of_one_input("r", Factor(value, slopes))


def _quotient(top: Any, bottom: Any, d_top: Any, d_bottom: Any) -> Any:
    """Derivative of expm1(u)/expm1(v) for derivatives of u and v, given both expm1."""
    return ((top + 1) * d_top - top / bottom * (bottom + 1) * d_bottom) / bottom


def saturating_tokens(scale: str, exponent: str) -> Factor:
    """1 - (1 + D/scale)^-exponent: zero at D = 0, one after endless tokens."""

    def value(p: Params, x: Inputs) -> Any:
        return -np.expm1(-p[exponent] * np.log1p(x["D"] / p[scale]))

    def slopes(p: Params, x: Inputs) -> dict[str, Any]:
        log_growth = np.log1p(x["D"] / p[scale])
        left = np.exp(-p[exponent] * log_growth)
        d_growth = -x["D"] / (p[scale] * (p[scale] + x["D"]))
        return {scale: p[exponent] * left * d_growth, exponent: log_growth * left}

    return of_one_input("D", Factor(value, slopes))


def negative(factor: Factor) -> Factor:
    """The factor of an amplitude that lowers the loss."""
    return Factor(
        lambda p, x: -factor.value(p, x),
        lambda p, x: {name: -slope for name, slope in factor.slopes(p, x).items()},
    )


#: The measured loss of the base model, as a law's offset.
BASE_LOSS = Factor(lambda p, x: x["L0"], lambda p, x: {})


def based_share(base: str, sign: float) -> Factor:
    """base^(sign·r)."""
    return Factor(
        lambda p, x: p[base] ** (sign * x["r"]),
        lambda p, x: {base: sign * x["r"] * p[base] ** (sign * x["r"] - 1)},
    )


def terms_of(factors: Mapping[str, Factor]) -> Callable[[Params, Inputs], dict[str, Any]]:
    """The ``terms`` of the law whose amplitudes have these factors."""
    return lambda p, x: {name: factor.value(p, x) for name, factor in factors.items()}


def gradient_of(
    factors: Mapping[str, Factor],
) -> Callable[[Params, Inputs], dict[tuple[str, str], Any]]:
    """The ``gradient`` of the law whose amplitudes have these factors."""
    return lambda p, x: {
        (amplitude, name): slope
        for amplitude, factor in factors.items()
        for name, slope in factor.slopes(p, x).items()
    }


def scarcity(offset: str) -> Factor:
    """ln((1 + ε)/(r + ε)): zero at share one, and finite at share zero.

    Args:
        offset: name of the parameter ε.
    """
    return Factor(
        lambda p, x: np.log1p(p[offset]) - np.log(x["r"] + p[offset]),
        lambda p, x: {offset: 1 / (1 + p[offset]) - 1 / (x["r"] + p[offset])},
    )
