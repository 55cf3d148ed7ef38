"""The CMR paper's worked figures (arXiv 2407.17467), and what follows from its tables."""

import cmr_paper
import numpy as np
import pytest
from truths.published import CMR_TABLE_2, CMR_TABLE_4, CMR_TABLE_5, domain_change, general_change

from mixlaw.fit.solver.problem import Model, Problem
from mixlaw.fit.solver.search import solve
from mixlaw.laws import cmr
from mixlaw.recommend.rules import crossing

T_MAX = 20e9 / cmr.UNIT
T = np.geomspace(1e-9, 1e5, 40_001)


def _general_slope(size, ratio):
    a1, s1, a2, s2, _ = CMR_TABLE_4[size][ratio][:5]
    return cmr_paper.power_slope(T, a1, s1) + cmr_paper.power_slope(T, a2, s2)


def _domain_slope(size, ratio):
    a3, s3, _ = CMR_TABLE_4[size][ratio][5:]
    return cmr_paper.power_slope(T, a3, s3)


def _turning_point(size, ratio):
    return float(crossing.turning_point(T, _general_slope(size, ratio)))


@pytest.mark.parametrize("size", CMR_TABLE_5)
def test_cmr_law_gives_the_published_ratios(size):
    *coefficients, published = CMR_TABLE_5[size]
    recomputed = {"460M": 0.2976, "940M": 0.3489, "1.6B": 0.4143, "3.1B": 0.4783}[size]
    ratio = float(cmr_paper.r_cmr(T_MAX, *coefficients))
    assert ratio == pytest.approx(recomputed, abs=5e-5)
    assert ratio == pytest.approx(published, abs=5e-4)


def test_unit_of_tokens():
    assert pytest.approx(100) == T_MAX
    assert pytest.approx(250) == 50e9 / cmr.UNIT  # the paper's Fig. 5 caption says 500B


@pytest.mark.parametrize(
    ("size", "zero"), [("460M", 16.8), ("940M", 12.7), ("1.6B", 13.6), ("3.1B", 13.7)]
)
def test_cmr_law_is_clipped(size, zero):
    coefficients = CMR_TABLE_5[size][:3]
    assert cmr_paper.r_cmr(zero - 0.1, *coefficients) == 0
    assert cmr_paper.r_cmr(zero + 0.1, *coefficients) > 0
    assert cmr_paper.r_cmr(1e9, *CMR_TABLE_5["1.6B"][:3]) == 1


@pytest.mark.parametrize(
    ("size", "by_hand", "shape"),
    [
        ("460M", 1.5561, 0.178),
        ("940M", 1.4538, 0.179),
        ("1.6B", 1.3993, 0.198),
        ("3.1B", 1.3306, 0.163),
    ],
)
def test_law_in_the_ratio_predicts_the_share_left_out(size, by_hand, shape):
    from scipy.optimize import least_squares

    shares = np.array([1, 3 / 4, 1 / 2, 1 / 3])
    losses = np.array(CMR_TABLE_2[size][:4])
    fit = least_squares(
        lambda p: cmr_paper.power_law(shares, *p) - losses, [-1.0, 0.2, 2.5], xtol=1e-15, ftol=1e-15
    )
    predicted = float(cmr_paper.power_law(0.25, *fit.x))
    assert predicted == pytest.approx(by_hand, abs=6e-5)
    assert predicted == pytest.approx(CMR_TABLE_2[size][4], rel=6e-4)
    assert fit.x[1] == pytest.approx(shape, abs=1e-3)
    assert fit.x[0] < 0


def test_changes_and_turning_point_at_one_quarter():
    assert general_change("460M", 0.25, 100.0) == pytest.approx(0.0078, abs=5e-5)
    assert domain_change("460M", 0.25, 100.0) == pytest.approx(-0.3629, abs=5e-5)
    turn = _turning_point("460M", 0.25)
    assert turn == pytest.approx(79.9, abs=0.1)
    assert general_change("460M", 0.25, turn) == pytest.approx(0.0078, abs=5e-5)


@pytest.mark.parametrize(("lam", "turn"), [(100, 62.4), (1000, 78.1), (7000, 79.6)])
def test_turning_point_for_finite_lambda_is_the_last_crossing(lam, turn):
    slope = _domain_slope("460M", 0.25) + lam * _general_slope("460M", 0.25)
    assert slope[0] < 0, "F falls at first, so its first crossing is no turning point"
    assert float(crossing.turning_point(T, slope)) == pytest.approx(turn, abs=0.1)


