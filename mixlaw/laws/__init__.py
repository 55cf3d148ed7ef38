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
of B parameter sets is given as arrays of shape (B, 1). Where a search fits several tables at once
every set has rows of its own: inputs of shape (B, n_rows), ``h`` of (n_corpora, B, n_rows).

=====  ================================================================================
``N``  non-embedding parameters, a count
``D``  CPT tokens seen, a count
``r``  share of the corpus **whose loss is predicted** (D-CPT's r): the domain share for
       a domain loss, one minus it for the general loss
``R``  share of **domain** data, whatever loss is predicted (CMR's R)
``h``  shares of all corpora, shape (n_corpora, n_rows), in the order of ``corpora``
``L0`` held-out loss of the base model before CPT, nats per token
``U``  distinct tokens of the loss's own corpus that the run could draw from, a count;
       +inf where unknown or never repeated
``P``  tokens that the base model was pre-trained on, a count
``lr`` peak learning rate of CPT over that of the base's pre-training
=====  ================================================================================

Counts reach ``terms`` divided by the law's ``units``, so coefficients are those of its paper.

A law of the kind ``takes="all"`` that has a finite value at D = 0 describes base models too, and is
fitted to their rows with the others, unless it starts from their loss (L0). A base model has no CPT
mixture: r, R and h are zero in its row, and the law must not depend on them at D = 0.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mixlaw import plugins
from mixlaw.errors import ConfigError, FitError

Array = NDArray[np.float64]
Params = Mapping[str, Any]
Inputs = Mapping[str, Array]

#: Name of the part of a formula whose coefficient is one.
OFFSET = "offset"

InputName = Literal["N", "D", "r", "R", "h", "L0", "U", "P", "lr"]

#: Rows of a runs table that a law describes: annealed ends of runs, checkpoints of trunks at
#: constant learning rate, or both and base models.
Takes = Literal["ends", "trunk", "all"]


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
        counts: unit in counts of N and D, as powers separated by blanks: ``D`` for a scale in
            tokens, ``N^alpha`` or ``D N^-k`` with the power in another parameter; "" if it has
            none. Linear amplitudes take up any unit and leave it empty.
        contrast: of a per-corpus parameter whether the first corpus has none: where only the
            differences between corpora count, it is the reference.
    """

    name: str
    low: float
    high: float
    meaning: str
    amplitude: Literal["nonneg", "free"] | None = None
    start: tuple[float, float] | None = None
    counts: str = ""
    contrast: bool = False


@dataclass(frozen=True)
class Claim:
    """A shape that the law has by construction: it is checked against the data and reported."""

    direction: Literal["decreasing", "increasing"]
    variable: InputName


@dataclass(frozen=True)
class Switch:
    """A constraint of a paper that a fit may impose, or lift; off unless asked for.

    Attributes:
        meaning: what it changes, for people.
        apply: called as ``apply(law, x)``: the changed law for these inputs (plain counts),
            itself a law to be fitted.
        restore: called as ``restore(law, params, x)``: the plain law's parameters that say the same
            as these of the changed one.
    """

    meaning: str
    apply: Callable[["Law", Inputs], "Law"]
    restore: Callable[["Law", Params, Inputs], dict[str, Any]] = lambda law, params, x: dict(params)


@dataclass(frozen=True)
class Law:
    """A law's specification; its module's docstring says the same to a person.

    Attributes:
        name: the plugin name.
        formula: the formula as text.
        source: paper and equation.
        inputs: which of the inputs above the formula needs.
        parameters: fixed parameters, in the order of the formula.
        terms: factors of the amplitudes, and the rest as ``OFFSET``; called as
            ``terms(params, inputs)``. A law without linear amplitudes is all ``OFFSET``.
        gradient: derivatives {(amplitude, nonlinear parameter): array} of these factors; pairs
            that are absent are zero.
        units: what a count is divided by before it reaches the formula.
        per_corpus: parameters that exist once per corpus, named ``stem.corpus``.
        claims: shapes the formula has by construction, to be checked against the data.
        expects: shapes the law is meant to have but has for some parameters only, to be checked
            on the fitted curve.
        needs_positive: inputs at whose zero the law has no finite value.
        switches: constraints a fit may impose or lift, by name.
        held: values of parameters to hold where an input takes a single level, because the data
            cannot tell their terms from a constant ({"N": {"A": 0.0, "alpha": 1.0}}); a stem
            stands for its parameters of all corpora. U counts as a single level where it is
            infinite throughout.
        takes: rows that the law describes: final losses (annealed rows), runs at constant learning
            rate (trunk rows), or both and the base models (tokens = 0).
        per_size: True if the law describes one model size at a time, whatever its inputs.
        knows_repeats: True if the formula says what repeated tokens are worth, so that its best
            share may be asked for without a cap on the passes over a corpus.
        minimum: minimum sensible data, for people.
        candidate: whether ``--law auto`` compares it unasked; False for variants of a law that is a
            candidate, and for laws that were never among the best on the tables they were tried on.
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
    expects: tuple[Claim, ...] = ()
    needs_positive: tuple[InputName, ...] = ()
    switches: Mapping[str, Switch] = field(default_factory=dict)
    held: Mapping[InputName, Mapping[str, float]] = field(default_factory=dict)
    takes: Takes = "ends"
    per_size: bool = False
    knows_repeats: bool = False
    minimum: str = ""
    candidate: bool = True

    def expand(self, corpora: Sequence[str] = ()) -> tuple[Parameter, ...]:
        """All parameters for these corpora: the fixed ones, then one per corpus and stem."""
        return self.parameters + tuple(
            replace(p, name=f"{p.name}.{corpus}")
            for p in self.per_corpus
            for corpus in corpora[p.contrast :]
        )

    def held_at_single(self, name: InputName, corpora: Sequence[str] = ()) -> dict[str, float]:
        """Values of the parameters to hold where this input takes a single level."""
        values = self.held.get(name, {})
        return {
            p.name: values[stem]
            for p in self.expand(corpora)
            if (stem := p.name.split(".", 1)[0]) in values
        }

    def pick(self, *names: str) -> tuple[Parameter, ...]:
        """These fixed parameters, for laws that are built from others."""
        known = {p.name: p for p in self.parameters}
        return tuple(known[name] for name in names)

    def admits(self, x: Inputs) -> NDArray[np.bool_]:
        """Rows at which the law has a finite value, as a mask of shape (n_rows,)."""
        mask = np.ones(count_rows(x), dtype=bool)
        for name in self.needs_positive:
            mask &= x[name] > 0
        return mask

    def scale(self, x: Inputs) -> dict[str, Array]:
        """Inputs in the law's units; what it does not need is dropped.

        Raises:
            FitError: an input is zero at which the law has no finite value.
        """
        for name in self.needs_positive:
            if not np.all(x[name] > 0):
                raise FitError(
                    f"The law '{self.name}' has no finite value at {name} = 0; "
                    "leave these points out, or choose a law that is anchored there."
                )
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
        return np.asarray(total + terms.get(OFFSET, 0.0) + np.zeros(count_rows(x)))


def count_rows(x: Inputs) -> int:
    """Number of rows that these inputs describe."""
    return int(next(iter(x.values())).shape[-1])


#: Laws that no package brings, by name: see :func:`provide`.
_provided: dict[str, Law] = {}


def load(name: str) -> Law:
    """The law of this name.

    Raises:
        ConfigError: there is no such law (the message names the nearest one and lists all), or its
            plugin declares none, or one of another name, under which no saved fit would find it.
    """
    if name in _provided:
        return _provided[name]
    law = getattr(plugins.load("laws", name), "LAW", None)
    if not isinstance(law, Law) or law.name != name:
        declared = f"a law named '{law.name}'" if isinstance(law, Law) else "no LAW of type Law"
        raise ConfigError(
            f"The plugin '{name}' of mixlaw.laws declares {declared}; it must declare LAW = "
            f"Law('{name}', ...)."
        )
    return law


def provide(law: Law) -> None:
    """Make a law that no package brings known by its name, for as long as this process lives.

    ``fit_laws(law=LAW)`` does that. A saved fit holds the law's name and parameters, not its
    formula, so in a later process the law is provided once more before the fit is loaded. A law of
    the same name that was provided before is replaced.

    Raises:
        ConfigError: the name is that of an installed law, or is no name of a plugin.
    """
    if law.name in plugins.available("laws"):
        if load(law.name) == law:
            return
        raise ConfigError(f"A law named '{law.name}' is installed; give yours another name.")
    if law.name == "auto" or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", law.name):
        raise ConfigError(
            f"'{law.name}' is no name for a law; use small letters, digits and '-', such as "
            "my-law, and not 'auto'."
        )
    _provided[law.name] = law
