"""Laws: one file, one law; numpy and a formula, nothing else.

A law says how a held-out loss depends on the setting it was measured in. It declares its inputs,
its parameters, which of them are linear amplitudes, what shape it claims, and its formula as a sum

    L(x) = offset(x; θ) + Σ_k amplitude_k · factor_k(x; θ)

``terms`` returns the factors by the name of their amplitude (and ``OFFSET``, whose coefficient is
one, where the law has such a part); ``gradient`` returns their derivatives with respect to the
other, nonlinear parameters θ. From these two functions a solver gets everything: the linear stage
in the amplitudes, the prediction and the exact Jacobian. Solvers, intervals and data handling live
in ``mixlaw.fit``.

Inputs are arrays of shape (n_rows,) by these names; parameters broadcast against them, so a batch
of B parameter sets is given as arrays of shape (B, 1):

=====  ================================================================================
``N``  non-embedding parameters, a count
``D``  CPT tokens seen, a count
``r``  share of the corpus **whose loss is predicted** (D-CPT's r): the domain share for
       a domain loss, one minus it for the general loss
``R``  share of **domain** data, whatever loss is predicted (CMR's R)
``h``  shares of all corpora, shape (n_corpora, n_rows), in the order of ``corpora``
``L0`` held-out loss of the base model before CPT, nats per token
=====  ================================================================================

Counts reach ``terms`` divided by the law's ``units``, so coefficients are those of its paper.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mixlaw import plugins

Array = NDArray[np.float64]
Params = Mapping[str, Any]
Inputs = Mapping[str, Array]

#: Name of the part of a formula whose coefficient is one.
OFFSET = "offset"

InputName = Literal["N", "D", "r", "R", "h", "L0"]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a law, in the law's own units.

    Attributes:
        name: the letter of the paper; of a per-corpus parameter, its stem.
        low: smallest value allowed.
        high: largest value allowed.
        meaning: what it stands for, in a few words.
        amplitude: for a linear amplitude whether it must be non-negative; None if nonlinear.
        start: box from which a multi-start search draws a nonlinear parameter; default the bounds.
    """

    name: str
    low: float
    high: float
    meaning: str
    amplitude: Literal["nonneg", "free"] | None = None
    start: tuple[float, float] | None = None


@dataclass(frozen=True)
class Claim:
    """A shape that the law has by construction: it is checked against the data and reported."""

    direction: Literal["decreasing", "increasing"]
    variable: InputName


@dataclass(frozen=True)
class Law:
    """A law's specification; its module's docstring says the same to a person.

    Attributes:
        name: the plugin name.
        formula: the formula as text.
        source: paper and equation.
        inputs: which of N, D, r, R, h, L0 the formula needs.
        parameters: fixed parameters, in the order of the formula.
        terms: factors of the amplitudes; called as ``terms(params, inputs)``.
        gradient: derivatives {(amplitude, nonlinear parameter): array} of these factors; pairs
            that are absent are zero.
        units: what a count is divided by before it reaches the formula.
        per_corpus: parameters that exist once per corpus, named ``stem.corpus``.
        claims: shapes the formula has by construction.
        held: values of parameters to hold where an input takes a single level, because the data
            cannot tell their terms from a constant ({"N": {"A": 0.0, "alpha": 1.0}}).
        trajectory: True if the law describes a run at constant learning rate (trunk rows), False
            if it describes final losses (annealed rows).
        minimum: minimum sensible data, for people.
    """

    name: str
    formula: str
    source: str
    inputs: tuple[InputName, ...]
    parameters: tuple[Parameter, ...]
    terms: Callable[[Params, Inputs], dict[str, Any]]
    gradient: Callable[[Params, Inputs], dict[tuple[str, str], Any]]
    units: Mapping[str, float] = field(default_factory=dict)
    per_corpus: tuple[Parameter, ...] = ()
    claims: tuple[Claim, ...] = ()
    held: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    trajectory: bool = False
    minimum: str = ""

    def expand(self, corpora: Sequence[str] = ()) -> tuple[Parameter, ...]:
        """All parameters for these corpora: the fixed ones, then one per corpus and stem."""
        return self.parameters + tuple(
            Parameter(f"{p.name}.{corpus}", p.low, p.high, p.meaning, p.amplitude, p.start)
            for p in self.per_corpus
            for corpus in corpora
        )

    def scale(self, x: Inputs) -> dict[str, Array]:
        """Inputs in the law's units; what it does not need is dropped."""
        return {name: x[name] / self.units.get(name, 1.0) for name in self.inputs}

    def predict(self, params: Params, x: Inputs) -> Array:
        """Loss in nats per token at inputs given as plain counts.

        Args:
            params: every parameter by name; scalars, or arrays of shape (B, 1) for a batch.
            x: inputs by name, each of shape (n_rows,), ``h`` of shape (n_corpora, n_rows).

        Returns:
            Losses of shape (n_rows,), or (B, n_rows) for a batch.
        """
        terms = self.terms(params, self.scale(x))
        total = sum(params[name] * term for name, term in terms.items() if name != OFFSET)
        n_rows = x[self.inputs[0]].shape[-1]
        loss = np.asarray(total + terms.get(OFFSET, 0.0), dtype=float)
        return (
            np.broadcast_to(loss, (*loss.shape[:-1], n_rows))
            if loss.ndim
            else np.full(n_rows, loss)
        )


def load(name: str) -> Law:
    """The law of this name.

    Raises:
        ConfigError: there is no such law; the message names the nearest one and lists all.
    """
    law = plugins.load("laws", name).LAW
    assert isinstance(law, Law)
    return law
