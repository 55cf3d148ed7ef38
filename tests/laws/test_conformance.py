"""What every law must keep, run over every file in the laws room (and plugins from elsewhere)."""

from dataclasses import replace

import numpy as np
import pytest
from shape_grid import broken_shapes

from mixlaw import laws, plugins
from mixlaw.errors import FitError

NAMES = plugins.available("laws")
CORPORA = ("domain", "web", "books")
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


def _inputs(rng, n=17):
    h = rng.dirichlet(np.ones(len(CORPORA)), n).T
    return {
        "N": 10 ** rng.uniform(7, 10, n),
        "D": 10 ** rng.uniform(8, 10.5, n),
        "r": rng.uniform(0.02, 1, n),
        "R": rng.uniform(0.02, 1, n),
        "h": h,
        "L0": rng.uniform(2, 3, n),
        "U": np.where(rng.random(n) < 0.3, np.inf, 10 ** rng.uniform(7, 10, n)),
        "P": 10 ** rng.uniform(9, 13, n),
        "lr": 10 ** rng.uniform(-1, 0.5, n),
    }


def _random_params(law, rng, batch=()):
    """Parameters inside the bounds (nonlinear: inside the start box), of shape (*batch, 1)."""
    shape = (*batch, 1) if batch else ()
    params = {}
    for p in law.expand(CORPORA):
        if p.amplitude == "free":
            low, high = -0.5, 0.5
        elif p.amplitude == "nonneg":
            low, high = 0.0, 2.0
        else:
            low, high = p.start or (p.low, p.high)
        params[p.name] = rng.uniform(low, high, shape) if shape else float(rng.uniform(low, high))
    return params


@pytest.fixture(params=NAMES)
def law(request):
    return laws.load(request.param)


@pytest.fixture
def rng():
    return np.random.default_rng(20240606)


def test_name_is_file_name(law):
    module = plugins.load("laws", law.name)
    assert module.__name__.rsplit(".", 1)[-1].replace("_", "-") == law.name


def test_docstring_specifies_every_parameter_share_limits_and_source(law):
    doc = plugins.load("laws", law.name).__doc__
    for p in law.parameters + law.per_corpus:
        assert p.name in doc or GREEK.get(p.name, p.name) in doc, p.name
        assert p.meaning
    assert "Limits:" in doc or "limits" in doc
    assert law.source
    assert law.minimum
    assert law.formula
    if {"r", "R"} & set(law.inputs):
        assert "share of" in doc


def test_bounds_hold_start_boxes_and_names_are_unique(law):
    parameters = law.expand(CORPORA)
    assert len({p.name for p in parameters}) == len(parameters)
    for p in parameters:
        assert p.low < p.high
        if p.amplitude is None:
            low, high = p.start or (p.low, p.high)
            assert p.low <= low < high <= p.high
            assert np.isfinite([low, high]).all()
        else:
            assert p.low == (0.0 if p.amplitude == "nonneg" else -np.inf)
    for held in law.held.values():
        assert set(held) <= {p.name for p in law.parameters + law.per_corpus}


def test_terms_are_the_declared_amplitudes(law, rng):
    terms = law.terms(_random_params(law, rng), law.scale(_inputs(rng)))
    assert set(terms) - {laws.OFFSET} == {p.name for p in law.expand(CORPORA) if p.amplitude}


def test_gradient_matches_central_differences(law, rng):
    x = law.scale(_inputs(rng))
    nonlinear = [p for p in law.expand(CORPORA) if p.amplitude is None]
    for _ in range(10):
        params = _random_params(law, rng)
        gradient = law.gradient(params, x)
        assert {name for _, name in gradient} <= {p.name for p in nonlinear}
        for p in nonlinear:
            step = 1e-5 * max(abs(params[p.name]), 1e-3)
            up = law.terms({**params, p.name: params[p.name] + step}, x)
            down = law.terms({**params, p.name: params[p.name] - step}, x)
            for amplitude, value in law.terms(params, x).items():
                numeric = (np.asarray(up[amplitude]) - down[amplitude]) / (2 * step)
                exact = np.asarray(gradient.get((amplitude, p.name), 0.0))
                scale = np.abs(numeric).max() + 1e-6 * np.abs(value).max()
                assert np.abs(exact - numeric).max() <= 1e-6 * scale, (amplitude, p.name)