@pytest.mark.parametrize("lam", [10, 30])
def test_small_lambda_never_rises(lam):
    slope = _domain_slope("460M", 0.25) + lam * _general_slope("460M", 0.25)
    assert crossing.turning_point(T, slope) == 0


@pytest.mark.parametrize(
    ("size", "turns"),
    [
        ("460M", {0.5: 233.5, 1 / 3: 117.1, 0.25: 79.9, 0.125: 39.8}),
        ("3.1B", {0.5: 114.7, 1 / 3: 44.0, 0.25: 30.8, 0.125: 20.1}),
    ],
)
def test_turning_points_and_feasibility(size, turns):
    for ratio, turn in turns.items():
        assert _turning_point(size, ratio) == pytest.approx(turn, rel=2e-3)
        feasible = _turning_point(size, ratio) <= T_MAX
        by_curve = ratio <= cmr_paper.r_cmr(T_MAX, *CMR_TABLE_5[size][:3])
        assert feasible == by_curve == (ratio <= (0.25 if size == "460M" else 1 / 3))


@pytest.mark.parametrize("size", CMR_TABLE_5)
def test_feasibility_from_the_cmr_law(size):
    ratio = cmr_paper.r_cmr(T_MAX, *CMR_TABLE_5[size][:3])
    assert 0.25 <= ratio < 0.5
    assert (ratio >= 1 / 3) == (size != "460M")


@pytest.mark.parametrize("size", CMR_TABLE_4)
def test_the_tolerance_of_the_paper_never_binds_below_share_one(size):
    for ratio in CMR_TABLE_4[size]:
        assert (general_change(size, ratio, T_MAX) <= 0.05) == (ratio < 1)


@pytest.mark.parametrize(("size", "low", "high"), [("460M", 1.919, 1.924), ("3.1B", 1.792, 1.800)])
def test_base_losses_implied_by_two_tables_agree(size, low, high):
    shares = (1.0, 0.75, 0.5, 1 / 3, 0.25)
    implied = [
        loss - float(domain_change(size, share, T_MAX))
        for share, loss in zip(shares, CMR_TABLE_2[size], strict=True)
    ]
    assert max(implied) - min(implied) <= 0.009
    assert low - 5e-4 <= min(implied)
    assert max(implied) <= high + 5e-4


@pytest.mark.parametrize(("size", "published"), [("460M", 0.298), ("3.1B", 0.478)])
@pytest.mark.parametrize("largest", [0.5, 0.75])
def test_joint_law_fitted_to_published_curves_gives_the_published_ratio(size, published, largest):
    ratios = [ratio for ratio in CMR_TABLE_4[size] if ratio <= largest]
    tokens = np.geomspace(1, 100, 30)
    x = {
        "D": np.tile(tokens, len(ratios)) * cmr.UNIT,
        "r": 1 - np.repeat(ratios, len(tokens)),
        "L0": np.full(len(ratios) * len(tokens), 2.5),
    }
    change = np.concatenate([general_change(size, ratio, tokens) for ratio in ratios])
    model = Model(cmr.LAW, x)
    best = solve(Problem(model, x["L0"] + change, np.ones(len(change)), np.inf), 128).theta[:1]
    params = dict(zip(model.names, model.full(best)[0], strict=True))

    shares, times = np.linspace(0.05, 0.7, 131), np.geomspace(2, 400, 400)
    grid = {
        "D": np.tile(times, len(shares)) * cmr.UNIT,
        "r": 1 - np.repeat(shares, len(times)),
        "L0": np.full(len(shares) * len(times), 2.5),
    }
    curves = cmr.LAW.predict(params, grid).reshape(len(shares), len(times))
    turns = crossing.turning_point(times, np.gradient(curves, np.log(times), axis=1))
    assert float(cmr_paper.critical_ratio(shares, turns, T_MAX)) == pytest.approx(
        published, abs=0.01
    )


def test_critical_ratio_inverts_the_turning_points():
    shares = np.linspace(0.05, 0.95, 19)
    turns = np.stack([10 * np.exp(4 * shares), 20 * np.exp(4 * shares)])
    ratios = cmr_paper.critical_ratio(shares, turns, 100.0)
    np.testing.assert_allclose(ratios, [np.log(10) / 4, np.log(5) / 4], rtol=1e-12)


def test_critical_ratio_at_the_ends():
    shares = np.array([0.1, 0.2, 0.3])
    turns = np.array([[200, 300, np.inf], [0, 0, 0], [0, 50, np.inf], [0, 200, np.inf]])
    found = cmr_paper.critical_ratio(shares, turns, 100.0)
    assert np.isnan(found[0])
    assert found[1:].tolist() == [0.3, 0.2, 0.1]
