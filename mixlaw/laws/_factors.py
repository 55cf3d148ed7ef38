"""Factors that several laws share, with their derivatives, and how they make a law.

A factor is what an amplitude multiplies. Laws that differ in one factor (the variants of D-CPT)
are composed of these, so that no derivative is written twice.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixlaw.laws import Inputs, Params


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


#: The factor of a constant.
ONE = Factor(lambda p, x: 1.0, lambda p, x: {})


def inverse_power(name: str, exponent: str) -> Factor:
    """x^-exponent of a positive input."""
    return Factor(
        lambda p, x: x[name] ** -p[exponent],
        lambda p, x: {exponent: -np.log(x[name]) * x[name] ** -p[exponent]},
    )


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

    return Factor(value, slopes)


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
