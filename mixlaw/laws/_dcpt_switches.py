"""The D-CPT paper's constraints as switches: η > 1, and C > C₀ at the smallest D of the data.

C > C₀ stays a law with the same linear amplitudes: with k = C₀/B,

    L = E + A/N^α + B·[r^η/D^β + k/(r + ε)^γ] + C₁/(r + ε)^γ,   C₁ = C - C₀ ≥ 0.

Source: Que et al., arXiv 2406.01375 (there C₁ = e^c1, with D_min = 0.1311B).
"""

from dataclasses import replace
from typing import Any

import numpy as np

from mixlaw.laws import Inputs, Law, Params, Switch


def c_zero(p: Params, d_min: float) -> Any:
    """C₀ of the parameters, with the smallest D of the data in the law's unit (billions)."""
    return p["B"] * _relative_c_zero(p, d_min)


def _relative_c_zero(p: Params, d_min: float) -> Any:
    grown = (1 + p["eps"]) ** (p["gamma"] + 1)
    return p["eta"] * grown / (p["gamma"] * d_min ** p["beta"])


def _log_slopes(p: Params, d_min: float) -> dict[str, Any]:
    """Derivatives of ln k."""
    return {
        "eta": 1 / p["eta"],
        "eps": (p["gamma"] + 1) / (1 + p["eps"]),
        "gamma": np.log(1 + p["eps"]) - 1 / p["gamma"],
        "beta": -np.log(d_min),
    }


def _bound_eta(law: Law, x: Inputs) -> Law:
    bounded = tuple(
        replace(p, low=1.0, start=(1.0, 2.5)) if p.name == "eta" else p for p in law.parameters
    )
    return replace(law, parameters=bounded)


def _bound_c(law: Law, x: Inputs) -> Law:
    d_min = _d_min(law, x)

    def terms(p: Params, x: Inputs) -> dict[str, Any]:
        plain = law.terms(p, x)
        return plain | {"B": plain["B"] + _relative_c_zero(p, d_min) * plain["C"]}

    def gradient(p: Params, x: Inputs) -> dict[tuple[str, str], Any]:
        share_term, plain = law.terms(p, x)["C"], law.gradient(p, x)
        k = _relative_c_zero(p, d_min)
        slopes = {
            ("B", name): plain.get(("B", name), 0.0)
            + k * (share_term * log_slope + plain.get(("C", name), 0.0))
            for name, log_slope in _log_slopes(p, d_min).items()
        }
        return plain | slopes

    eta_positive = tuple(
        replace(p, low=0.01, start=(0.01, 2.0)) if p.name == "eta" and p.low < 0.01 else p
        for p in law.parameters
    )
    return replace(law, terms=terms, gradient=gradient, parameters=eta_positive)


def _restore_c(law: Law, p: Params, x: Inputs) -> dict[str, Any]:
    return dict(p) | {"C": p["C"] + c_zero(p, _d_min(law, x))}


def _d_min(law: Law, x: Inputs) -> float:
    return float(x["D"].min()) / law.units["D"]


SWITCHES = {
    "eta>1": Switch("eta > 1", _bound_eta),
    "C>C0": Switch("C > C0 at the smallest D of the data", _bound_c, _restore_c),
}
