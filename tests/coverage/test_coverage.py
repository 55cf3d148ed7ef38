"""What intervals must reach on simulated sweeps (on request), and the harness that measures it."""

import numpy as np
import pytest
from simulations import EVERY, LIMITS, RATIOS, crossing, interval_score, simulate


def test_a_crossing_is_the_last_ratio_within_the_bound():
    curve = 2.0 + (RATIOS - 0.2) ** 2
    assert crossing(curve, 2.09) == pytest.approx(0.5, abs=1e-9)
    assert crossing(curve, 3.0) == 1.0
    assert crossing(curve, 1.0) == 0.0
    assert crossing(np.stack([curve, curve + 0.05]), 2.09).shape == (2,)


def test_an_interval_score_is_the_width_and_twenty_times_the_miss():
    assert interval_score(0.5, 0.0, 1.0) == 1.0
    assert interval_score(1.1, 0.0, 1.0) == pytest.approx(3.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_intervals_cover(name, tmp_path):
    for row in simulate([name], 200, tmp_path / "records.jsonl"):
        inside = row["region"] == "in range"
        coverage, width = float(row["coverage"]), float(row["width_to_true_law"])
        assert 0.85 <= coverage <= 0.95 if inside else coverage >= 0.80, row
        assert width <= (1.5 if inside else 4.0), row
        if name not in LIMITS:
            assert float(row["interval_score"]) < float(row["score_residual_only"]), row