def test_batch_equals_loop(law, rng):
    x = _inputs(rng)
    batch = _random_params(law, rng, (4,))
    together = law.predict(batch, x)
    assert together.shape == (4, 17)
    scaled = law.scale(x)
    slopes = law.gradient(batch, scaled)
    for k in range(4):
        single = {name: float(value[k, 0]) for name, value in batch.items()}
        np.testing.assert_allclose(together[k], law.predict(single, x), rtol=1e-13)
        for pair, slope in law.gradient(single, scaled).items():
            whole = np.broadcast_to(slopes[pair], (4, 17))
            np.testing.assert_allclose(whole[k], np.broadcast_to(slope, 17), rtol=1e-12)


def _edge_inputs(law, rng):
    """Shares of zero and one and, where the law admits them, zero tokens."""
    x = _inputs(rng)
    if "r" not in law.needs_positive:
        x["r"][:2] = 0.0, 1.0
    if "R" not in law.needs_positive:
        x["R"][:2] = 0.0, 1.0
    x["h"][:, 0] = 1.0, 0.0, 0.0
    if "D" not in law.needs_positive:
        x["D"][2:4] = 0.0
    return x


def test_finite_wherever_it_says_so(law, rng):
    for _ in range(20):
        x = _edge_inputs(law, rng)
        params = _random_params(law, rng)
        assert law.admits(x).all()
        assert np.isfinite(law.predict(params, x)).all()
        for slope in law.gradient(params, law.scale(x)).values():
            assert np.isfinite(slope).all()


def test_bounds_of_nonlinear_parameters_are_finite_too(law, rng):
    x = _edge_inputs(law, rng)
    for _ in range(20):
        params = _random_params(law, rng)
        for p in law.expand(CORPORA):
            if p.amplitude is None:
                params[p.name] = p.low if rng.random() < 0.5 else p.high
        assert np.isfinite(law.predict(params, x)).all()
        for slope in law.gradient(params, law.scale(x)).values():
            assert np.isfinite(slope).all()


def test_zero_is_refused_in_words_where_the_law_diverges(law, rng):
    params = _random_params(law, rng)
    for name in law.needs_positive:
        x = _inputs(rng)
        x[name][3] = 0.0
        assert law.admits(x).tolist() == [i != 3 for i in range(17)]
        with pytest.raises(FitError, match=f"no finite value at {name} = 0"):
            law.predict(params, x)


def test_declared_claims_hold_inside_the_bounds(law, rng):
    for claim in law.claims:
        for _ in range(50):
            x, params = _inputs(rng, 2), _random_params(law, rng)
            low, high = {k: v[..., :1] for k, v in x.items()}, {k: v[..., :1] for k, v in x.items()}
            low[claim.variable], high[claim.variable] = (
                np.sort(x[claim.variable])[:1],
                np.sort(x[claim.variable])[1:],
            )
            rise = law.predict(params, high) - law.predict(params, low)
            assert (rise if claim.direction == "increasing" else -rise) >= -1e-12


def test_expectations_are_not_guaranteed(law, rng):
    """A shape that holds for every parameter belongs into ``claims``."""
    x = _inputs(rng, 40)
    for claim in law.expects:
        assert any(broken_shapes(law, _random_params(law, rng), x, [claim]) for _ in range(300))


def test_other_units_describe_the_same_curves(law, rng):
    """Exponents stay, token scales are converted, and amplitudes of the same sign exist."""
    x = _inputs(rng, 60)
    params = _random_params(law, rng)
    factor = 1000.0
    other = replace(law, units={k: v / factor for k, v in law.units.items()})
    rescaled = {
        p.name: params[p.name] * _unit(p.counts, factor, params) for p in law.expand(CORPORA)
    }
    terms = other.terms(rescaled, other.scale(x))
    offset = np.broadcast_to(terms.pop(laws.OFFSET, 0.0), 60)
    loss = law.predict(params, x)
    if not terms:
        np.testing.assert_allclose(offset, loss, rtol=1e-9)
        return
    columns = np.stack([np.broadcast_to(term, 60) for term in terms.values()], 1)
    size = np.abs(columns).max(0)
    amplitudes = np.linalg.lstsq(columns / size, loss - offset, rcond=1e-14)[0] / size
    np.testing.assert_allclose(offset + columns @ amplitudes, loss, rtol=1e-9)
    nonneg = [p.amplitude == "nonneg" for p in law.expand(CORPORA) if p.amplitude]
    assert (amplitudes[nonneg] * size[nonneg] >= -1e-7).all()


def _unit(counts, factor, params):
    """What a parameter of this unit is multiplied by where counts come out larger by a factor."""
    total = 1.0
    for part in counts.split():
        _, _, power = part.partition("^")
        sign = -1.0 if power.startswith("-") else 1.0
        total *= factor ** (sign * params[power.lstrip("-")] if power else 1.0)
    return total
