"""What held-out rows say about a law's misfit beyond the sweep, and what is only chance."""

from dataclasses import replace

import numpy as np
import pytest
from truths import Design, Truth, dcpt_truth, simulate_sweep

from mixlaw import laws
from mixlaw.fit.discrepancy.out_of_range import Missed, drift, learn, missed_beyond, spread
from mixlaw.fit.held_out import forecast, forecasts
from mixlaw.fit.row_fit import Settings
from mixlaw.fit.selection import select
from mixlaw.roles import Roles

DISTANCE = np.tile([0.3, 0.7], 6)
SIGNS = np.repeat([1.0, -1.0], 6)
CHANCE = 0.002 * np.random.default_rng(0).normal(size=(80, len(DISTANCE)))


def test_a_misfit_that_grows_with_the_distance_is_a_drift_with_its_sign():
    for slope in (0.05, -0.05):
        missed = Missed(slope * DISTANCE, CHANCE, DISTANCE)
        assert drift(missed) == pytest.approx(slope, rel=0.01)
        assert spread(missed) < 0.001


def test_a_misfit_of_either_sign_is_a_spread():
    missed = Missed(0.05 * DISTANCE * SIGNS, CHANCE, DISTANCE)
    assert drift(missed) == 0
    assert spread(missed) == pytest.approx(0.05, rel=0.01)


def test_what_chance_does_is_no_misfit():
    missed = [Missed(error, CHANCE, DISTANCE) for error in CHANCE]
    assert np.mean([drift(m) == 0 for m in missed]) > 0.85
    assert np.mean([spread(m) == 0 for m in missed]) > 0.88
    assert max(abs(drift(m)) for m in missed) < 0.005


def test_a_shift_along_what_the_fit_does_not_know_is_no_drift():
    """All rows err together in the resampled sweeps: so may they in the measured one."""
    common = 0.02 * np.random.default_rng(1).normal(size=(80, 1)) * DISTANCE
    missed = Missed(0.01 * DISTANCE, CHANCE + common, DISTANCE)
    assert drift(missed) == spread(missed) == 0


def test_a_misfit_of_some_mixtures_counts_where_the_others_are_known_far_better():
    uneven = np.where(SIGNS > 0, 1.0, 0.05)
    missed = Missed(0.05 * DISTANCE * (SIGNS > 0), 2 * CHANCE * uneven, DISTANCE)
    assert drift(missed) == pytest.approx(0.025, rel=0.1)


def test_without_any_chance_all_that_was_missed_counts():
    missed = Missed(0.05 * DISTANCE + 0.01 * SIGNS, np.zeros((1, len(DISTANCE))), DISTANCE)
    assert drift(missed) == pytest.approx(0.05, rel=0.01)
    assert spread(missed) == pytest.approx(0.01 / np.sqrt(np.mean(DISTANCE**2)), rel=0.01)


CHINCHILLA = Truth(lambda _, N, D, R: 1.7 + 200 * N**-0.3 + 400 * D**-0.3, dcpt_truth().base)


GRID = Design(ratios=(0.2, 0.5, 0.8), replicated=0)
FOUR_BUDGETS = replace(GRID, budgets=(1e9, 2e9, 4e9, 8e9))


def _rows(seed: int, truth: Truth = CHINCHILLA, design: Design = GRID):
    table = simulate_sweep(truth, np.random.default_rng(seed), design)
    selection = select(table, laws.load("chinchilla"), Roles(), ["general"], ["schedule"])
    return selection.rows["general"]


def test_errors_of_resampled_sweeps_are_those_of_repeated_sweeps():
    errors, claimed = {"n_params": [], "tokens": []}, {"n_params": [], "tokens": []}
    for seed in range(25):
        rows = _rows(seed)
        masks = {"n_params": rows.x["N"] > 4e8, "tokens": rows.x["D"] > 4.1e9}
        for direction, mask in masks.items():
            found = forecast(laws.load("chinchilla"), rows, mask, Settings())
            missed = missed_beyond(direction, rows, found)
            errors[direction].append(missed.error)
            low, high = np.quantile(missed.chance, [0.16, 0.84], axis=0)
            claimed[direction].append((high - low) / 2)
    # The sd of 25 fits is known to 14%; the noise of each is estimated on top.
    for direction, found in errors.items():
        said = np.mean(claimed[direction], axis=0)
        assert np.std(found, axis=0) == pytest.approx(said, rel=0.4), direction


def test_the_true_law_has_little_misfit_and_a_wrong_one_has_its_own():
    law = laws.load("chinchilla")
    true = [learn(rows, forecasts(law, rows)) for rows in map(_rows, range(8))]
    drifts = np.abs([[said["n_params.drift"], said["tokens.drift"]] for said in true])
    assert np.median(drifts) == 0
    bent = Truth(
        lambda _, N, D, R: CHINCHILLA.loss(_, N, D, R) + 0.01 * np.log(D / 1e9) ** 2,
        CHINCHILLA.base,
    )
    for seed in range(3):
        rows = _rows(seed, bent, FOUR_BUDGETS)
        assert learn(rows, forecasts(law, rows))["tokens.drift"] < -0.001
