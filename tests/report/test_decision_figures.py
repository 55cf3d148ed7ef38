"""The pictures of the decision say what the recommendation says, and what was measured."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from truths import dcpt_truth, simulate_sweep

from mixlaw.errors import DataError
from mixlaw.fit.api import fit_laws
from mixlaw.recommend.api import recommend
from mixlaw.recommend.options import Options
from mixlaw.recommend.target import question_of
from mixlaw.report.asked import asked, last_recommendation
from mixlaw.report.cells import cells_of, nearest
from mixlaw.report.critical import critical
from mixlaw.report.decision import decision
from mixlaw.report.held_out import has_held_out, held_out
from mixlaw.result.fit_result import FitResult

OPTIONS = Options(n_params=1e9, tokens=1e10, max_general_rise=0.03)


@pytest.fixture(scope="module")
def sweep() -> pd.DataFrame:
    return simulate_sweep(dcpt_truth(), np.random.default_rng(0))


@pytest.fixture(scope="module")
def fit(sweep: pd.DataFrame) -> FitResult:
    return fit_laws(sweep, n_draws=60)


def test_the_decision_marks_what_is_recommended(sweep: pd.DataFrame, fit: FitResult) -> None:
    question, answer = question_of(fit, OPTIONS), recommend(fit, OPTIONS)
    figure = decision(question, OPTIONS, cells_of(fit, sweep, "base"))
    rise, domain = figure.axes
    lines = {line.get_label(): line for line in rise.lines}
    recommended = next(line for name, line in lines.items() if name.startswith("recommended"))
    assert recommended.get_xdata()[0] == answer.recommended
    critical_share = next(line for name, line in lines.items() if name.startswith("critical"))
    assert critical_share.get_xdata() == [answer.estimate]
    bar = next(line for line in rise.lines if line.get_linewidth() == 5)
    assert tuple(bar.get_xdata()) == answer.interval
    curve = lines["fit, with 90% band"]
    assert np.interp(answer.estimate, curve.get_xdata(), curve.get_ydata()) == pytest.approx(
        0.03, abs=1e-3
    )
    assert "is recommended" in figure.get_suptitle()
    assert domain.get_ylabel().startswith("domain loss")


def test_the_nearest_cells_stand_beside_the_curve(sweep: pd.DataFrame, fit: FitResult) -> None:
    question = question_of(fit, OPTIONS)
    cells = cells_of(fit, sweep, "base")
    first = nearest(question, cells)[0]
    ends = sweep[sweep["tokens"] > 0]
    assert first.n_params == ends["n_params"].max()
    assert first.tokens == ends["tokens"].max()
    figure = decision(question, OPTIONS, cells)
    shown = next(
        line for line in figure.axes[0].lines if str(line.get_label()).startswith("measured")
    )
    assert shown.get_ydata() == pytest.approx(first.rise("base"))


def test_a_question_that_no_law_reaches_shows_no_curve(sweep: pd.DataFrame, fit: FitResult) -> None:
    far = Options(n_params=1e29, tokens=1e10, max_general_rise=0.03)
    figure = decision(question_of(fit, far), far, cells_of(fit, sweep, "base"))
    assert "cannot tell" in figure.get_suptitle()
    labels = {str(line.get_label()) for line in figure.axes[0].lines}
    assert not any(label.startswith(("fit", "recommended")) for label in labels)
    assert "beyond the sweep" in figure.axes[0].texts[-1].get_text()


def test_critical_shares_pass_through_the_answer_and_the_measurements(
    sweep: pd.DataFrame, fit: FitResult
) -> None:
    question, answer = question_of(fit, OPTIONS), recommend(fit, OPTIONS)
    cells = cells_of(fit, sweep, "base")
    figure = critical(question, OPTIONS, cells)
    by_size, by_tokens = figure.axes
    for axis in (by_size, by_tokens):
        target = next(line for line in axis.lines if "target" in str(line.get_label()))
        assert target.get_ydata()[-1] == pytest.approx(answer.estimate, abs=2e-3)
    largest = max(cell.n_params for cell in cells)
    shown = [line for line in by_tokens.lines if line.get_marker() not in ("None", None)]
    here = [c for c in cells if c.n_params == largest]
    marks = {float(y) for line in shown for y in line.get_ydata()}
    assert {round(c.critical_ratio(0.03, "base") or 0.0, 6) for c in here} <= {
        round(mark, 6) for mark in marks
    }


def test_held_out_rows_have_the_errors_of_the_fit(fit: FitResult, tmp_path: Path) -> None:
    fit.save(tmp_path / "fit")
    loaded = FitResult.load(tmp_path / "fit")
    assert loaded.held_out_rows == fit.held_out_rows
    rows = loaded.held_out_rows["general"]["largest-size"]
    measured, predicted = (np.array(rows[name]) for name in ("measured", "predicted"))
    error = np.abs(predicted / measured - 1).mean()
    assert error == pytest.approx(loaded.scores["general"]["largest-size"]["error"])
    axis = held_out(loaded).axes[1]
    points = next(line for line in axis.lines if "largest size" in str(line.get_label()))
    assert points.get_xdata() == pytest.approx(measured)
    assert points.get_ydata() == pytest.approx(predicted)


def test_a_fit_of_an_earlier_version_has_no_held_out_rows() -> None:
    earlier = FitResult.load(Path(__file__).parents[1] / "data" / "fit-1")
    assert not has_held_out(earlier)


def test_the_question_is_the_one_given_else_the_last_else_the_experiments(fit: FitResult) -> None:
    last = recommend(fit, OPTIONS).document()
    assert asked(fit, None, n_params=2e9)[0] == Options(n_params=2e9)
    options, source = asked(fit, last, risk=0.2)
    assert (options.n_params, options.tokens, options.risk) == (1e9, 1e10, 0.2)
    assert options.bound.value == pytest.approx(0.03)
    assert "asked last" in source
    options, source = asked(fit, None)
    assert (options.n_params, options.tokens) == tuple(
        fit.ranges[name][1] for name in ("n_params", "tokens")
    )
    assert "largest size" in source


def test_a_last_recommendation_is_read_or_refused(tmp_path: Path) -> None:
    assert last_recommendation(tmp_path) is None
    (tmp_path / "recommendation.json").write_text(json.dumps({"schema": "other"}))
    with pytest.raises(DataError, match="run 'mixlaw recommend' again"):
        last_recommendation(tmp_path)
