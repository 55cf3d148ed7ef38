"""What every command does with a place that is not what it should be: one sentence, exit code 2."""

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from mixlaw.cli import main

#: A place where nobody, root included, can make a file.
UNWRITABLE = pytest.param(
    "/proc/self/fd/out.csv",
    marks=pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc"),
)


def left(*arguments: str) -> object:
    with pytest.raises(SystemExit) as leaving:
        main(list(arguments))
    return leaving.value.code


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("notes.txt").write_text("hello")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sweep", "folder"], "'folder' is no experiment: there is no experiment.yaml in it."),
        (["status", "notes.txt"], "'notes.txt' is no experiment"),
        (["sweep", ""], "There is no experiment named ''."),
        (["fit", "folder"], "'folder' is no experiment"),
        (["fit", "notes.txt"], "'notes.txt' is neither .csv nor .parquet"),
        (["recommend", "--model-size", "8B", "--fit", "folder"], "there is no fit.json in it"),
        (["doctor", "runs.csv", "--model-size", "8Q"], "The model size '8Q' is not a count"),
    ],
)
def test_what_is_there_and_no_experiment_is_said_to_be(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert left(*arguments) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""
    assert sorted(path.name for path in here.iterdir()) == ["folder", "notes.txt"]


def test_a_place_that_cannot_be_written_is_named(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "run_id,n_params,tokens,eval_set,loss\nr,1e6,1e9,domain,2.5\n"
    Path("runs.csv").write_text(rows)
    assert left("export", "runs.csv", "--to", "chinchilla", "--out", "notes.txt/x.csv") == 2
    printed = capsys.readouterr().err.strip().splitlines()[-1]
    assert printed.startswith("mixlaw: 'notes.txt")
    assert "cannot be read or written" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["recommend", "--modl-size", "8B"], "Possible options: --model-size"),
        (["recomend"], "Did you mean 'recommend'? (help: mixlaw -h)"),
        (["fit", "a", "b"], "extra argument(s) (b) (help: mixlaw fit -h)"),
        (["fit", "--draws", "3"], "--draws"),
        (["recommend", "--risk"], "--risk"),
    ],
)
def test_a_wrong_option_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert left(*arguments) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.err.startswith("mixlaw: ")
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert left("--version") == 0
    assert capsys.readouterr().out.strip() == version("mixlaw")


@pytest.mark.parametrize(
    ("arguments", "work"),
    [
        (["fit", "runs.csv"], "mixlaw.fit.api.fit_laws"),
        (["plot", "fitted"], "mixlaw.report.draw.draw_figures"),
        (["import", "auto", "runs.csv"], "mixlaw.importers.assembly.api.import_runs"),
    ],
)
@pytest.mark.parametrize("out", ["notes.txt/deep/out.csv", UNWRITABLE])
def test_a_place_that_cannot_be_written_is_named_before_the_work(
    here: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    work: str,
    out: str,
) -> None:
    monkeypatch.setattr(work, lambda *args, **kwargs: pytest.fail("worked first"))
    Path("runs.csv").write_text("run_id,n_params,tokens,eval_set,loss\nr,1e6,1e9,domain,2.5\n")
    Path("fitted").mkdir()
    Path("fitted/fit.json").write_text("{}")
    assert left(*arguments, "--out", out) == 2
    assert "cannot be written to" in capsys.readouterr().err
