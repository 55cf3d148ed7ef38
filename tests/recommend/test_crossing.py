"""The last crossing of a curve with zero, which rules, inverse questions and CMR's turn share."""

import numpy as np
import pytest

from mixlaw.recommend.rules.crossing import critical_ratios, interpolate, last_crossing

AXIS = np.array([0.0, 1.0, 2.0, 4.0])


@pytest.mark.parametrize(
    ("values", "above", "place"),
    [
        ([-1.0, 1.0, -1.0, 3.0], False, 2.5),  # the second of two, at a quarter of a longer step
        ([1.0, -1.0, 3.0, -1.0], True, 3.5),
        ([1.0, 2.0, 3.0, 4.0], False, np.nan),
        ([-1.0, -2.0, 0.0, -4.0], True, np.nan),
        ([1.0, 1.0, 1.0, 0.0], False, np.inf),
        ([-1.0, 1.0, 1.0, 2.0], True, np.inf),
        ([np.inf, -1.0, -1.0, np.inf], False, 2.0),  # nothing reaches across to infinity
        ([np.nan, -1.0, -1.0, np.nan], False, 2.0),
        ([np.nan, np.nan, np.nan, np.nan], False, np.nan),
        ([np.nan, np.nan, np.nan, np.nan], True, np.inf),
    ],
)
def test_place_of_one_curve(values, above, place):
    found = last_crossing(AXIS, np.array(values), above=above)
    assert found.shape == ()
    assert float(found) == pytest.approx(place, nan_ok=True)


def test_curves_are_independent_and_keep_their_shape():
    curves = np.random.default_rng(0).normal(size=(3, 5, 4))
    places = last_crossing(AXIS, curves, above=True)
    assert places.shape == (3, 5)
    for i in np.ndindex(3, 5):
        alone = last_crossing(AXIS, curves[i], above=True)
        assert float(alone) == pytest.approx(places[i], nan_ok=True)


def test_critical_ratio_ends_with_the_axis():
    excess = np.array([[-1.0, -1.0, -1.0, -1.0], [1.0, 1.0, 1.0, 1.0], [-1.0, 1.0, 1.0, 1.0]])
    np.testing.assert_array_equal(critical_ratios(AXIS, excess), [4.0, np.nan, 0.5])


def test_interpolation_reads_every_draw_at_its_own_ratio():
    loss = np.array([[0.0, 1.0, 2.0, 4.0], [np.inf, 5.0, 3.0, 1.0]])
    np.testing.assert_allclose(interpolate(AXIS, loss, np.array([3.0, 3.0])), [3.0, 2.0])
    np.testing.assert_allclose(interpolate(AXIS, loss, np.array([0.25, 1.0])), [0.25, 5.0])
