"""The demonstration's parts: what is compared, and what an answer for a large model needs."""

import dataclasses

import numpy as np
import pytest
from tiny_sweep import YAML, write_tiny
from truths import Design, dcpt_truth, simulate_sweep

from mixlaw.demo import blind
from mixlaw.demo.needs import needed_for
from mixlaw.demo.story import Stage, demonstrate
from mixlaw.errors import ConfigError
from mixlaw.fit.api import fit_laws
from mixlaw.report.cells import cells_of
from mixlaw.runs.table import read_runs
from mixlaw.sweep.api import run_sweep
from mixlaw.sweep.dry_run import describe_sweep


@pytest.fixture(scope="module")
def blind_test():
    """A fit of all sizes but the largest, the cells it saw, and the largest at its longest."""
    table = simulate_sweep(dcpt_truth(), np.random.default_rng(0), Design(checkpoints=0))
    smaller = table[table["n_params"] < table["n_params"].max()].reset_index(drop=True)
    fit = fit_laws(smaller, "dcpt", n_draws=50)
    shown = cells_of(fit, smaller, "base")
    cells = cells_of(fit, table, "base")
    return fit, shown, max(cells, key=lambda cell: (cell.n_params, cell.tokens))


def test_nothing_measured_is_in_a_prediction(blind_test):
    fit, shown, cell = blind_test
    unknown = dataclasses.replace(cell, general=cell.general + 9, domain=cell.domain + 9)
    assert blind.predicted(fit, shown, unknown, 0.1) == blind.predicted(fit, shown, cell, 0.1)


def test_what_is_measured_stands_beside_it(blind_test):
    fit, shown, cell = blind_test
    before = blind.predicted(fit, shown, cell, 0.1)
    lines = blind.measured(before, cell, 0.1)
    share, *losses = lines
    assert share.measured == cell.critical_ratio(0.1, "base")
    assert [line.measured for line in losses] == [*cell.general, *cell.domain]
    assert all(len(line.cells()) == 4 for line in before)
    assert {line.cells()[3][-1] for line in lines} <= {"✓", "✗"}
    wrong = dataclasses.replace(share, low=0.0, high=share.measured / 2)
    assert wrong.cells()[3].endswith("✗")
    never = dataclasses.replace(share, measured=float("nan"))
    assert never.cells()[3] == "none ✗"
    law, copied = blind.errors(lines)
    assert law < copied  # a law made these losses


def test_the_copied_value_is_that_of_the_next_smaller_size(blind_test):
    fit, shown, cell = blind_test
    next_size = max(c.n_params for c in shown)
    copied = next(c for c in shown if (c.n_params, c.tokens) == (next_size, cell.tokens))
    losses = blind.predicted(fit, shown, cell, 0.1)[1:]
    assert [line.copied for line in losses] == [*copied.general, *copied.domain]


def test_an_answer_for_8b_needs_the_sizes_of_a_family():
    """Counts of docs/plan-qwen.md, which the dry run of its experiment computes."""
    needs = needed_for(8e9, 2e10)
    assert needs.models == ("Qwen2.5-0.5B", "Qwen2.5-1.5B", "Qwen2.5-3B")
    assert needs.budgets == (2.5e9, 5e9, 1e10, 2e10)
    assert needs.n_runs == 22
    plain = 7 * 6 * (0.358e9 + 1.31e9 + 2.77e9) * 2.35e10 / 3.5e14 / 3600
    assert plain < needs.gpu_hours < 2 * plain  # the heads, attention and evaluations on top
    assert "22 runs, about 5,000 GPU hours" in needs.sentence()


def test_a_target_that_no_family_reaches_is_refused():
    with pytest.raises(ConfigError, match=r"No three sizes of Qwen2.5 reach 1T parameters"):
        needed_for(1e12, 2e10)


def test_a_sweep_holds_its_largest_size_back(tmp_path):
    experiment = write_tiny(tmp_path)
    table = run_sweep(experiment, hold_back=True).table
    seen = read_runs(table)
    sizes = sorted({run["n_params"] for run in describe_sweep(experiment)["runs"]})
    assert sorted(seen["n_params"].unique()) == sizes  # the largest by its base
    assert set(seen.loc[seen["tokens"] > 0, "n_params"]) == set(sizes[:-1])
    assert run_sweep(experiment).n_trained > 0
    assert set(read_runs(table).loc[lambda rows: rows["tokens"] > 0, "n_params"]) == set(sizes)


def test_one_size_cannot_be_held_back(tmp_path):
    experiment = write_tiny(tmp_path, YAML)
    path = experiment / "experiment.yaml"
    first = describe_sweep(experiment)["runs"][0]["n_params"]
    text = path.read_text()
    start = text.index("sizes:")
    path.write_text(f"{text[:start]}sizes: [{first}]{text[text.index(chr(10), start) :]}")
    with pytest.raises(ConfigError, match="one size only"):
        run_sweep(experiment, hold_back=True)


def test_without_the_reference_fit_the_demonstration_says_so(tmp_path, monkeypatch):
    """Only the first part: the sweep is stopped before it starts."""

    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("mixlaw.demo.story.run_sweep", stop)
    shown: list[str] = []
    stage = Stage(
        tmp_path / "experiments",
        tmp_path / "fits",
        lambda lines: shown.extend(line.text for line in lines),
        lambda sentence: None,
    )
    with pytest.raises(KeyboardInterrupt):
        demonstrate(stage)
    assert shown[0].startswith("Training 22 small models, about ")
    assert any("Left out" in line for line in shown)
    assert max(map(len, shown)) <= 80
