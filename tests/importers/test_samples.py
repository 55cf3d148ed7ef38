"""One conformance suite over every importer, on its sample in ``tests/data/logs/<name>``.

A sample is the logs, a ``runs.yaml`` and a ``truth.csv`` of what the logs were made with. A new
importer is tested here as soon as it has one.
"""

import csv
import random
import re
import shutil
from pathlib import Path

import pytest

from mixlaw import plugins
from mixlaw.errors import MixlawError
from mixlaw.importers import recognise
from mixlaw.importers._assemble import Imported, import_runs
from mixlaw.runs.table import corpora_of, read_runs, write_runs

SAMPLES = Path(__file__).parents[1] / "data" / "logs"
NAMES = plugins.available("importers")

Rows = set[tuple[str, float, str, float]]


def logs_of(folder: Path) -> list[Path]:
    """Logs to name on the command line: none where the description names them."""
    if "log:" in (folder / "runs.yaml").read_text():
        return []
    return [path for path in folder.iterdir() if path.name not in {"runs.yaml", "truth.csv"}]


def imported(name: str, folder: Path) -> Imported:
    return import_runs(name, logs_of(folder), folder / "runs.yaml")


def rows_of(result: Imported) -> Rows:
    columns = result.frame[["run_id", "tokens", "eval_set", "loss"]]
    return set(columns.itertuples(index=False, name=None))


def truth_of(folder: Path) -> Rows:
    with (folder / "truth.csv").open() as file:
        return {
            (row["run_id"], float(row["tokens"]), row["eval_set"], float(row["loss"]))
            for row in csv.DictReader(file)
        }


def attempt(name: str, folder: Path) -> Imported | MixlawError:
    try:
        return imported(name, folder)
    except MixlawError as error:
        return error


def log_files(folder: Path) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(path for path in files if path.name not in {"runs.yaml", "truth.csv"})


@pytest.mark.parametrize("name", NAMES)
def test_sample_gives_the_exact_losses_and_tokens(name: str, tmp_path: Path) -> None:
    result = imported(name, SAMPLES / name)
    assert rows_of(result) == truth_of(SAMPLES / name)
    frame = result.frame
    assert set(frame["flag"]) == {""}
    assert set(frame["n_params"]) == {100_000.0}
    assert corpora_of(frame) == ("domain", "general")
    trained = frame[frame["tokens"] > 0]
    assert dict(zip(trained["run_id"], trained["share.domain"], strict=True)) == pytest.approx(
        {"r30": 0.3, "r70": 0.7}
    )
    write_runs(frame, tmp_path / "runs.csv")
    again = read_runs(tmp_path / "runs.csv")
    assert set(again["loss"]) == set(frame["loss"])


@pytest.mark.parametrize("name", [name for name in NAMES if name != "table"])
def test_auto_recognises_the_sample(name: str) -> None:
    folder = SAMPLES / name
    for log in log_files(folder):
        if log.name != "training.jsonl" or name == "nemo":
            assert recognise(log) == [name]
    assert rows_of(imported("auto", folder)) == truth_of(folder)


@pytest.mark.parametrize("name", NAMES)
def test_has_an_example_line(name: str) -> None:
    example = plugins.load("importers", name).EXAMPLE
    assert example
    assert "\n" not in example


@pytest.mark.parametrize("name", NAMES)
def test_a_log_cut_anywhere_gives_whole_records_or_one_sentence(name: str, tmp_path: Path) -> None:
    """Whatever byte a log ends at, no loss is imported that was not measured."""
    truth = truth_of(SAMPLES / name)
    folder = tmp_path / name
    shutil.copytree(SAMPLES / name, folder)
    log = log_files(folder)[0]
    data = log.read_bytes()
    noticed = 0
    for end in sorted({*range(0, len(data), 211), *range(max(0, len(data) - 20), len(data))}):
        log.write_bytes(data[:end])
        result = attempt(name, folder)
        if isinstance(result, MixlawError):
            assert result.exit_code == 2
            assert "\n" not in str(result)
            noticed += 1
            continue
        frame = result.frame[result.frame["flag"].isin(["", "truncated"])]
        assert set(frame[["run_id", "tokens", "eval_set", "loss"]].itertuples(index=False)) <= truth
        noticed += int((result.frame["flag"] != "").any())
    assert noticed > 0


JUNK = ("NaN", "null", "-1", "1e999", "true", '"x"', "[]", "{}", "'", "9" * 5000, "\\u0000", "0")


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_log_never_ends_in_an_accident(name: str, tmp_path: Path) -> None:
    """Whatever stands in place of a number or a byte: a table, or one sentence with exit code 2."""
    draw = random.Random(name)
    folder = tmp_path / name
    shutil.copytree(SAMPLES / name, folder)
    for log in log_files(folder)[:2]:
        data = log.read_bytes()
        numbers = list(re.finditer(rb"(?<![\w.])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", data))
        for _ in range(30):
            place = draw.choice(numbers).span() if numbers else (0, 0)
            if draw.random() < 0.3:
                start = draw.randrange(len(data))
                place = (start, start + draw.randrange(3))
            junk = draw.choice(JUNK).encode()
            log.write_bytes(data[: place[0]] + junk + data[place[1] :])
            result = attempt(name, folder)
            if isinstance(result, MixlawError):
                assert result.exit_code == 2
        log.write_bytes(data)


@pytest.mark.parametrize("name", NAMES)
def test_a_log_of_another_trainer_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    other = "megatron" if name != "megatron" else "hf-trainer"
    (wrong, *_) = log_files(SAMPLES / other)
    target = tmp_path / wrong.name
    shutil.copy(wrong, target)
    (tmp_path / "runs.yaml").write_text(f"runs: {{a: {{log: {wrong.name}, n_params: 1M}}}}\n")
    with pytest.raises(MixlawError) as refusal:
        import_runs(name, [], tmp_path / "runs.yaml")
    assert refusal.value.exit_code == 2
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "content",
    [b"", bytes(4096), b"\xff\xfe\xfd" * 100, b"[" * 200_000, b'{"log_history": ' + b"[" * 10**5],
    ids=["empty", "zeros", "not text", "nested", "nested state"],
)  # fmt: skip
def test_garbage_is_refused_in_one_sentence(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(content)
    (tmp_path / "runs.yaml").write_text("runs: {a: {log: log, n_params: 1M, tokens_per_step: 8}}\n")
    with pytest.raises(MixlawError) as refusal:
        import_runs(name, [], tmp_path / "runs.yaml")
    assert refusal.value.exit_code == 2
    assert "\n" not in str(refusal.value)
