"""The D-CPT paper's worked figures (arXiv 2406.01375), and values computed from its formulas."""

from itertools import pairwise

import dcpt_paper
import numpy as np
import pytest
from truths.published import DCPT_TABLE_5, DCPT_TABLE_6

from mixlaw.fit.solver.problem import Model, Problem
from mixlaw.fit.solver.search import solve
from mixlaw.laws import chinchilla, dcpt
from mixlaw.laws._dcpt_switches import c_zero

LIMIT = 1.03 * 2.8602
#: Coefficients made up for these tests; the paper publishes none.
MADE_UP = {
    "E": 1.5,
    "A": 0.3,
    "B": 0.2,
    "C": 0.25,
    "alpha": 0.4,
    "beta": 0.3,
    "gamma": 0.6,
    "eta": 1.5,
    "eps": 0.1,
}
CONSTRAINED = MADE_UP | {"C": 1.121316}
D_MIN = 0.1311


def _predict(params, N, D, r):
    x = {"N": np.full(1, N * 1e9), "D": np.full(1, D * 1e9), "r": np.full(1, float(r))}
    return float(dcpt.LAW.predict(params, x)[0])


def test_usage_3_allocation():
    paper = chinchilla.Allocation(G=4.1282, a=0.6252, b=0.3748)
    assert paper.size(50.0) == pytest.approx(15.540, abs=5e-3)  # C = 5e19 in 1e9 x 1e9
    assert paper.tokens(50.0) == pytest.approx(0.5362, abs=2e-4)
    assert paper.size(50.0) * paper.tokens(50.0) == pytest.approx(8.333, abs=1e-3)
    assert paper.a + paper.b == pytest.approx(1)
    assert paper.b / paper.a == pytest.approx(0.5995, abs=1e-4)


def test_allocation_constants_follow_from_coefficients():
    """Coefficients made to have the paper's a, b and G give its optimum, which is a minimum."""
    beta = 0.5
    alpha = beta * 0.3748 / 0.6252
    r, eta = 0.5, 1.5
    data = 0.2 * r**eta
    size = data * beta / alpha * 4.1282 ** (alpha + beta)
    law = dcpt_paper.at_ratio({**MADE_UP, "A": size, "B": 0.2, "alpha": alpha, "beta": beta}, r)
    best = chinchilla.allocation(law["A"], law["B"], law["alpha"], law["beta"])
    assert (best.a, best.b, best.G) == pytest.approx((0.6252, 0.3748, 4.1282), rel=1e-12)
    losses = [
        law["A"] / N**alpha + law["B"] / (50 / 6 / N) ** beta
        for N in best.size(50.0) * np.array([0.99, 1.0, 1.01])
    ]
    assert np.argmin(losses) == 1


def test_usage_1_on_the_measured_rows():
    shares, general, domain = DCPT_TABLE_5
    assert pytest.approx(2.94601, abs=5e-6) == LIMIT
    feasible = shares[general < LIMIT]
    assert feasible.tolist() == [0.90, 0.91, 0.92, 0.924]
    best = np.argmin(np.where(general < LIMIT, domain, np.inf))
    assert (shares[best], domain[best]) == (0.924, 1.7291)
    assert np.interp(LIMIT, general, shares) == pytest.approx(0.9245, abs=5e-5)


@pytest.mark.parametrize("delta", [np.inf, 1e-3])
def test_usage_1_from_the_slice_that_is_left_at_one_size_and_budget(delta):
    shares, general, _ = DCPT_TABLE_5
    x = {"N": np.full(7, 1.8e9), "D": np.full(7, 1e10), "r": 1 - shares}
    held = {**dcpt.LAW.held["N"], **dcpt.LAW.held["D"]}
    model = Model(dcpt.LAW, x, held=held)
    fit = solve(Problem(model, general, np.ones(7), delta), 64)
    params = dict(zip(model.names, model.full(fit.theta[:1])[0], strict=True))
    grid = np.linspace(0.9, 0.95, 5001)
    loss = dcpt.LAW.predict(
        params, {"N": np.full(5001, 1.8e9), "D": np.full(5001, 1e10), "r": 1 - grid}
    )
    assert grid[loss < LIMIT].max() == pytest.approx(0.924, abs=5e-4)
    rmse = np.sqrt(np.mean((model.loss(fit.theta[:1])[0] - general) ** 2))
    assert rmse <= 0.00205


def test_usage_1_prediction_errors():
    _, general, domain = DCPT_TABLE_5
    assert 2.9458 / general[3] - 1 == pytest.approx(4e-4, abs=5e-5)
    assert 1 - 1.7284 / domain[3] == pytest.approx(4e-4, abs=5e-5)


def test_usage_2_on_the_measured_rows():
    shares, domain = DCPT_TABLE_6
    best = np.argmin(domain)
    assert (shares[best], domain[best]) == (0.732, 0.7309)
    assert 5 / shares[best] == pytest.approx(6.83, abs=5e-3)
    assert 0.7328 / domain[best] - 1 == pytest.approx(26e-4, abs=5e-5)
    grid = np.linspace(shares[0], shares[-1], 6001)
    smooth = np.polyval(np.polyfit(shares, domain, 3), grid)
    assert grid[smooth.argmin()] == pytest.approx(0.78, abs=5e-3)


def test_steps_and_tokens():
    assert pytest.approx(D_MIN * 1e9, rel=3e-4) == 1_000 * dcpt_paper.STEP
    assert pytest.approx(26.21e9, rel=3e-4) == 200_000 * dcpt_paper.STEP


@pytest.mark.parametrize(
    ("setting", "loss"),
    [((1.8, 10, 0.5), 2.112247), ((0.5, 0.1311, 0), 2.891120), ((4, 26.2144, 1), 1.983480)],
)
def test_values_of_the_law(setting, loss):
    assert _predict(MADE_UP, *setting) == pytest.approx(loss, abs=5e-7)


def test_constraint_makes_the_law_fall_with_the_share():
    assert float(c_zero(MADE_UP, D_MIN)) == pytest.approx(1.071316, abs=5e-7)
    r, step = np.linspace(1e-4, 1, 4001), 1e-6
    slopes = [
        (_predict(CONSTRAINED, 1, D_MIN, s + step) - _predict(CONSTRAINED, 1, D_MIN, s - step))
        / (2 * step)
        for s in r
    ]
    assert max(slopes) == pytest.approx(-0.0258, abs=5e-5)


def test_usage_2_contradicts_the_constraint():
    assert dcpt_paper.interior_threshold(CONSTRAINED) == pytest.approx(0.20678, abs=5e-6)
    assert dcpt_paper.limited_domain_optimum(CONSTRAINED, 0.1) == pytest.approx(0.9076, abs=5e-5)
    assert dcpt_paper.limited_domain_optimum(CONSTRAINED, 0.05) == pytest.approx(0.8269, abs=5e-5)
    assert dcpt_paper.limited_domain_optimum(CONSTRAINED, 5.0) == 1.0


def test_usage_2_optimum_is_a_minimum_of_the_law():
    best = dcpt_paper.limited_domain_optimum(CONSTRAINED, 0.05)
    losses = [_predict(CONSTRAINED, 1.8, 0.05 / r, r) for r in np.linspace(0.4, 1.0, 25)]
    assert _predict(CONSTRAINED, 1.8, 0.05 / best, best) <= min(losses)
    slopes = np.diff(losses)
    assert all(a <= b + 1e-12 for a, b in pairwise(slopes)), "convex in r"
