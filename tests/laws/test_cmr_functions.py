"""Turning points, and how critical ratios are carried to another size."""

import joint_cmr
import numpy as np
import pytest

from mixlaw.errors import NotIdentifiedError
from mixlaw.laws import cmr
from mixlaw.recommend.rules import crossing

T = np.geomspace(1, 1000, 3001)
SIZES = np.array([1e8, 4e8, 1.6e9])


def test_turning_point_of_a_hump_is_its_top():
    top = 37.0
    slope = np.log(top) - np.log(T)
    assert float(crossing.turning_point(T, slope)) == pytest.approx(top, rel=1e-12)


def test_turning_point_is_zero_where_loss_only_falls_and_infinite_where_it_still_rises():
    slope = np.stack([-np.ones_like(T), np.ones_like(T), np.log(T) - 3])
    assert crossing.turning_point(T, slope).tolist() == [0.0, np.inf, np.inf]


def test_turning_point_is_the_last_of_several():
    x = np.log(T)
    slope = -(x - 1) * (x - 2) * (x - 4) * (x - 5.5)  # - + - + -
    assert float(crossing.turning_point(T, slope)) == pytest.approx(np.exp(5.5), rel=1e-5)


def test_ratio_is_carried_to_another_size_by_laws_that_differ():
    ratios = np.array([0.2, 0.3, 0.4])
    carried = crossing.carry_ratio(SIZES, ratios, 6.4e9)
    assert float(carried["linear"]) == pytest.approx(0.5)
    assert 0.4 < float(carried["logistic"]) < 0.53
    assert float(carried["largest"]) == 0.4
    draws = np.stack([ratios, [0.2, 0.5, 0.9]])
    far = crossing.carry_ratio(SIZES, draws, 1e12)
    assert far["linear"].tolist() == [pytest.approx(0.8644, abs=1e-4), 1.0]
    assert all(((values >= 0) & (values <= 1)).all() for values in far.values())


def test_two_sizes_cannot_say_anything_of_a_third():
    with pytest.raises(NotIdentifiedError, match="at least 3 sizes"):
        crossing.carry_ratio(SIZES[:2], np.array([0.2, 0.3]), 1e10)


def test_turning_point_of_the_joint_law_is_where_its_curve_turns():
    params = {
        "b1": -0.01, "b0": 0.02, "p1": -0.004, "p0": 0.03, "q1": 0.002, "q0": 0.006,
        "eps": 0.3, "gamma": 0.6,
    }  # fmt: skip
    r = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    fine = np.geomspace(1e-3, 1e3, 20_001)
    for s in (-0.4, 0.0, 0.5):
        rows = {
            "D": np.tile(fine, len(r)) * cmr.UNIT,
            "r": np.repeat(r, len(fine)),
            "L0": np.full(len(r) * len(fine), 2.0),
        }
        loss = cmr.LAW.predict(params | {"s": s}, rows).reshape(len(r), -1)
        turns = crossing.turning_point(fine, np.gradient(loss, np.log(fine), axis=1))
        np.testing.assert_allclose(joint_cmr.turning_point(params, r), turns, rtol=1e-5)


def test_turning_point_of_the_joint_law_at_its_limits():
    params = {"eps": 0.1, "gamma": 1.0, "q1": 0.0, "q0": 0.0}
    shares = np.array([0.0, 1.0])
    turns = joint_cmr.turning_point(params | {"p1": -1.0, "p0": 1.0}, shares)
    assert turns.tolist() == [np.inf, 0.0]


def test_token_terms_are_smooth_through_a_zero_exponent():
    """(T^s - 1)/s and its derivatives, against their closed forms far from s = 0."""
    rows = {"D": T * cmr.UNIT, "r": np.full(len(T), 0.3), "L0": np.full(len(T), 2.0)}
    x = cmr.LAW.scale(rows)
    log_t = np.log(T)
    own = cmr.LAW.terms({"s": 0.0, "eps": 0.1, "gamma": 1.0}, x)["b1"]

    def term(s, name):
        return cmr.LAW.terms({"s": s, "eps": 0.1, "gamma": 1.0}, x)[name]

    for s in (-1.2, -0.3, 0.4, 1.3):
        np.testing.assert_allclose(term(s, "p1") / own, (T**s - 1) / s, rtol=1e-12)
        closed = (T**s * log_t - (T**s - 1) / s) / s
        np.testing.assert_allclose(-term(s, "q1") / own, closed, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(term(0.0, "p1") / own, log_t, rtol=1e-15)
    np.testing.assert_allclose(-term(0.0, "q1") / own, log_t**2 / 2, rtol=1e-14)
    np.testing.assert_allclose(term(1e-9, "q1"), term(0.0, "q1"), rtol=1e-7)
