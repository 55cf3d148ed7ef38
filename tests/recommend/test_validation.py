"""The recommendation held against runs that were hidden from the fit."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator
from truths import Design, dcpt_truth, simulate_sweep

import mixlaw.recommend
from mixlaw.cli import main
from mixlaw.recommend.validation import Validation, validate_runs
from mixlaw.roles import Roles
from mixlaw.runs.cells import Cell, measured_cells, neighbour
from mixlaw.runs.table import read_runs, write_runs

SCHEMA = json.loads((Path(mixlaw.recommend.__file__).parent / "validation.schema.json").read_text())
QUICKSTART = Path(__file__).parents[1] / "data/quickstart/runs.csv"
QUIET = Design(seed_std=1e-4, walk_std=1e-4, row_std=1e-5, checkpoints=0)
TRUTH = dcpt_truth()


def true_ratio(size: float, tokens: float, bound: float) -> float:
    """Largest domain ratio at which the truth's general loss keeps a bound over its base."""
    ratios = np.linspace(0, 1, 10001)
    loss = TRUTH.loss("general", np.float64(size), np.float64(tokens), ratios)
    rise = loss - TRUTH.base("general", np.array([size]))
    return float(ratios[np.flatnonzero(rise <= bound)[-1]])


@pytest.fixture(scope="module")
def table():
    return simulate_sweep(TRUTH, np.random.default_rng(0), QUIET)


@pytest.mark.parametrize("hidden", ["n_params", "tokens"])
def test_prediction_and_measurement_are_those_of_the_truth(table, hidden):
    result = validate_runs(table, hidden, fit_options={"law": "dcpt"}, max_general_rise=0.1)
    assert result.rows
    for row in result.rows:
        truth = true_ratio(row.n_params, row.tokens, 0.1)
        assert row.measured == pytest.approx(truth, abs=0.02)  # interpolated between six shares
        assert row.predicted["estimate"] == pytest.approx(truth, abs=0.02)
        assert row.predicted["low"] <= row.predicted["estimate"] <= row.predicted["high"]
    jsonschema.validate(result.document(), SCHEMA)
    assert "On your data, one" in result.line()


def test_hidden_runs_do_not_reach_the_fit(table):
    spoilt = table.copy()
    largest = (spoilt["n_params"] == spoilt["n_params"].max()) & (spoilt["tokens"] > 0)
    spoilt.loc[largest, "loss"] *= 1.05
    options = {"fit_options": {"law": "dcpt"}}
    before, after = validate_runs(table, **options), validate_runs(spoilt, **options)
    assert [r.predicted for r in before.rows] == [r.predicted for r in after.rows]
    assert [r.measured for r in before.rows] != [r.measured for r in after.rows]


def test_caution_costs_domain_loss_and_a_broken_bound_gains_some(table):
    cautious = validate_runs(table, fit_options={"law": "dcpt"}, risk=0.01, max_general_rise=0.1)
    bold = validate_runs(table, fit_options={"law": "dcpt"}, risk=0.99, max_general_rise=0.1)
    assert cautious.rows[-1].domain_loss_given_up > 0
    assert bold.rows[-1].domain_loss_given_up < cautious.rows[-1].domain_loss_given_up


def test_one_size_says_what_cannot_be_checked(table):
    one = table[table["n_params"] == table["n_params"].min()].reset_index(drop=True)
    result = validate_runs(one, fit_options={"law": "dcpt"})
    assert result.rows == ()
    assert "it has one size" in result.line()
    jsonschema.validate(result.document(), SCHEMA)


def test_without_bases_only_a_control_can_be_checked(table):
    runs = table[table["tokens"] > 0].reset_index(drop=True)
    assert "its base's general loss" in validate_runs(runs).line()
    assert validate_runs(runs, fit_options={"law": "dcpt"}, reference="control").rows


def test_a_measured_cell_is_interpolated_without_overshooting():
    cell = Cell(
        1e8, 1e9,
        ratios=np.array([0.0, 0.1, 0.25, 0.5]),
        general=2 + np.array([-0.011, -0.011, 0.009, 0.076]),
        domain=np.array([3.0, 2.8, 2.6, 2.5]),
        base=2.0,
    )  # fmt: skip
    assert cell.critical_ratio(0.009, "base") == pytest.approx(0.25, abs=1e-3)
    assert cell.critical_ratio(-0.02, "base") is None
    assert cell.critical_ratio(1.0, "base") == 0.5
    assert cell.rise_at(0.05, "base") == pytest.approx(-0.011)
    assert cell.critical_ratio(0.02, "control") == pytest.approx(0.25, abs=1e-3)
    assert not replace(cell, base=float("nan")).can_answer("base")


def test_the_cell_that_would_be_copied_is_the_next_smaller_size_or_shorter_budget(table):
    cells = measured_cells(table, Roles())
    last = max(cells, key=lambda c: (c.n_params, c.tokens))
    copied = neighbour(last, cells, "n_params")
    assert (copied.n_params, copied.tokens) == (240e6, 8e9)
    copied = neighbour(last, cells, "tokens")
    assert (copied.n_params, copied.tokens) == (480e6, 4e9)
    first = min(cells, key=lambda c: (c.n_params, c.tokens))
    assert neighbour(first, cells, "n_params") is None


