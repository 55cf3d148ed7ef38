"""A target many times as far out as the sweep is wide is not answered, whatever a law says."""

import numpy as np
import pytest
from truths import Design, dcpt_truth, simulate_sweep

from mixlaw.fit.api import fit_laws
from mixlaw.recommend.api import recommend_ratio


@pytest.fixture(scope="module")
def fit():
    """Sizes from 60M to 480M, a factor of 8, and budgets from 2B to 8B, a factor of 4."""
    table = simulate_sweep(dcpt_truth(), np.random.default_rng(0), Design(checkpoints=0))
    return fit_laws(table, "dcpt", n_draws=50)


@pytest.mark.parametrize(
    ("n_params", "tokens", "within"),
    [
        (8e9, 2e10, True),
        (480e6 * 8**4, 8e9, True),
        (480e6 * 8**4 * 1.1, 8e9, False),
        (60e6 / 8**4 / 1.1, 8e9, False),
        (480e6, 8e9 * 4**4, True),
        (480e6, 8e9 * 4**4 * 1.1, False),
    ],
)
def test_the_reach_grows_with_what_was_swept(fit, n_params, tokens, within):
    answer = recommend_ratio(fit, n_params=n_params, tokens=tokens, max_general_rise=0.1)
    reasons = [w.message for w in answer.warnings if "No law that was checked" in w.message]
    assert bool(reasons) is not within
    if not within:
        assert (answer.feasible, answer.recommended, answer.estimate) == (None, None, None)
        assert answer.interval == (0.0, 1.0)
        assert answer.exit_code == 0
        assert answer.would_change == {}


def test_the_sentence_says_what_to_sweep(fit):
    answer = recommend_ratio(fit, n_params=1e13, tokens=8e9)
    (warning,) = [w for w in answer.warnings if "No law that was checked" in w.message]
    assert "spans a factor of 8" in warning.message
    assert answer.next_run["sweep_up_to"] == {"n_params": pytest.approx(1e13 / 8)}
    assert answer.next_run["text"] == "To settle it, sweep up to 1.25T parameters at least."


def test_a_rule_that_chooses_its_budget_is_not_held_to_another(fit):
    answer = recommend_ratio(fit, n_params=1e9, rule="limited-domain", domain_tokens=4e9)
    assert not [w for w in answer.warnings if "No law that was checked" in w.message]
