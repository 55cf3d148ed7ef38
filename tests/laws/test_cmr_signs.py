"""Signs of the CMR law's amplitudes: q is held at or above zero unless the switch frees it."""

import joint_cmr
import numpy as np
import pytest

from mixlaw.fit.row_fit import Settings, fit_rows
from mixlaw.fit.selection import Rows
from mixlaw.laws import cmr

FREE = ("q<0",)
#: A general loss that rises ever faster at share one of the domain (r = 0) and turns elsewhere.
RISING = {
    "b1": 0.0, "b0": 0.005, "p1": 0.001, "p0": 0.02, "q1": 0.002, "q0": -0.01, "s": 0.3,
    "eps": 0.2, "gamma": 0.8,
}  # fmt: skip
#: One that turns down at T = e^(p/q) = e^3 wherever it is asked.
TURNING = RISING | {"p1": 0.003, "q1": 0.001, "p0": 0.06, "q0": 0.02}


def _rows(params, last, noise=0.0, seed=0):
    T, ratios = np.geomspace(1, last, 16), np.array([0.125, 0.25, 1 / 3, 0.5, 0.75, 0.95])
    R = np.repeat(ratios, len(T))
    x = {"N": np.full(len(R), 4.6e8), "D": np.tile(T, len(ratios)) * cmr.UNIT, "R": R, "r": 1 - R}
    x["L0"] = np.full(len(R), 2.5)
    loss = cmr.LAW.predict(params, x) + noise * np.random.default_rng(seed).normal(size=len(R))
    return Rows(x, loss, np.zeros(len(R)), np.repeat(np.arange(len(ratios)), len(T)))


def test_freed_amplitudes_describe_a_loss_that_rises_ever_faster():
    rows = _rows(RISING, 100)
    free = fit_rows(cmr.LAW, rows, Settings(constraints=FREE))
    bound = fit_rows(cmr.LAW, rows)
    assert np.abs(free.residual).max() < 1e-8
    assert np.abs(bound.residual).max() > 1e-4
    params = dict(zip(free.names, free.parameters(free.theta)[0], strict=True))
    assert params["q0"] < 0 < params["q1"]
    np.testing.assert_allclose(free.predict(rows.x)[0], rows.loss, rtol=1e-8)


def test_by_default_the_last_turn_is_downwards():
    bound = fit_rows(cmr.LAW, _rows(RISING, 100))
    params = dict(zip(bound.names, bound.parameters(bound.theta)[0], strict=True))
    assert params["q0"] >= 0
    assert params["q1"] >= 0


def test_free_signs_miss_the_turning_point_of_short_noisy_runs_by_more():
    def errors(constraints):
        found = []
        for seed in range(8):
            rows = _rows(TURNING, 12, noise=1e-3, seed=seed)
            fitted = fit_rows(cmr.LAW, rows, Settings(constraints=constraints))
            params = dict(zip(fitted.names, fitted.parameters(fitted.theta)[0], strict=True))
            turn = float(joint_cmr.turning_point(params, np.array([0.5]))[0])
            found.append(abs(np.log(np.clip(turn, 1e-3, 1e9)) - 3.0))
        return np.mean(found)

    assert errors(()) < errors(FREE)


@pytest.mark.parametrize(
    ("slope", "fall", "turn"),
    [(0.3, 0.1, np.exp(3)), (0.3, 0.0, np.inf), (-0.3, 0.0, 0.0), (-0.3, -0.1, np.inf)],
)
def test_turning_point_by_sign(slope, fall, turn):
    params = RISING | {"p1": slope, "p0": slope, "q1": fall, "q0": fall}
    assert joint_cmr.turning_point(params, np.array([0.4]))[0] == pytest.approx(turn)