def run(capsys, *arguments):
    """Exit code, stdout and stderr of a command."""
    try:
        main(list(map(str, arguments)))
        code = 0
    except SystemExit as stop:
        code = stop.code or 0
    return code, *capsys.readouterr()


def test_the_quickstart_is_validated_from_its_table_and_from_its_fit(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(QUICKSTART, "runs.csv")
    code, out, _ = run(capsys, "validate", "runs.csv", "--reference", "control", "--json")
    document = json.loads(out)
    jsonschema.validate(document, SCHEMA)
    assert code == 0
    measured = {row["tokens"]: row["measured"] for row in document["rows"]}
    assert measured[128_000] == pytest.approx(0.14, abs=0.01)
    assert run(capsys, "fit", "runs.csv", "--law", "dcpt", "--draws", "50")[0] == 0
    code, out, _ = run(capsys, "validate", "--hide", "tokens")
    assert code == 0
    assert "On your data, one budget up (63.5k to 128k, 2.02 times)" in out
    kept = json.loads(Path("fits/runs/validation.json").read_text())
    jsonschema.validate(kept, SCHEMA)
    assert kept["hidden"] == "tokens"
    asked = ("recommend", "--model-size", "198k", "--tokens", "128k")
    code, out, _ = run(capsys, *asked)
    assert code in (0, 3)
    assert kept["line"] in " ".join(out.split())
    _, out, _ = run(capsys, *asked, "--json")
    assert json.loads(out)["validation"] == {
        name: kept[name] for name in json.loads(out)["validation"]
    }
    Path("fits/runs/validation.json").write_text("[]")
    code, _, err = run(capsys, "recommend", "--model-size", "198k")
    assert code == 2
    assert "is no validation" in err
    refit = ("fit", "runs.csv", "--law", "constant", "--draws", "20", "--no-validate")
    assert run(capsys, *refit)[0] == 0
    assert not Path("fits/runs/validation.json").exists()


def test_fit_validates_once_and_any_bound_is_answered_from_what_it_kept(
    capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    shutil.copy(QUICKSTART, "runs.csv")
    fit = ("fit", "runs.csv", "--law", "dcpt", "--draws", "50")
    code, _, err = run(capsys, *fit)
    assert code == 0
    assert "On your data, one size up (" in err
    assert "at 0.02 nats over the base: predicted" in err
    kept = Path("fits/runs/validation.json").stat().st_mtime_ns
    monkeypatch.setattr("mixlaw.recommend.withheld.Withheld.of_runs", None)  # no second one
    assert run(capsys, *fit)[0] == 0
    assert Path("fits/runs/validation.json").stat().st_mtime_ns == kept
    asked = ("--max-general-rise", "0.05", "--reference", "control", "--json")
    _, out, _ = run(capsys, "recommend", "--model-size", "198k", "--tokens", "128k", *asked)
    shown = json.loads(out)["validation"]
    jsonschema.validate(shown, SCHEMA)
    code, out, _ = run(capsys, "validate", *asked)
    assert code == 0
    assert shown == json.loads(out)
    assert "at 0.05 nats over the control" in shown["line"]
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    again = validate_runs(
        read_runs("runs.csv"), fit_options={"law": "dcpt", "n_draws": 50},
        max_general_rise="0.05", reference="control",
    )  # fmt: skip
    for new, old in zip(again.document()["rows"], shown["rows"], strict=True):
        assert new["predicted"] == pytest.approx(old["predicted"], abs=1e-4)
        assert new["measured"] == pytest.approx(old["measured"], abs=1e-9)


@pytest.mark.parametrize("n_shares", [2, 3, 6, 9])
def test_curves_are_those_of_scipy(n_shares):
    rng = np.random.default_rng(n_shares)
    for _ in range(50):
        ratios, rises = np.sort(rng.uniform(0, 1, n_shares)), rng.normal(size=n_shares).round(1)
        cell = Cell(1e8, 1e9, ratios, 2 + rises, np.full(n_shares, np.nan), 2.0)
        at = rng.uniform(ratios[0], ratios[-1])
        assert cell.rise_at(at, "base") == pytest.approx(
            float(PchipInterpolator(ratios, rises)(at)), abs=1e-9
        )


def test_a_table_that_has_changed_is_refused(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(QUICKSTART, "runs.csv")
    assert run(capsys, "fit", "runs.csv", "--law", "constant", "--draws", "20")[0] == 0
    write_runs(read_runs("runs.csv").iloc[:-1], Path("runs.csv"))
    code, out, err = run(capsys, "validate")
    assert (code, out) == (2, "")
    assert "'runs.csv' has changed since it was fitted; run 'mixlaw fit' again" in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--hide", "seeds"], "'seeds'"),
        (["--reference", "nothing"], "'nothing'"),
        (["--max-general-rise", "much"], "much"),
        (["--risk", "2"], "--risk is 2"),
    ],
)
def test_wrong_options_are_one_sentence(capsys, arguments, sentence):
    code, out, err = run(capsys, "validate", QUICKSTART, *arguments)
    assert (code, out) == (2, "")
    assert sentence in err


def test_a_table_without_rows_to_check_has_a_line_of_its_own():
    assert Validation("tokens", note="Nothing.").line() == "Nothing."
