"""Few runs: the prior, its posterior, and the fit, doctor and answers that rest on it."""

import json

import numpy as np
import pandas as pd
import pytest

from mixlaw import FitResult, fit_laws, recommend_ratio
from mixlaw.doctor import examine
from mixlaw.doctor.few_runs import Run, missing_runs
from mixlaw.errors import ConfigError, DataError
from mixlaw.fit.prior.outside import outside_view
from mixlaw.fit.prior.posterior import Evidence, sample
from mixlaw.fit.prior.random_effects import Student, predicted
from mixlaw.fit.prior.studies import facts, published, vague
from mixlaw.roles import Roles
from mixlaw.runs.table import validate_runs

FIVE = ((1e9, 0.0), (1e9, 0.5), (1e9, 0.75), (4e9, 0.0), (4e9, 0.75))
SIZE, SEEN, BASE = 1e8, 2e10, {"general": 2.5, "domain": 3.0}


def rise(tokens, share, size=SIZE):
    """A forgetting law with w = .002, q = -.2, b = .07, nu = .3, tau = .4 and e = .003."""
    slope = 0.07 * (size / SIZE) ** -0.3 * (tokens / 2e9) ** 0.4
    return (
        0.002
        - 0.2 * np.log1p(tokens / SEEN)
        + slope * np.log(1.003 / (1 - np.asarray(share) + 0.003))
    )


def runs(settings=FIVE, shift=0.0):
    rows = []
    for tokens, share in settings:
        row = {"run_id": f"{tokens:.0f}-{share}", "n_params": SIZE, "tokens": tokens,
               "domain_ratio": share, "base_tokens": SEEN}  # fmt: skip
        rows.append({**row, "eval_set": "general", "loss": 2.5 + rise(tokens, share) + shift})
        rows.append({**row, "eval_set": "domain", "loss": 3.0 - 0.5 * share - 0.1})
    for name, loss in BASE.items():
        rows.append({"run_id": "base", "n_params": SIZE, "tokens": 0, "domain_ratio": None,
                     "base_tokens": SEEN, "eval_set": name, "loss": loss})  # fmt: skip
    return validate_runs(pd.DataFrame(rows))


@pytest.fixture(scope="module")
def five():
    return fit_laws(runs(), n_draws=300)


def test_random_effects_lie_between_no_study_and_many():
    guess = Student(0.0, 1.0, 2)
    none = predicted(np.empty(0), np.empty(0), guess)
    assert none.centre == 0
    assert none.scale > guess.scale
    rng = np.random.default_rng(0)
    many = predicted(rng.normal(5, 0.5, 400), np.full(400, 0.1), guess)
    assert many.centre == pytest.approx(5, abs=0.1)
    assert many.scale == pytest.approx(0.5, rel=0.15)
    one = predicted(np.array([5.0]), np.array([0.1]), guess)
    assert 0 < one.centre < 5
    assert one.freedom < many.freedom


def test_every_fact_says_where_it_comes_from():
    for fact in facts():
        assert fact.provenance
        assert fact.source
        assert fact.error > 0
        assert fact.use == "yes" or fact.use.startswith("no: ")
        assert fact.parameter in published(fact.side).parameters


def test_a_study_that_is_left_out_does_not_speak():
    everyone = published("general")
    fewer = published("general", everyone.studies[:1])
    assert everyone.studies[0] not in fewer.studies
    assert fewer.parameters["ln_b"] != everyone.parameters["ln_b"]
    assert vague("general").parameters["nu"].scale > everyone.parameters["nu"].scale


def test_the_posterior_finds_the_truth_where_runs_are_many():
    tokens = np.repeat([1e9, 4e9, 1.6e10], 12)
    size = np.tile(np.repeat([1e8, 4e8, 1.6e9], 4), 3)
    share = np.tile([0.0, 0.25, 0.5, 0.75], 9)
    change = np.array([rise(d, s, n) for d, s, n in zip(tokens, share, size, strict=True)])
    evidence = Evidence(size, tokens, 1 - share, change, SEEN, 1e-4, 1e-3, 1e-4)
    drawn = sample(evidence, published("general").parameters, 300, 0)
    nu, tau = drawn.theta[:, 0], drawn.theta[:, 1]
    assert np.median(nu) == pytest.approx(0.3, abs=0.01)
    assert np.median(tau) == pytest.approx(0.4, abs=0.01)
    assert np.median(drawn.control, axis=0) == pytest.approx([0.002, -0.2], abs=0.005)


