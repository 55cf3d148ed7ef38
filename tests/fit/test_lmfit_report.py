"""The final fit in lmfit: the same optimum, covariance, profiles."""

import lmfit
import numpy as np
import pytest
from truths.rows import grid, rows_of

from mixlaw import laws
from mixlaw.errors import ConfigError
from mixlaw.fit.law_fit import LawFit
from mixlaw.fit.lmfit_report import Profiles, minimize, profile_interval, standard_errors
from mixlaw.fit.row_fit import Settings, fit_rows


@pytest.fixture(scope="module")
def fitted():
    """A Chinchilla law with 0.2% noise."""
    x, _ = grid(ratios=(0.5,))
    loss = 1.7 + 400 / x["N"] ** 0.34 + 410 / x["D"] ** 0.28
    shake = 0.002 * np.random.default_rng(0).standard_normal(len(loss))
    rows = rows_of(loss * np.exp(shake), x, np.arange(len(loss)))
    return fit_rows(laws.load("chinchilla"), rows, Settings(delta=0.01))


def test_lmfit_stays_at_the_optimum_and_reports(fitted):
    result = minimize(fitted)
    names = [p.name for p in fitted.problem.model.free]
    found = [result.params[name].value for name in names]
    assert found == pytest.approx(list(fitted.theta[0]), rel=1e-3)
    assert result.chisqr / 2 == pytest.approx(fitted.solution.objective[0], rel=1e-6)
    assert result.covar.shape == (5, 5)
    assert "alpha" in lmfit.fit_report(result)


def test_a_profile_interval_brackets_the_estimate(fitted):
    low, high = profile_interval(fitted, "alpha")
    assert low < fitted.theta[0][3] < high
    error = standard_errors(LawFit(fitted.law, (fitted,)))[0]["alpha"]
    assert high - low == pytest.approx(2 * 1.645 * error, rel=0.35)


def test_a_profile_that_does_not_close_is_a_status():
    """Two budgets cannot bound the exponent of tokens."""
    x, trunk = grid(ratios=(0.5,), budgets=(1e9, 4e9))
    loss = 1.7 + 400 / x["N"] ** 0.34 + 410 / x["D"] ** 0.28
    shake = 0.002 * np.random.default_rng(0).standard_normal(len(loss))
    part = fit_rows(laws.load("chinchilla"), rows_of(loss * np.exp(shake), x, trunk))
    found = Profiles.of({"web": LawFit(part.law, (part,))}, ["beta"])
    assert found.intervals == {"web": {"beta": [None]}}
    assert [(s.code, s.eval_set) for s in found.statuses] == [("not-identified", "web")]


def test_an_unknown_parameter_is_named(fitted):
    with pytest.raises(ConfigError, match="no free parameter named 'alfa'.*'alpha'"):
        profile_interval(fitted, "alfa")


@pytest.mark.parametrize("delta", [0.01, 1e-3])
def test_standard_errors_are_those_of_lmfit(delta):
    x, _ = grid(ratios=(0.1, 0.3, 0.7))
    truth = {"E": 1.7, "k": 0.5, "A": 0.4, "B": 0.6, "alpha": 0.3, "beta": 0.25, "t.code": -2.0}
    law = laws.load("exponential")
    corpora = ("web", "code")
    x = {**x, "h": np.stack([1 - x["R"], x["R"]])}
    loss = law.predict(truth, x)
    shake = 0.002 * np.random.default_rng(0).standard_normal(len(loss))
    rows = rows_of(loss * np.exp(shake), x, np.arange(len(loss)))
    part = fit_rows(law, rows, Settings(corpora, delta=delta))
    result = minimize(part)
    [found] = standard_errors(LawFit(law, (part,)))
    for p in part.problem.model.free:
        theirs = result.params[p.name.replace(".", "_")].stderr
        assert found[p.name] == pytest.approx(theirs, rel=0.02), p.name
