"""What is said before anything is prepared: corpora too small, targets out of reach."""

import gzip
from pathlib import Path

import pytest
from tiny_sweep import write_tiny

from mixlaw.cli import main
from mixlaw.corpora.capacity import most_tokens
from mixlaw.errors import DataError
from mixlaw.experiment import CorpusSource, load_experiment
from mixlaw.sweep.api import run_sweep
from mixlaw.sweep.dry_run import describe_sweep


def test_a_token_is_a_byte_at_least(tmp_path: Path):
    (tmp_path / "a.txt").write_text("x" * 1000)
    (tmp_path / "b.txt").write_text("y" * 500)
    assert most_tokens(CorpusSource(path=str(tmp_path))) == 1500
    ids = tmp_path / "ids.bin"
    ids.write_bytes(bytes(4000))
    assert most_tokens(CorpusSource(path=str(ids), dtype="uint32")) == 1000
    packed = tmp_path / "c.txt.gz"
    packed.write_bytes(gzip.compress(b"z" * 10_000))
    assert most_tokens(CorpusSource(path=str(packed))) is None
    assert most_tokens(CorpusSource(builtin="domain")) is None


@pytest.fixture
def too_long(tmp_path: Path) -> Path:
    """The tiny sweep with a budget of two billion tokens."""
    experiment = write_tiny(tmp_path)
    path = experiment / "experiment.yaml"
    text = path.read_text()
    assert "[1k, 2k]" in text
    path.write_text(text.replace("[1k, 2k]", "[1k, 2B]"))
    return experiment


def test_a_corpus_that_cannot_hold_the_tokens_is_refused_before_it_is_encoded(too_long: Path):
    notes = describe_sweep(too_long)["notes"]
    assert any("'domain' is " in note and "cannot make the 2B tokens" in note for note in notes)
    with pytest.raises(DataError, match="cannot make the 2B tokens that the longest run reads"):
        run_sweep(too_long)
    assert not (too_long / "corpora").exists()


def test_a_corpus_that_is_large_enough_is_not_remarked_on(tmp_path: Path):
    assert describe_sweep(write_tiny(tmp_path))["notes"] == []


@pytest.mark.parametrize(
    ("options", "target", "said"),
    [
        ([], (8e9, 2e10), "A demonstration only"),
        (["--model-size", "800k", "--tokens", "1M"], (8e5, 1e6), ""),
        (["--model-size", "1234567890"], (1_234_567_890, 2e10), "A demonstration only"),
    ],
)
def test_init_writes_the_target_and_says_whether_it_is_within_reach(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    target: tuple[float, float],
    said: str,
):
    text = write_tiny(tmp_path / "tiny") / "text"
    monkeypatch.chdir(tmp_path)
    paths = ["--domain", str(text / "domain.jsonl"), "--general", str(text / "general.jsonl")]
    with pytest.raises(SystemExit) as end:
        main(["init", "mine", *paths, *options])
    assert not end.value.code
    experiment = load_experiment(Path("experiments/mine"))
    assert (experiment.target.n_params, experiment.target.tokens) == target
    printed = capsys.readouterr().err
    assert ("A demonstration only" in printed) is bool(said)
