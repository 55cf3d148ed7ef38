"""Every hint that a command prints runs as it is printed, in the folder where it was printed."""

import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from truths import Design, dcpt_truth, simulate_sweep
from truths.fits import build_fit

from mixlaw.cli import main
from mixlaw.fit.api import fit_laws
from mixlaw.runs.table import write_runs
from mixlaw.sweep.quickstart import write_quickstart

CLI = Path(main.__globals__["__file__"]).parent
HINT = re.compile(r"^next: (mixlaw .+)$", re.MULTILINE)
#: Hints with a word in capitals would have to be filled in first.
PLACEHOLDER = re.compile(r"\b(hint|say)\([^)]*mixlaw [^)]*\b(NAME|RUN|FORMAT|LOGS|FILE|DIR)\b")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An experiment with a table, tables without bases and without a mixture, and their fits."""
    folder = tmp_path_factory.mktemp("made")
    table = simulate_sweep(dcpt_truth(), np.random.default_rng(0), Design(checkpoints=0))
    experiment = write_quickstart(folder / "experiments")
    write_runs(table, experiment / "runs.csv")
    write_runs(table[table["tokens"] > 0], folder / "no base.csv")
    shares = [name for name in table.columns if name.startswith("share.")]
    one = table[(table["tokens"] > 0) & (table["share.domain"] == 0.25)].drop(columns=shares)
    write_runs(one[one["eval_set"] == "general"], folder / "one.csv")
    build_fit(noise=0.1).save(folder / "fits" / "noisy")
    fit_laws(experiment / "runs.csv", "dcpt", n_draws=20).save(folder / "fits" / "quickstart")
    return folder


@pytest.fixture
def here(made, tmp_path, monkeypatch):
    shutil.copytree(made, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def run(arguments, capsys):
    """Exit code, and everything printed."""
    try:
        main(arguments)
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    out, err = capsys.readouterr()
    return code, f"{out}\n{err}"


COMMANDS = [
    ["fit", "quickstart", "--law", "dcpt", "--draws", "20"],
    ["fit", "no base.csv", "--law", "dcpt", "--draws", "20"],
    ["fit", "no base.csv", "--law", "dcpt", "--draws", "20", "--out", "else where"],
    ["fit", "one.csv", "--draws", "20"],
    ["fit", "no base.csv", "--law", "dcpt", "--draws", "20", "--eval-set", "domain"],
    ["doctor", "quickstart"],
    ["doctor", "no base.csv"],
    ["laws"],
    ["laws", "dcpt"],
    ["emitters"],
    ["importers"],
    ["plot", "quickstart"],
    ["recommend", "--model-size", "8B"],
    ["recommend", "--model-size", "8B", "--tokens", "20B", "--explain"],
    ["recommend", "--model-size", "8B", "--tokens", "1B", "--max-general-rise", "0"],
    ["recommend", "--model-size", "8B", "--tokens", "1B", "--max-general-rise", "0", "--explain"],
    ["recommend", "--model-size", "8B", "--fit", "noisy"],
    ["recommend", "--model-size", "8B", "--fit", "noisy", "--explain"],
    ["recommend", "--rule", "allocation", "--flops", "1e21"],
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_every_hint_runs(here, capsys, arguments):
    code, printed = run(arguments, capsys)
    assert code in (0, 3), printed
    hints = HINT.findall(printed)
    assert hints or arguments[-1] == "--explain"  # a fit in memory has no table to examine
    for hint in hints:
        code, printed = run(shlex.split(hint)[1:], capsys)
        assert code in (0, 3), f"{hint}: {printed}"


def test_no_hint_has_a_word_to_fill_in():
    found = {
        path.name: match[0]
        for path in CLI.glob("*.py")
        for match in PLACEHOLDER.finditer(path.read_text())
    }
    assert found == {}


@pytest.mark.parametrize("arguments", [["laws", "dcpt"], ["emitters"]])
def test_nothing_is_hinted_where_there_is_nothing_to_run_it_on(
    tmp_path, monkeypatch, capsys, arguments
):
    monkeypatch.chdir(tmp_path)
    code, printed = run(arguments, capsys)
    assert code == 0
    assert HINT.findall(printed) == []


@pytest.mark.parametrize(
    ("arguments", "first"),
    [
        (["fit", "--law", "dcpt", "--draws", "20"], "experiments/quickstart, the experiment with"),
        (["doctor"], "experiments/quickstart, the experiment with a table that changed last:"),
        (["status"], "experiments/quickstart, the experiment that changed last:"),
        (["plot"], "fits/quickstart, the fit that changed last:"),
    ],
)
def test_what_is_taken_without_a_name_is_said_first(here, capsys, arguments, first):
    Path("fits/quickstart/fit.json").touch()
    main_code = run(arguments, capsys)
    assert first in main_code[1]
    code, printed = run([*arguments, "--json"], capsys)
    assert code == 0
    assert first not in printed


def test_the_last_experiment_is_the_one_that_changed_last(here, capsys):
    other = write_quickstart(here / "experiments").parent / "other"
    other.mkdir()
    shutil.copy(here / "experiments/quickstart/experiment.yaml", other)
    (other / "runs").mkdir()  # begun, and without a table yet
    assert json.loads(run(["status", "--json"], capsys)[1].strip())["experiment"].endswith("other")
    assert "experiments/quickstart," in run(["doctor"], capsys)[1]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("mixlaw reco", ["recommend"]),
        ("mixlaw recommend --emit mega", ["megatron", "megatron-bridge"]),
        ("mixlaw recommend --rule tol", ["tolerance"]),
        ("mixlaw recommend --fit q", ["quickstart"]),
        ("mixlaw sweep q", ["quickstart"]),
        ("mixlaw fit --law dcpt-an", ["dcpt-anchored"]),
    ],
)
def test_the_shell_completes(here, capsys, monkeypatch, words, offered):
    monkeypatch.setenv("_MIXLAW_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    code, printed = run([], capsys)
    assert code == 0
    assert set(offered) <= set(printed.split())
