"""What every law keeps: bounds, an exact gradient, batches, finite values, its shape claims."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mixlaw.errors import FitError
from mixlaw.laws import OFFSET, Inputs, Law, Params
from mixlaw.testing.conformance import ConformanceError, require
from mixlaw.testing.law_cases import (
    CORPORA,
    N_ROWS,
    SEED,
    broken_shapes,
    conversion,
    edge_inputs,
    random_inputs,
    random_parameters,
)

#: How a docstring may write a parameter's name.
GREEK = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "eta": "η",
    "eps": "ε",
    "phi": "φ",
    "sigma": "σ",
    "kappa": "κ",
}


def check_law(law: Law, specification: str | None = None) -> None:
    """Check a law: everything that fits, intervals and recommendations rely on.

    It needs nothing but the law: parameters and rows are drawn. Checked are: that bounds, start
    boxes and names are in order; that ``terms`` returns the declared amplitudes; that ``gradient``
    equals central differences to 1e-6; that a batch equals its members; that values and slopes are
    finite wherever ``admits`` says so, at the bounds too, and are refused in words elsewhere; that
    claims hold for all drawn parameters, and expectations do not; that a law of base models does
    not depend on a mixture there; that other units describe the same curves.

    Args:
        law: the law.
        specification: the docstring of its module, which ``mixlaw laws NAME`` prints; if given, it
            has to name every parameter and the limits, and to say whose share it means.

    Raises:
        ConformanceError: the law breaks one of these.
    """
    for check in CHECKS:
        check(law)
    if specification is not None:
        specification_is_complete(law, specification)


def specification_is_complete(law: Law, specification: str) -> None:
    """The text names every parameter and the limits, and says whose share it means."""
    for p in law.parameters + law.per_corpus:
        named = p.name in specification or GREEK.get(p.name, p.name) in specification
        require(named, f"The docstring of '{law.name}' does not name its parameter {p.name}.")
    require(
        "limits" in specification.lower(),
        f"The docstring of '{law.name}' has no 'Limits:': where it is not to be trusted.",
    )
    if {"r", "R"} & set(law.inputs):
        require(
            "share of" in specification,
            f"The docstring of '{law.name}' does not say which corpus its 'share of' is.",
        )


def describes_itself(law: Law) -> None:
    """Formula, source, minimum data and the meaning of every parameter are given."""
    for name in ("name", "formula", "source", "minimum"):
        require(getattr(law, name), f"The law '{law.name}' has no {name}.")
    for p in law.parameters + law.per_corpus:
        require(p.meaning, f"The parameter {p.name} of '{law.name}' has no meaning in words.")


def bounds_are_in_order(law: Law) -> None:
    """Names are unique, bounds and start boxes in order; amplitudes have the bounds of theirs."""
    parameters = law.expand(CORPORA)
    require(
        len({p.name for p in parameters}) == len(parameters),
        f"Two parameters of '{law.name}' have the same name.",
    )
    for p in parameters:
        require(p.low < p.high, f"The bounds of {p.name} of '{law.name}' are not in order.")
        if p.amplitude is None:
            low, high = p.start or (p.low, p.high)
            require(
                p.low <= low < high <= p.high and np.isfinite([low, high]).all(),
                f"The nonlinear parameter {p.name} of '{law.name}' needs a finite start box inside "
                "its bounds.",
            )
        else:
            lowest = 0.0 if p.amplitude == "nonneg" else -np.inf
            require(
                p.low == lowest,
                f"The amplitude {p.name} of '{law.name}' is {p.amplitude}, so its lower bound is "
                f"{lowest:g}.",
            )
    known = {p.name for p in law.parameters + law.per_corpus}
    for variable, held in law.held.items():
        require(
            set(held) <= known,
            f"'{law.name}' holds parameters that it does not have at one {variable}.",
        )


def terms_are_the_amplitudes(law: Law) -> None:
    """``terms`` returns a factor for every declared amplitude, and no other."""
    rng = np.random.default_rng(SEED)
    terms = set(law.terms(random_parameters(law, rng), law.scale(random_inputs(rng)))) - {OFFSET}
    declared = {p.name for p in law.expand(CORPORA) if p.amplitude}
    require(
        terms == declared,
        f"'{law.name}' returns terms of {', '.join(sorted(terms))} and declares amplitudes "
        f"{', '.join(sorted(declared))}.",
    )


def gradient_is_exact(law: Law) -> None:
    """The gradient agrees with central differences to 1e-6 of its size."""
    rng = np.random.default_rng(SEED)
    x = law.scale(random_inputs(rng))
    nonlinear = [p.name for p in law.expand(CORPORA) if p.amplitude is None]
    for _ in range(10):
        params = random_parameters(law, rng)
        gradient, terms = law.gradient(params, x), law.terms(params, x)
        require(
            {name for _, name in gradient} <= set(nonlinear),
            f"The gradient of '{law.name}' is by something that is no nonlinear parameter.",
        )
        for name in nonlinear:
            step = 1e-5 * max(abs(params[name]), 1e-3)
            up = law.terms({**params, name: params[name] + step}, x)
            down = law.terms({**params, name: params[name] - step}, x)
            for amplitude, value in terms.items():
                numeric = (np.asarray(up[amplitude]) - down[amplitude]) / (2 * step)
                error = np.abs(np.asarray(gradient.get((amplitude, name), 0.0)) - numeric).max()
                size = np.abs(numeric).max() + 1e-6 * np.abs(value).max()
                # Differences of rounded numbers are no better than this.
                rounding = 4 * np.finfo(float).eps * np.abs(value).max() / step
                require(
                    error <= 1e-6 * size + rounding,
                    f"The gradient of '{law.name}' of the term {amplitude} by {name} is off by "
                    f"{error:.2g} where central differences are about {size:.2g}.",
                )


def a_batch_equals_its_members(law: Law) -> None:
    """Parameters of shape (B, 1) give what B single calls give, losses and slopes."""
    rng = np.random.default_rng(SEED)
    x, batch = random_inputs(rng), random_parameters(law, rng, (4,))
    together, scaled = law.predict(batch, x), law.scale(x)
    require(
        together.shape == (4, N_ROWS),
        f"A batch of 4 parameter sets of '{law.name}' at {N_ROWS} rows has the shape "
        f"{together.shape}.",
    )
    slopes = law.gradient(batch, scaled)
    for k in range(4):
        single = {name: float(value[k, 0]) for name, value in batch.items()}
        require(
            np.allclose(together[k], law.predict(single, x), rtol=1e-13, atol=0),
            f"A batch of '{law.name}' and its members predict different losses.",
        )
        for pair, slope in law.gradient(single, scaled).items():
            whole = np.broadcast_to(slopes[pair], (4, N_ROWS))[k]
            require(
                np.allclose(whole, np.broadcast_to(slope, N_ROWS), rtol=1e-12, atol=0),
                f"A batch of '{law.name}' and its members have different slopes {pair}.",
            )


def sets_may_have_rows_of_their_own(law: Law) -> None:
    """Inputs of shape (B, n_rows), and rows that repeat, give what single tables of rows give."""
    rng = np.random.default_rng(SEED)
    tables, batch = [random_inputs(rng) for _ in range(3)], random_parameters(law, rng, (3,))
    x = {name: np.stack([table[name] for table in tables], axis=-2) for name in tables[0]}
    together, slopes = law.predict(batch, x), law.gradient(batch, law.scale(x))
    for k, table in enumerate(tables):
        single = {name: float(value[k, 0]) for name, value in batch.items()}
        alone = law.predict(single, table)
        again = law.predict(single, {name: np.tile(v, 4) for name, v in table.items()})
        require(
            np.allclose(together[k], alone, rtol=1e-13, atol=0)
            and np.allclose(again, np.tile(alone, 4), rtol=1e-13, atol=0),
            f"'{law.name}' predicts other losses where every parameter set has rows of its own, "
            "or where rows repeat.",
        )
        for pair, slope in law.gradient(single, law.scale(table)).items():
            whole = np.broadcast_to(slopes[pair], (3, N_ROWS))[k]
            require(
                np.allclose(whole, np.broadcast_to(slope, N_ROWS), rtol=1e-12, atol=0),
                f"'{law.name}' has other slopes {pair} where every set has rows of its own.",
            )


def finite_where_it_admits(law: Law) -> None:
    """Losses and slopes are finite at shares of 0 and 1 and, if admitted, at 0 tokens."""
    rng = np.random.default_rng(SEED)
    for _ in range(20):
        x, params = edge_inputs(law, rng), random_parameters(law, rng)
        require(law.admits(x).all(), f"'{law.name}' does not admit rows that it says it takes.")
        _require_finite(law, params, x, "inside its start box")


def finite_at_its_bounds(law: Law) -> None:
    """Losses and slopes are finite where every nonlinear parameter is at a bound."""
    rng = np.random.default_rng(SEED)
    x = edge_inputs(law, rng)
    for _ in range(20):
        params = random_parameters(law, rng)
        for p in law.expand(CORPORA):
            if p.amplitude is None:
                params[p.name] = p.low if rng.random() < 0.5 else p.high
        _require_finite(law, params, x, "at its bounds")


def _require_finite(law: Law, params: Params, x: Inputs, where: str) -> None:
    with np.errstate(all="ignore"):  # what numpy warns of is asked for in the next line
        values = [law.predict(params, x), *law.gradient(params, law.scale(x)).values()]
    require(
        all(np.isfinite(value).all() for value in values),
        f"'{law.name}' has a loss or a slope that is not finite {where}; {dict(params)}.",
    )


def zero_is_refused_where_it_diverges(law: Law) -> None:
    """An input of ``needs_positive`` at zero is not admitted, and is refused in words."""
    rng = np.random.default_rng(SEED)
    params = random_parameters(law, rng)
    for name in law.needs_positive:
        x = random_inputs(rng)
        x[name][3] = 0.0
        require(
            law.admits(x).tolist() == [i != 3 for i in range(N_ROWS)],
            f"'{law.name}' needs a positive {name} and does not leave out the row without.",
        )
        try:
            law.predict(params, x)
        except FitError as error:
            message = str(error)
        else:
            raise ConformanceError(f"'{law.name}' needs a positive {name} and predicts at zero.")
        require(
            f"no finite value at {name} = 0" in message,
            f"'{law.name}' does not say that it has no finite value at {name} = 0: {message}",
        )


def claims_hold(law: Law) -> None:
    """Shapes that the law claims hold for all drawn parameters and pairs of settings."""
    rng = np.random.default_rng(SEED)
    for claim in law.claims:
        for _ in range(50):
            x, params = random_inputs(rng, 2), random_parameters(law, rng)
            low, high = ({name: v[..., :1] for name, v in x.items()} for _ in range(2))
            ends = np.sort(x[claim.variable])
            low[claim.variable], high[claim.variable] = ends[:1], ends[1:]
            rise = (law.predict(params, high) - law.predict(params, low)).item()
            require(
                (rise if claim.direction == "increasing" else -rise) >= -1e-12,
                f"'{law.name}' claims to be {claim.direction} in {claim.variable} and changes by "
                f"{rise:+.3g} with {params}.",
            )


def a_base_has_no_mixture(law: Law) -> None:
    """A law of base models too does not depend on shares at 0 tokens."""
    if law.takes != "all" or "D" in law.needs_positive:
        return
    rng = np.random.default_rng(SEED)
    x, params = random_inputs(rng), random_parameters(law, rng)
    x["D"][:] = 0.0
    other = x | {name: random_inputs(rng)[name] for name in ("r", "R", "h")}
    require(
        np.allclose(law.predict(params, x), law.predict(params, other), rtol=1e-12, atol=0),
        f"'{law.name}' depends on the mixture at 0 tokens, where base models have none.",
    )


def expectations_are_no_claims(law: Law) -> None:
    """A shape that holds for every parameter belongs into ``claims``, not into ``expects``."""
    rng = np.random.default_rng(SEED)
    x = random_inputs(rng, 40)
    for claim in law.expects:
        broken = (broken_shapes(law, random_parameters(law, rng), x, [claim]) for _ in range(300))
        require(
            any(broken),
            f"'{law.name}' is {claim.direction} in {claim.variable} whatever its parameters: "
            "declare that as a claim, not as an expectation.",
        )


def other_units_describe_the_same_curves(law: Law) -> None:
    """Exponents stay, scales are converted, and amplitudes of the same sign exist."""
    rng = np.random.default_rng(SEED)
    x, params = random_inputs(rng, 60), random_parameters(law, rng)
    factor = 1000.0
    other = replace(law, units={name: unit / factor for name, unit in law.units.items()})
    rescaled = {
        p.name: params[p.name] * conversion(p.counts, factor, params) for p in law.expand(CORPORA)
    }
    terms = other.terms(rescaled, other.scale(x))
    offset = np.broadcast_to(terms.pop(OFFSET, 0.0), 60)
    loss = law.predict(params, x)
    if not terms:
        require(np.allclose(offset, loss, rtol=1e-9, atol=0), _other_units(law))
        return
    columns = np.stack([np.broadcast_to(term, 60) for term in terms.values()], 1)
    size = np.abs(columns).max(0)
    amplitudes = np.linalg.lstsq(columns / size, loss - offset, rcond=1e-14)[0]
    same = np.allclose(offset + columns / size @ amplitudes, loss, rtol=1e-9, atol=0)
    require(same, _other_units(law))
    nonneg = [p.amplitude == "nonneg" for p in law.expand(CORPORA) if p.amplitude]
    require(
        (amplitudes[nonneg] >= -1e-7).all(),
        f"'{law.name}' needs an amplitude of another sign with counts in other units.",
    )


def _other_units(law: Law) -> str:
    return (
        f"'{law.name}' cannot describe the same curves with counts in other units; give parameters "
        "that have a count's unit their 'counts'."
    )


CHECKS: tuple[Callable[[Law], None], ...] = (
    describes_itself,
    bounds_are_in_order,
    terms_are_the_amplitudes,
    gradient_is_exact,
    a_batch_equals_its_members,
    sets_may_have_rows_of_their_own,
    finite_where_it_admits,
    finite_at_its_bounds,
    zero_is_refused_where_it_diverges,
    claims_hold,
    a_base_has_no_mixture,
    expectations_are_no_claims,
    other_units_describe_the_same_curves,
)
