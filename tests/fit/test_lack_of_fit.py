"""In range: what a law misses alike in all runs is told from their noise, and taken back."""

from dataclasses import replace

import numpy as np
import pytest
from truths import Design, Truth, dcpt_truth, simulate_sweep

from mixlaw import laws
from mixlaw.fit.api import fit_laws
from mixlaw.fit.discrepancy.in_range import learn, unexplained
from mixlaw.fit.law_fit import fit_law
from mixlaw.fit.selection import select
from mixlaw.result.discrepancy import missed
from mixlaw.result.fit_result import FitResult
from mixlaw.roles import Roles

BUDGETS = tuple(1e9 * 2.0**k for k in range(6))
DESIGN = Design(ratios=(0.1, 0.3, 0.5, 0.7, 0.9), replicated=0, budgets=BUDGETS)
QUIET = replace(DESIGN, seed_std=0.0, walk_std=0.0, row_std=1e-6)


def bend(D, R):
    """Of log loss: no law here has it, and it is smaller than what runs differ by."""
    return 1e-3 * (1 + 2 * (R - 0.5)) * np.sin(2 * np.log(D / 1e9))


BENT = Truth(
    lambda s, N, D, R: dcpt_truth().loss(s, N, D, R) * np.exp(bend(D, R)), dcpt_truth().base
)


def learned(truth: Truth, seed: int, design: Design = DESIGN):
    """The misfit of dcpt on one sweep of the truth, and the rows."""
    table = simulate_sweep(truth, np.random.default_rng(seed), design)
    law = laws.load("dcpt")
    rows = select(table, law, Roles(), ["general"], ["schedule"]).rows["general"]
    return learn(rows, [(1.0, fit_law(law, rows))]), rows


def size_of(misfit, rows) -> float:
    return float(np.sqrt(np.mean(missed(misfit, rows.x).sum(axis=0) ** 2))) if misfit else 0.0


def test_what_the_law_misses_of_quiet_runs_is_found():
    misfit, rows = learned(BENT, 0, QUIET)
    expected = bend(rows.x["D"], rows.x["R"])
    # The law bends a little to meet it; what it missed is the rest, of the other sign.
    found = -missed(misfit, rows.x).sum(axis=0)
    assert np.corrcoef(found, expected)[0, 1] > 0.9
    assert 0.5 < np.std(found) / np.std(expected) < 1.1


def test_what_all_runs_share_is_told_from_what_each_of_them_wanders():
    chance = [size_of(*learned(dcpt_truth(), seed)) for seed in range(12)]
    bent = [size_of(*learned(BENT, seed)) for seed in range(12)]
    assert np.median(bent) > 4e-4 > 3 * np.median(chance)


def test_a_misfit_is_flat_beyond_the_sweep_and_its_shares():
    misfit, _ = learned(BENT, 0, QUIET)
    at = {"D": np.array([32e9, 320e9, 32e9]), "r": np.array([0.9, 0.9, 1.0]), "N": np.full(3, 1e8)}
    inside, longer, purer = missed(misfit, at).sum(axis=0)
    assert inside == pytest.approx(longer, rel=1e-9)
    assert inside == pytest.approx(purer, rel=1e-9)


def test_runs_that_share_no_token_counts_say_nothing_of_it():
    few = replace(DESIGN, sizes=(60e6,), ratios=(0.2, 0.8))
    table = simulate_sweep(dcpt_truth(), np.random.default_rng(0), few)
    law = laws.load("constant")
    rows = select(table, law, Roles(), ["general"], ["schedule"]).rows["general"]
    assert learn(rows, [(1.0, fit_law(law, rows))]) == {}


def test_predictions_are_moved_to_the_losses_and_survive_being_saved(tmp_path):
    table = simulate_sweep(BENT, np.random.default_rng(0), DESIGN)
    fit = fit_laws(table, "dcpt", eval_sets=["general"], n_draws=50, mix=["schedule"])
    shares = {"domain": 0.9, "general": 0.1}
    truth = [BENT.loss("general", np.float64(240e6), np.float64(d), 0.9)[0] for d in BUDGETS]
    fit.save(tmp_path)
    moved = FitResult.load(tmp_path).predict("general", 240e6, BUDGETS, shares)
    left = replace(fit, lack_of_fit={}).predict("general", 240e6, BUDGETS, shares)
    np.testing.assert_array_equal(moved.draws, fit.predict("general", 240e6, BUDGETS, shares).draws)
    for which in (lambda p: p.estimate, lambda p: np.median(p.draws, axis=0)):
        errors = [np.abs(which(p) / truth - 1).mean() for p in (moved, left)]
        assert errors[0] < 0.8 * errors[1]


WAVY = Truth(
    lambda s, N, D, R: dcpt_truth().loss(s, N, D, R) * np.exp(0.01 * np.sin(9 * R)),
    dcpt_truth().base,
)
AGAIN = replace(DESIGN, replicated=10)


def test_a_misfit_at_all_tokens_spreads_predictions_where_replicates_tell_it_from_noise():
    shares = np.linspace(0.1, 0.9, 17)
    asked = (240e6, 8e9, {"domain": shares, "general": 1 - shares})
    truth = WAVY.loss("general", np.float64(240e6), np.float64(8e9), shares)
    covered = {"spread": [], "as it was": []}
    for seed in range(4):
        table = simulate_sweep(WAVY, np.random.default_rng(seed), AGAIN)
        fit = fit_laws(table, "dcpt", eval_sets=["general"], n_draws=200, mix=["schedule"])
        assert "lack-of-fit" in {status.code for status in fit.statuses}
        for name, of in (("spread", fit), ("as it was", replace(fit, lack_of_fit={}))):
            low, high = of.predict("general", *asked).interval()
            covered[name].append(np.mean((low <= truth) & (truth <= high)))
    # Far from all: the wave is shorter than the distance of the ratios that were swept.
    assert np.mean(covered["spread"]) > 0.6 > 0.5 > np.mean(covered["as it was"])


def unexplained_of(truth: Truth, seed: int, **changed) -> float:
    table = simulate_sweep(truth, np.random.default_rng(seed), AGAIN)
    law = laws.load("dcpt")
    rows = select(table, law, Roles(), ["general"], ["schedule"]).rows["general"]
    share = rows.x["R"]
    loss = np.where(share == share.max(), rows.loss * changed.get("edge", 1.0), rows.loss)
    return unexplained(fit_law(law, replace(rows, loss=loss)).parts[0])


def test_noise_leaves_nothing_unexplained_and_an_edge_alone_little():
    assert [unexplained_of(dcpt_truth(), seed) for seed in range(8)] == [0.0] * 8
    wavy = np.median([unexplained_of(WAVY, seed) for seed in range(4)])
    edge = np.median([unexplained_of(dcpt_truth(), seed, edge=1.2) for seed in range(4)])
    assert 0.002**2 < wavy < 0.01**2
    assert edge < wavy
