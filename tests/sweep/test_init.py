"""mixlaw init and the quickstart's own file."""

from pathlib import Path

import pytest
from tiny_sweep import write_tiny

from mixlaw.cli import main
from mixlaw.experiment import load_experiment
from mixlaw.rundir.streams import check_lengths
from mixlaw.sweep.api import prepare
from mixlaw.sweep.plan import DataIdentity, plan_runs
from mixlaw.sweep.quickstart import write_quickstart


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two corpora at a path that YAML must quote, and an empty working directory."""
    monkeypatch.chdir(tmp_path)
    return write_tiny(tmp_path / 'odd: "path" #1') / "text"


def init(*arguments: str) -> int:
    try:
        main(["init", *arguments])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_what_init_writes_can_be_swept(text: Path, capsys: pytest.CaptureFixture[str]):
    paths = ["--domain", str(text / "domain.jsonl"), "--general", str(text / "general.jsonl")]
    assert init("mine", *paths) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path == Path("experiments/mine/experiment.yaml")
    assert path.read_text().count("#") > 15
    # The two corpora are small: shorter runs, everything else as written.
    shorter = path.read_text().replace("held_out_tokens: 16k", "held_out_tokens: 1k")
    shorter = shorter.replace("[16k, 32k, 64k, 128k]", "[6k, 12k]").replace("1M", "60k")
    path.write_text(shorter)
    experiment = load_experiment(path.parent)
    corpora = prepare(path.parent, experiment, lambda message: None)
    plan = plan_runs(experiment, DataIdentity.of(corpora))
    for run in plan.runs:
        check_lengths(run, corpora)
    assert len(plan.runs) == 3 * 6 + 1


@pytest.mark.parametrize(
    ("name", "domain", "more", "message"),
    [
        ("mine", "missing.txt", [], "no 'missing.txt' for --domain"),
        ("mine", "/dev/null", [], "no '/dev/null' for --domain"),
        ("../up", "domain.jsonl", [], "no name for a folder"),
        ("", "domain.jsonl", [], "no name for a folder"),
        ("mine", "general.jsonl", [], "given for both --domain and --general"),
        ("mine", "domain.jsonl", ["--base", "./model"], "no folder './model' for --base"),
        ("mine", "domain.jsonl", ["--base", "."], "holds no config.json"),
        ("mine", "domain.jsonl", ["--base", "damaged"], "damaged/config.json' cannot be read"),
    ],
)
def test_bad_input_is_a_sentence_and_writes_nothing(
    text: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    domain: str,
    more: list[str],
    message: str,
):
    Path("damaged").mkdir()
    Path("damaged/config.json").write_text("{")
    source = text / domain if (text / domain).exists() else Path(domain)
    arguments = [name, "--domain", str(source), "--general", str(text / "general.jsonl"), *more]
    assert init(*arguments) == 2
    assert message in capsys.readouterr().err
    assert not Path("experiments").exists()


def test_an_experiment_is_not_overwritten(text: Path, capsys: pytest.CaptureFixture[str]):
    arguments = ["mine", "--domain", str(text), "--general", str(text / "general.jsonl")]
    assert init(*arguments) == 0
    assert init(*arguments) == 2
    assert "exists; choose another name" in capsys.readouterr().err


def test_the_quickstart_is_valid_and_a_changed_one_is_kept(tmp_path: Path):
    folder = write_quickstart(tmp_path)
    experiment = load_experiment(folder)
    assert experiment.target.n_params == 8e9
    assert experiment.domain_ratio(experiment.all_mixtures[0]) == 0
    (folder / "experiment.yaml").write_text("changed")
    assert (write_quickstart(tmp_path) / "experiment.yaml").read_text() == "changed"
