"""The committed experiments are what their README says, and can be made again."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from mixlaw import FitResult, read_runs
from mixlaw.experiment import load_experiment
from mixlaw.sweep.plan import DataIdentity, plan_runs

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
REFERENCE, SECOND = EXPERIMENTS / "prose-to-code", EXPERIMENTS / "prose-to-german"
FITS = EXPERIMENTS.parent / "fits"


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    return read_runs(REFERENCE / "runs.csv")


def ends_of(runs: pd.DataFrame) -> pd.DataFrame:
    return runs[(runs["tokens"] > 0) & (runs["annealed"] == 1)]


def test_sizes_span_a_factor_of_sixteen_with_six_shares_and_the_same_budgets(
    runs: pd.DataFrame,
) -> None:
    ends = ends_of(runs)
    sizes = ends["n_params"].unique()
    assert len(sizes) >= 4
    assert sizes.max() / sizes.min() >= 16
    for _, of_size in ends.groupby("n_params"):
        assert {0.0, 1.0} < set(of_size["share.domain"])
        assert of_size["share.domain"].nunique() == 6
        assert len(set(of_size["tokens"])) >= 4
        assert set(of_size["tokens"]) == set(ends["tokens"])


def test_seeds_of_order_and_base_were_repeated_in_several_cells(runs: pd.DataFrame) -> None:
    cells = ends_of(runs).groupby(["n_params", "share.domain"])
    for column in ("seed", "base_id"):
        assert sum(len(set(values)) > 1 for _, values in cells[column]) >= 2


@pytest.mark.parametrize("folder", [REFERENCE, SECOND], ids=lambda folder: folder.name)
def test_runs_are_those_that_the_experiment_plans(folder: Path) -> None:
    experiment = load_experiment(folder)
    runs = read_runs(folder / "runs.csv")
    plan = plan_runs(experiment, DataIdentity.unprepared(experiment, 1024))
    trained = runs[runs["tokens"] > 0]
    assert trained["trunk_id"].nunique() == len(plan.runs)
    assert trained["base_id"].nunique() == len(plan.bases)
    assert (runs["flag"] == "").all()
    assert (trained["annealed"] == 0).sum() >= 6 * len(plan.runs)


def test_predictions_do_not_know_the_largest_size_or_the_longest_budget(
    runs: pd.DataFrame,
) -> None:
    fits = sorted((FITS / f"{REFERENCE.name}-forward").iterdir())
    assert fits
    ends = ends_of(runs)
    for folder in fits:
        fit = FitResult.load(folder)
        assert fit.ranges["n_params"][1] < ends["n_params"].max()
        assert fit.ranges["tokens"][1] < ends["tokens"].max()


def test_scores_follow_from_predictions_and_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(EXPERIMENTS)
    from forward_test import score

    for name in ("runs.csv", "predictions.csv", "predicted_ratios.csv"):
        (tmp_path / name).write_bytes((REFERENCE / name).read_bytes())
    score(tmp_path)
    for name in ("scores.csv", "measured_ratios.csv"):
        assert (tmp_path / name).read_text() == (REFERENCE / name).read_text()


@pytest.mark.slow
def test_a_cell_trained_again_has_the_same_losses(
    runs: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from mixlaw import run_sweep

    machine = json.loads((REFERENCE / "machine.json").read_text())
    document = yaml.safe_load((REFERENCE / "experiment.yaml").read_text())
    document["sizes"], document["mixtures"] = ["50k"], [0.5]
    document["seeds"].pop("extra")
    (tmp_path / "experiment.yaml").write_text(yaml.safe_dump(document))
    monkeypatch.chdir(tmp_path)
    again = read_runs(run_sweep(tmp_path).table)
    if set(again["tokenizer"]) != set(runs["tokenizer"]):
        pytest.skip("the built-in text here is not that of the committed runs")
    key = ["n_params", "tokens", "share.domain", "seed", "annealed", "eval_set"]
    first = runs[runs["base_id"].isin(again["base_id"])]
    both = again.merge(first, on=key, suffixes=("", "_committed"))
    assert len(both) == len(again)
    np.testing.assert_allclose(both["loss"], both["loss_committed"], rtol=2e-3)
    here = {"torch": torch.__version__, "cpu": torch.backends.cpu.get_cpu_capability()}
    if here == {name: machine[name] for name in here}:
        assert (both["loss"] == both["loss_committed"]).all()
