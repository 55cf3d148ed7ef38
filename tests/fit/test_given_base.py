"""The loss after CPT, given the measured loss of the base."""

import numpy as np
import pytest

from mixlaw.result.given_base import KnownLoss, given_base
from mixlaw.result.types import Prediction

N_DRAWS = 4000
STD_BASE, STD_AFTER, CORRELATION = 0.03, 0.05, 0.5


@pytest.fixture
def pair():
    """Jointly normal draws of a loss after CPT (one point) and of its base."""
    rng = np.random.default_rng(0)
    shared, own = rng.normal(size=(2, N_DRAWS))
    base = 3.0 + STD_BASE * shared
    after = 2.8 + STD_AFTER * (CORRELATION * shared + np.sqrt(1 - CORRELATION**2) * own)
    return (
        Prediction(np.array([2.8]), after[:, None]),
        Prediction(np.array([3.0]), base[:, None]),
    )


@pytest.mark.parametrize("error", [0.0, 0.02])
def test_of_a_base_near_its_law_it_is_the_conditional_of_the_joint_normal(pair, error):
    after, base = pair
    found = given_base(after, base, KnownLoss(3.02, error))
    gain = CORRELATION * STD_BASE * STD_AFTER / (STD_BASE**2 + error**2)
    assert found.estimate[0] == pytest.approx(2.8 + gain * 0.02, abs=1e-3)
    assert found.draws.mean() == pytest.approx(2.8 + gain * 0.02, abs=2e-3)
    variance = STD_AFTER**2 - gain * CORRELATION * STD_BASE * STD_AFTER
    assert found.draws.std() == pytest.approx(variance**0.5, rel=0.04)


def test_of_a_base_far_off_its_law_the_level_moves_and_the_rise_does_not(pair):
    found = given_base(*pair, KnownLoss(5.0))
    assert found.estimate[0] - 5.0 == pytest.approx(-0.2, abs=2e-3)


def test_of_a_base_that_was_fitted_exactly_any_other_value_moves_the_level():
    after = Prediction(np.array([2.8, 2.9]), np.full((50, 2), [2.8, 2.9]))
    base = Prediction(np.array([3.0]), np.full((50, 1), 3.0))
    assert given_base(after, base, KnownLoss(3.0)).estimate == pytest.approx([2.8, 2.9])
    assert given_base(after, base, KnownLoss(3.1)).estimate == pytest.approx([2.9, 3.0])


def test_what_is_measured_wrongly_of_the_base_cancels_from_the_rise(pair):
    after, base = pair
    loss = KnownLoss(5.0, 0.02)
    rise = given_base(after, base, loss).draws - loss.draws(N_DRAWS)
    exact = given_base(after, base, KnownLoss(5.0)).draws - 5.0
    assert rise.std() == pytest.approx(exact.std(), rel=0.02)