def test_without_rows_the_posterior_is_the_prior():
    prior = published("general").parameters
    row = [np.array([value]) for value in (1e9, 1e9, 0.5, 0.0)]
    drawn = sample(Evidence(*row, 1e10, 3e-3, 0.1, noise=1e3), prior, 2000, 0)
    for i, name in enumerate(("nu", "tau", "ln_e", "ln_b")):
        low, high = prior[name].quantile(np.array([0.05, 0.95]))
        assert np.quantile(drawn.theta[:, i], [0.05, 0.95]) == pytest.approx(
            [low, high], abs=0.15 * (high - low)
        )


def test_five_runs_are_fitted_under_the_prior_and_answer(five):
    assert five.law == "forgetting"
    assert [s.code for s in five.statuses if s.code == "few-runs"]
    answer = recommend_ratio(five, n_params=SIZE, tokens=4e9, max_general_rise=0.05)
    axis = np.linspace(0, 1, 2001)
    truth = axis[np.flatnonzero(rise(4e9, axis) <= 0.05)[-1]]
    low, high = answer.interval
    assert low <= truth <= high
    assert answer.estimate == pytest.approx(truth, abs=0.05)
    assert set(answer.prior["studies"]) == set(published("general").studies)


def test_of_another_size_the_runs_alone_say_less(five):
    answer = recommend_ratio(five, n_params=16 * SIZE, tokens=4e9, max_general_rise=0.05)
    low, high = answer.interval
    without = answer.prior["interval_without"]
    assert without["high"] - without["low"] > 1.2 * (high - low)


def test_a_fit_with_a_prior_is_saved_whole(five, tmp_path):
    five.save(tmp_path)
    again = FitResult.load(tmp_path)
    assert again.prior == json.loads(json.dumps(five.prior))
    question = {"n_params": 2 * SIZE, "tokens": 2e9}
    first, second = (recommend_ratio(fit, **question) for fit in (five, again))
    assert first.interval == second.interval
    assert first.prior == second.prior
    assert first.losses == second.losses


def test_one_run_gives_no_ratio_and_names_four():
    fit = fit_laws(runs([(1e9, 0.75)]), n_draws=100)
    answer = recommend_ratio(fit, n_params=SIZE, tokens=1e9)
    assert answer.feasible is None
    assert answer.recommended is None
    (missing,) = (w.message for w in answer.warnings if w.code == "not-identified")
    assert "4 of the five" in missing
    assert "no ratio" in missing


def test_the_prior_can_be_asked_for_and_left_out():
    with pytest.raises(ConfigError, match="published or none"):
        fit_laws(runs(), prior="mine")
    with pytest.raises(ConfigError, match="--prior none"):
        fit_laws(runs(), "dcpt", prior="published")
    with pytest.raises(DataError, match="no base loss"):
        fit_laws(runs()[lambda rows: rows["tokens"] > 0], prior="published")
    assert not fit_laws(runs(), "log-share", eval_sets=["general"], n_draws=20).prior


def test_runs_unlike_the_studies_are_a_warning():
    codes = {s.code for s in fit_laws(runs(shift=0.8), n_draws=100).statuses}
    assert "prior-disagrees" in codes


def test_the_doctor_names_the_run_that_a_small_table_lacks():
    assert "runs-missing" not in {f.code for f in examine(runs(), Roles())}
    (found,) = (f for f in examine(runs(FIVE[:4]), Roles()) if f.code == "runs-missing")
    assert "75% domain at 4B tokens" in found.remedy
    assert missing_runs([Run(SIZE, d, r) for d, r in FIVE]) == ()


def test_studies_alone_give_a_wide_answer_that_says_so():
    fit = outside_view(8e9, 2e10)
    answer = recommend_ratio(fit, n_params=8e9, tokens=2e10)
    assert answer.interval[1] - answer.interval[0] > 0.5
    assert "outside-view" in {w.code for w in answer.warnings}
