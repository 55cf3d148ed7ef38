"""Random numbers of predictions: drawn with the fit, stored, and those of earlier versions."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from mixlaw.fit.standard_draws import draw_standard
from mixlaw.result.fit_result import FitResult
from mixlaw.result.standard_draws import DIRECTIONS, MISFIT_TERMS, StandardDraws

FIT_1 = Path(__file__).parent.parent / "data" / "fit-1"
N = 500


@pytest.fixture(scope="module")
def drawn() -> StandardDraws:
    return draw_standard(N, {"domain": [0.7, 0.3], "general": [1.0]}, seed=0)


def test_every_margin_is_the_quantiles_of_its_distribution(drawn):
    p = (np.arange(N) + 0.5) / N
    np.testing.assert_allclose(np.sort(drawn.place), p)
    for values in drawn.spread:
        np.testing.assert_allclose(np.sort(values), stats.t(2).ppf(p), rtol=1e-9, atol=1e-12)
    for values in (*drawn.drift, *drawn.misfit):
        np.testing.assert_allclose(np.sort(values), stats.norm.ppf(p), rtol=1e-9, atol=1e-12)
    assert (len(drawn.spread), len(drawn.drift)) == (len(DIRECTIONS), len(DIRECTIONS))
    assert len(drawn.misfit) == MISFIT_TERMS


def test_margins_do_not_run_in_step(drawn):
    ranks = np.argsort(np.vstack([drawn.place, drawn.spread, drawn.drift, drawn.misfit]), axis=1)
    correlation = np.corrcoef(np.argsort(ranks, axis=1)) - np.eye(len(ranks))
    assert np.abs(correlation).max() < 0.1


def test_weights_of_a_stack_have_its_weights_as_their_mean(drawn):
    assert list(drawn.weights) == ["domain"]
    np.testing.assert_allclose(drawn.weights["domain"].sum(axis=1), 1)
    np.testing.assert_allclose(drawn.weights["domain"].mean(axis=0), [0.7, 0.3], atol=0.05)


def test_a_saved_fit_predicts_with_the_draws_it_was_saved_with(tmp_path):
    fit = FitResult.load(FIT_1)
    normal = np.random.default_rng(3).standard_normal(fit.standard.drift.shape)
    fit = replace(
        fit,
        standard=replace(fit.standard, drift=normal),
        beyond={"general": {"n_params": 0.0, "n_params.drift": 0.1}},
    )
    fit.save(tmp_path)
    again = FitResult.load(tmp_path)
    far = {"n_params": 1e12, "tokens": 4e9, "shares": {"domain": 0.3, "general": 0.7}}
    one, two = (f.predict("general", **far).draws for f in (fit, again))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(again.standard.drift, normal)


def test_a_fit_of_an_earlier_version_gets_the_draws_that_it_computed():
    content = json.loads((FIT_1 / "fit.json").read_text())
    assert "standard_draws" not in content
    fit = FitResult.load(FIT_1)
    # Ranks of multiples of sqrt(2), as version 0.1.0 took them for the spread over sizes.
    n = fit.standard.n_draws
    p = (np.argsort(np.argsort((np.arange(n) * 2**0.5 + 0.5 / n) % 1)) + 0.5) / n
    np.testing.assert_allclose(fit.standard.spread[0], stats.t(2).ppf(p), rtol=1e-9)
