"""One exponent for size and tokens, as a switch of laws with α and β (arXiv 2305.16264).

Free exponents trade off against the irreducible loss where sizes or tokens per parameter are few.
"""

from dataclasses import replace
from typing import Any

from mixlaw.laws import Inputs, Law, Params, Switch


def tied(law: Law) -> Law:
    """The law with β = α: it lacks the parameter beta."""

    def both(p: Params) -> Params:
        return {**p, "beta": p["alpha"]}

    def terms(p: Params, x: Inputs) -> dict[str, Any]:
        return law.terms(both(p), x)

    def gradient(p: Params, x: Inputs) -> dict[tuple[str, str], Any]:
        slopes: dict[tuple[str, str], Any] = {}
        for (amplitude, name), slope in law.gradient(both(p), x).items():
            key = (amplitude, "alpha" if name == "beta" else name)
            slopes[key] = slopes.get(key, 0.0) + slope
        return slopes

    # The exponent still describes one of size and tokens where the other has a single level.
    held = {
        name: {key: value for key, value in values.items() if key not in ("alpha", "beta")}
        for name, values in law.held.items()
    }
    parameters = tuple(p for p in law.parameters if p.name != "beta")
    return replace(law, parameters=parameters, terms=terms, gradient=gradient, held=held)


SWITCHES = {
    "alpha=beta": Switch(
        "one exponent for size and tokens",
        lambda law, x: tied(law),
        lambda law, params, x: {**params, "beta": params["alpha"]},
    )
}
