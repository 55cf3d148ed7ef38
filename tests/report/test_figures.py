"""Figures: they exist, show what was measured, and say what they need when it is missing."""

from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from truths import dcpt_truth, simulate_sweep

from mixlaw.errors import DataError
from mixlaw.fit.api import fit_laws
from mixlaw.report.calibration import predicted_against_measured
from mixlaw.report.curves import loss_curves
from mixlaw.report.draw import draw_figures
from mixlaw.report.frontier import frontier
from mixlaw.report.points import measured
from mixlaw.result.fit_result import FitResult
from mixlaw.runs.table import write_runs


@pytest.fixture(scope="module")
def sweep() -> pd.DataFrame:
    return simulate_sweep(dcpt_truth(), np.random.default_rng(0))


@pytest.fixture(scope="module")
def fit(sweep: pd.DataFrame) -> FitResult:
    return fit_laws(sweep, n_draws=40)


def test_measured_rows_stand_beside_the_fit(sweep: pd.DataFrame, fit: FitResult) -> None:
    points = measured(fit, sweep)
    annealed = sweep[(sweep["tokens"] > 0) & sweep["annealed"]]
    assert len(points) == len(annealed)
    assert np.abs(points["predicted"] - points["loss"]).max() < 0.02  # the truth is this law
    assert (points["low"] <= points["predicted"]).mean() > 0.95
    assert set(points["domain_ratio"]) == {0, 0.1, 0.25, 0.5, 0.75, 1}


def test_every_size_and_eval_set_has_its_panel(sweep: pd.DataFrame, fit: FitResult) -> None:
    figure = loss_curves(fit, measured(fit, sweep))
    panels = [axis for axis in figure.axes if axis.get_xscale() == "log"]
    assert len(panels) == 4 * 2
    measured_points = [line for line in panels[0].lines if line.get_marker() == "o"]
    assert len(measured_points) == 6  # one set of points a ratio
    assert panels[0].get_ylabel() == "domain loss (nats per token)"


def test_the_error_in_the_title_is_the_error_of_the_points(
    sweep: pd.DataFrame, fit: FitResult
) -> None:
    points = measured(fit, sweep)
    domain = points[points["eval_set"] == "domain"]
    error = np.sqrt(np.mean((domain["predicted"] - domain["loss"]) ** 2))
    figure = predicted_against_measured(fit, points)
    assert f"error {error:.3f} nats" in figure.axes[0].get_title()


def test_the_frontier_shows_the_recommended_point(sweep: pd.DataFrame, fit: FitResult) -> None:
    from mixlaw.recommend.api import recommend_ratio

    recommendation = recommend_ratio(fit, n_params=1e9, tokens=1e10, max_general_rise=0.1)
    document = recommendation.document()
    figure = frontier(fit, measured(fit, sweep), document)
    target = figure.axes[1]
    assert "1B parameters, 10B tokens" in target.get_title()
    stars = [line for line in target.lines if line.get_marker() == "*"]
    assert stars[0].get_xdata() == pytest.approx([document["losses"]["general"]["estimate"]])


def test_all_figures_are_written_and_not_blank(
    sweep: pd.DataFrame, fit: FitResult, tmp_path: Path
) -> None:
    write_runs(sweep, tmp_path / "runs.csv")
    fit.save(tmp_path / "fit")
    written = draw_figures(tmp_path / "fit", tmp_path / "runs.csv", tmp_path / "out")
    assert [path.stem for path in written] == [
        "decision", "critical-share", "losses", "predicted-measured", "held-out", "frontier",
    ]  # fmt: skip
    for path in written:
        image = matplotlib.image.imread(path)
        assert image.shape[1] > 500
        assert image.std() > 0.05
    assert len(list((tmp_path / "out").iterdir())) == len(written)


def test_a_table_that_is_gone_is_asked_for(fit: FitResult, tmp_path: Path) -> None:
    fit.save(tmp_path / "fit")
    with pytest.raises(DataError, match="give it with --runs"):
        draw_figures(tmp_path / "fit", tmp_path / "gone.csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_another_table_than_the_fitted_one_is_told(sweep: pd.DataFrame, tmp_path: Path) -> None:
    write_runs(sweep, tmp_path / "runs.csv")
    fit_laws(tmp_path / "runs.csv", n_draws=20).save(tmp_path / "fit")
    (tmp_path / "moved.csv").write_bytes((tmp_path / "runs.csv").read_bytes())
    write_runs(sweep.assign(loss=sweep["loss"] + 0.1), tmp_path / "other.csv")
    said: dict[str, list[str]] = {"runs.csv": [], "moved.csv": [], "other.csv": []}
    for name, sentences in said.items():
        draw_figures(tmp_path / "fit", tmp_path / name, tmp_path / "out", sentences.append)
    told = {
        name: any("is not the table that this fit was made from" in line for line in sentences)
        for name, sentences in said.items()
    }
    assert told == {"runs.csv": False, "moved.csv": False, "other.csv": True}


@pytest.mark.parametrize("content", ["{", "[]", '{"schema": "mixlaw.recommendation/0"}'])
def test_a_damaged_recommendation_is_told(
    sweep: pd.DataFrame, fit: FitResult, tmp_path: Path, content: str
) -> None:
    write_runs(sweep, tmp_path / "runs.csv")
    fit.save(tmp_path / "fit")
    (tmp_path / "fit" / "recommendation.json").write_text(content)
    with pytest.raises(DataError, match="run 'mixlaw recommend' again, or delete it"):
        draw_figures(tmp_path / "fit", tmp_path / "runs.csv", tmp_path / "figures")


def test_points_where_the_law_has_no_value_are_left_out(
    sweep: pd.DataFrame, tmp_path: Path
) -> None:
    """Share 0 is measured, and the law has no finite value there: it was fitted without it."""
    write_runs(sweep, tmp_path / "runs.csv")
    fit = fit_laws(tmp_path / "runs.csv", "repeated-optimum", n_draws=40)
    fit.save(tmp_path)
    assert {path.name for path in draw_figures(tmp_path, None, tmp_path)} >= {"losses.png"}
    points = measured(fit, sweep)
    assert points.groupby("eval_set")["domain_ratio"].min().to_dict() == {
        "domain": 0.1,
        "general": 0.0,
    }


def test_a_frontier_that_nothing_is_known_of_has_no_band() -> None:
    from mixlaw.report.frontier import _band
    from mixlaw.result.types import Prediction

    estimate = np.linspace(1.0, 2.0, 5)
    apart = Prediction(estimate, np.stack([estimate + 10 * k for k in range(1, 9)]))
    assert [len(part) for part in _band(apart, apart)] == [0, 0, 0]
