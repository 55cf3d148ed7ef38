"""Rule ``limited-domain`` on runs that repeat: the lower of best share and cap, with its interval.

Truths of one size and two corpora, with four horizons run and the fifth held out.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from truths.repeats import DOMAIN, HELD_OUT, SIZE, UNIQUE, best_share, repeating_runs

from mixlaw import fit_laws, laws, plugins
from mixlaw.quantities import percents
from mixlaw.recommend.api import recommend_ratio
from mixlaw.screen import screen

TARGET = {"n_params": SIZE, "tokens": HELD_OUT, "rule": "limited-domain", "domain_tokens": UNIQUE}


@cache
def fitted(truth, law, noise=0.002, seed=0):
    runs = repeating_runs(truth, np.random.default_rng(seed), noise=noise)
    return fit_laws(runs, law, n_draws=200)


@pytest.mark.parametrize("law", DOMAIN)
def test_a_law_of_repeats_is_recovered_from_a_runs_table(law):
    member = fitted(law, law, noise=0.0).stack["domain"][0]
    found = dict(zip(member.params, member.estimate, strict=True))
    assert found == pytest.approx(DOMAIN[law], rel=0.01, abs=1e-9)


@pytest.mark.parametrize("truth", DOMAIN)
@pytest.mark.parametrize("law", ["auto", *DOMAIN])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_best_share_of_a_held_out_horizon(truth, law, seed):
    true = best_share(truth, HELD_OUT)
    answer = recommend_ratio(fitted(truth, law, seed=seed), **TARGET)
    low, high = answer.interval
    assert low < true < high
    assert low <= answer.estimate <= high
    if (truth, law) != ("repeated-optimum", "repeated"):  # whose best share moves with D alone
        assert answer.estimate == pytest.approx(true, abs=0.05)
        assert answer.recommended == pytest.approx(true, abs=0.05)
    assert answer.details["epochs"] == pytest.approx(answer.recommended * HELD_OUT / UNIQUE)


@pytest.mark.parametrize("law", DOMAIN)
def test_the_lower_of_cap_and_best_share(law):
    fit = fitted(law, law)
    free = recommend_ratio(fit, **TARGET)
    loose = recommend_ratio(fit, **TARGET, max_epochs=40)
    assert loose.estimate == pytest.approx(free.estimate, abs=2e-3)
    capped = recommend_ratio(fit, **TARGET, max_epochs=4)
    assert capped.recommended == capped.estimate == pytest.approx(4 * UNIQUE / HELD_OUT)
    assert "without it, it would be" in screen(capped)
    assert "--max-epochs 4 allows" in screen(capped)


@pytest.mark.parametrize(("truth", "law"), [("repeated", "repeated"), ("repeated", "dcpt")])
@pytest.mark.parametrize("max_epochs", [None, 1, 2, 4, 12])
def test_no_interval_is_without_width_nor_without_its_estimate(truth, law, max_epochs):
    answer = recommend_ratio(fitted(truth, law), **TARGET, max_epochs=max_epochs)
    low, high = answer.interval
    assert low < high
    assert low <= answer.estimate <= high
    shown = answer.shares["domain"]
    assert shown["low"] <= shown["recommended"] <= shown["high"]
    row = next(line for line in screen(answer).splitlines() if "best ratio" in line)
    ends = percents(low, high)
    assert " to ".join(ends) in row
    assert ends[0] != ends[1]


def test_other_laws_keep_the_cap_of_one_pass():
    answer = recommend_ratio(fitted("repeated", "dcpt"), **TARGET)
    assert answer.recommended == pytest.approx(UNIQUE / HELD_OUT)
    assert "these laws do not know what repeats are worth" in " ".join(screen(answer).split())


def test_a_flat_stretch_is_the_interval():
    answer = recommend_ratio(fitted("repeated-optimum", "repeated-optimum"), **TARGET)
    near = answer.details["near_equal"]
    assert answer.interval[0] <= near["low"] < near["high"] <= answer.interval[1]
    fit = fitted("repeated-optimum", "repeated-optimum")
    noisy = replace(fit, sigma={**fit.sigma, "domain": 10 * fit.sigma["domain"]})
    flat = recommend_ratio(noisy, **TARGET)
    assert flat.interval[0] < near["low"]
    assert flat.interval[1] > near["high"]
    assert "flat-optimum" in {warning.code for warning in flat.warnings}


def test_more_distinct_tokens_move_the_best_share_of_a_law_that_reads_them():
    fit = fitted("repeated", "repeated")
    twice = recommend_ratio(fit, **{**TARGET, "domain_tokens": 2 * UNIQUE})
    true = best_share("repeated", HELD_OUT, 2 * UNIQUE)
    assert twice.estimate == pytest.approx(true, abs=0.05)
    assert twice.assumes["unique_tokens.domain"] == 2 * UNIQUE
    # A law that reads none is told that the target has others than the runs.
    drifting = recommend_ratio(
        fitted("repeated-optimum", "repeated-optimum"), **{**TARGET, "domain_tokens": 2 * UNIQUE}
    )
    assert "not-in-the-laws" in {warning.code for warning in drifting.warnings}


def test_what_passes_beyond_the_runs_are_worth_is_said_of_the_law():
    def epochs(law, max_epochs):
        few = {**TARGET, "domain_tokens": UNIQUE / 100}
        answer = recommend_ratio(fitted("repeated-optimum", law), **few, max_epochs=max_epochs)
        by_code = {warning.code: warning.message for warning in answer.warnings}
        return by_code["extrapolation.epochs"]

    assert "what so many passes are worth is extrapolated" in epochs("repeated-optimum", None)
    assert "the laws count a repeated token like a new one" in epochs("dcpt", 1000)


def test_the_laws_of_repeats_say_so():
    knowing = {name for name in plugins.available("laws") if laws.load(name).knows_repeats}
    assert knowing == {"repeated", "dcpt-repeated", "repeated-optimum"}
