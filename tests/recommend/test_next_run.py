"""The run that is named narrows the interval as far as is said, and is named when it matters."""

from dataclasses import replace

import numpy as np
import pytest

from mixlaw.recommend.api import recommend_ratio
from mixlaw.recommend.context import next_run
from mixlaw.recommend.options import Options
from mixlaw.recommend.rules.tolerance import decide
from mixlaw.recommend.target import question_of
from mixlaw.recommend.verdict import NOT_IDENTIFIED

TARGET = {"n_params": 8e9, "tokens": 2e10}


def _weighed(fit, ratio, n_params=1e9, tokens=1e10):
    """The question, its draws, and the width that the module expects of one run."""
    question = question_of(fit, Options(**TARGET))
    draws = np.nan_to_num(decide(question, Options(**TARGET)).draws)
    there = question.at(n_params=n_params, tokens=tokens)
    return there, draws, next_run._expected_widths(there, np.array([ratio]), draws)[0]


@pytest.mark.parametrize("ratio", [0.1, 0.5, 1.0])
def test_width_is_that_of_the_draws_that_agree_with_the_run(build, ratio):
    """Bayes' rule by weights: every draw in turn is the truth, seen with the noise of the rows."""
    there, draws, said = _weighed(build(noise=0.01, n_draws=2000), ratio)
    rise, loss = (p(np.array([ratio])).draws[:, 0] for p in (there.rise, there.domain))
    sd = there.noise("general"), there.noise("domain")
    rng, widths = np.random.default_rng(1), []
    for truth in range(0, 2000, 8):
        seen = [x[truth] + s * rng.normal() for x, s in zip((rise, loss), sd, strict=True)]
        misfit = ((rise - seen[0]) / sd[0]) ** 2 + ((loss - seen[1]) / sd[1]) ** 2
        weight = np.exp(-misfit / 2)
        order = np.argsort(draws)
        at = np.cumsum(weight[order]) / weight.sum()
        low, high = np.interp([0.05, 0.95], at, draws[order])
        widths.append(high - low)
    assert said == pytest.approx(np.mean(widths), rel=0.12)


def test_a_wide_answer_names_the_cheapest_of_the_best_runs(build):
    fit = build(noise=0.03)
    answer = recommend_ratio(fit, **TARGET)
    low, high = answer.interval
    found = answer.next_run
    assert found["width"]["now"] == pytest.approx(high - low, abs=0.01)
    assert found["width"]["with_it"] < found["width"]["now"]
    assert found["n_params"] in (1e8, 3e8, 1e9, pytest.approx(1e9 / 0.3))
    assert found["tokens"] in (1e10, 2e10)
    assert answer.document()["next_run"] == found
    question = question_of(fit, Options(**TARGET))
    draws = np.nan_to_num(decide(question, Options(**TARGET)).draws)
    for run in next_run._candidates(question, draws):
        if run.flops < 6 * found["n_params"] * found["tokens"]:
            assert run.width > found["width"]["with_it"]


def test_a_run_that_tells_nothing_is_not_praised(build):
    """The rows of this fit are so noisy that none of them says anything about its draws."""
    fit = replace(build(noise=0.1), sigma={"domain": 50.0, "general": 50.0})
    assert recommend_ratio(fit, **TARGET).next_run["text"].startswith("No single run")


def test_nothing_is_named_where_it_cannot_be_weighed_or_is_not_needed(build):
    assert recommend_ratio(build(), **TARGET).next_run == {}  # narrow
    infeasible = recommend_ratio(build(), n_params=8e9, tokens=1e9, max_general_rise=0)
    assert infeasible.feasible is False
    assert infeasible.next_run == {}
    wide = build(noise=0.1)
    assert recommend_ratio(wide, rule="allocation", flops=1e21).next_run == {}
    assert recommend_ratio(wide, **TARGET, rule="balance", kl=1.0).next_run == {}
    assert recommend_ratio(build(noise=0.1, n_draws=100), **TARGET).next_run == {}


def test_no_run_is_named_that_cannot_settle_the_question(build):
    """Nine tenths of the axis before it, and more than is told apart after it."""
    answer = recommend_ratio(build(noise=0.1), **TARGET)
    assert answer.feasible is None
    assert answer.next_run["width"]["with_it"] >= NOT_IDENTIFIED
    assert "n_params" not in answer.next_run
    assert answer.next_run["text"].startswith("No single run settles this")


def test_a_target_farther_than_the_sweep_spans_needs_a_sweep(build):
    """Sizes span a factor of ten: 100B is one of a hundred beyond the largest."""
    found = recommend_ratio(build(noise=0.03), n_params=1e11, tokens=2e10).next_run
    assert found["sweep_up_to"] == {"n_params": pytest.approx(1e10)}


@pytest.mark.parametrize("sizes", [(3e8,), (3e8, 1e9)])
def test_laws_of_single_sizes_weigh_no_other_size(build, sizes):
    found = recommend_ratio(build(noise=0.02, sizes=sizes), **TARGET).next_run
    assert found["n_params"] in sizes
