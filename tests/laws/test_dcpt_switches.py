"""The paper's constraints as switches, and the shape check on the user's own grid."""

import numpy as np
import pytest

from mixlaw import laws
from mixlaw.laws import Claim, dcpt
from mixlaw.laws._dcpt_switches import c_zero
from mixlaw.testing.law_cases import broken_shapes

UNCONSTRAINED = {
    "E": 1.5, "A": 0.3, "B": 0.2, "C": 0.25, "alpha": 0.4, "beta": 0.3, "gamma": 0.6,
    "eta": 1.5, "eps": 0.1,
}  # fmt: skip
IN_R = Claim("decreasing", "r")


@pytest.fixture
def rows():
    N, D, r = np.meshgrid([5e8, 2e9], [2e8, 1e9, 2e10], np.linspace(0, 1, 11), indexing="ij")
    return {"N": N.ravel(), "D": D.ravel(), "r": r.ravel()}


def test_c_above_c_zero_describes_the_same_law(rows):
    switch = dcpt.LAW.switches["C>C0"]
    constrained = switch.apply(dcpt.LAW, rows)
    restored = switch.restore(dcpt.LAW, UNCONSTRAINED, rows)
    assert restored["C"] > c_zero(UNCONSTRAINED, 0.2)
    np.testing.assert_allclose(
        constrained.predict(UNCONSTRAINED, rows), dcpt.LAW.predict(restored, rows), rtol=1e-14
    )


def test_gradient_of_the_constrained_law_is_exact(rows):
    constrained = dcpt.LAW.switches["C>C0"].apply(dcpt.LAW, rows)
    x = constrained.scale(rows)
    gradient = constrained.gradient(UNCONSTRAINED, x)
    for name in ("alpha", "beta", "gamma", "eta", "eps"):
        step = 1e-6 * UNCONSTRAINED[name]
        up = constrained.terms(UNCONSTRAINED | {name: UNCONSTRAINED[name] + step}, x)
        down = constrained.terms(UNCONSTRAINED | {name: UNCONSTRAINED[name] - step}, x)
        for amplitude in ("A", "B", "C"):
            numeric = (up[amplitude] - down[amplitude]) / (2 * step)
            exact = gradient.get((amplitude, name), np.zeros_like(numeric))
            np.testing.assert_allclose(exact, numeric, rtol=1e-6, atol=1e-7)


def test_eta_above_one_moves_the_bound_only():
    bounded = dcpt.LAW.switches["eta>1"].apply(dcpt.LAW, {})
    assert {p.name: p.low for p in bounded.parameters}["eta"] == 1.0
    assert [p for p in bounded.parameters if p.name != "eta"] == [
        p for p in dcpt.LAW.parameters if p.name != "eta"
    ]


def test_both_constraints_together_give_the_trend_whatever_the_parameters(rows):
    rng = np.random.default_rng(7)
    law, steps = dcpt.LAW, []
    for name in ("eta>1", "C>C0"):
        steps.append((law, law.switches[name]))
        law = law.switches[name].apply(law, rows)
    bounds = {p.name: p.start or (0.0, 1.0) for p in law.parameters}
    for _ in range(200):
        params = {name: rng.uniform(*box) for name, box in bounds.items()}
        for before, switch in reversed(steps):
            params = switch.restore(before, params, rows)
        assert broken_shapes(dcpt.LAW, params, rows, [IN_R]) == ()


def test_shape_check_uses_the_grid_of_the_user(rows):
    assert broken_shapes(dcpt.LAW, UNCONSTRAINED, rows, dcpt.LAW.expects) == (IN_R,)
    few_tokens = rows["D"] < 1e9
    low_shares = rows["r"] <= 0.3
    tried = {name: values[low_shares & ~few_tokens] for name, values in rows.items()}
    assert broken_shapes(dcpt.LAW, UNCONSTRAINED, tried, dcpt.LAW.expects) == ()


def test_shape_check_of_an_anchored_law_ignores_the_base_loss():
    law = laws.load("hump")
    params = {
        "S": 0.3, "A": 0.1, "a": 3.0, "D1": 0.1, "beta": 1.0, "D0": 5.0, "alpha": 0.4,
        "kappa": 0.0, "lam": 0.0,
    }  # fmt: skip
    N, D, r = np.meshgrid([1e9, 3e9], [0.0, 1e8, 1e9], [0.0, 0.5, 1.0], indexing="ij")
    x = {"N": N.ravel(), "D": D.ravel(), "r": r.ravel(), "L0": 3 - N.ravel() / 1e10}
    assert broken_shapes(law, params, x, law.claims) == ()
    assert broken_shapes(law, params, x, [Claim("decreasing", "D")]) != ()
