"""The shipped conformance checks over every importer, on its sample in ``tests/data/logs/<name>``.

A sample is the logs, a ``runs.yaml`` and a ``truth.csv`` of what the logs were made with. A new
importer is tested here as soon as it has one.
"""

import json
import textwrap
from pathlib import Path
from types import ModuleType

import pytest

from mixlaw import importers, plugins
from mixlaw.errors import DataError
from mixlaw.importers import Evaluation, Log, Request
from mixlaw.importers.reading import read_json_lines
from mixlaw.runs.table import corpora_of
from mixlaw.testing import ConformanceError, check_importer
from mixlaw.testing.importer import CHECKS, Sample

SAMPLES = Path(__file__).parents[1] / "data" / "logs"
NAMES = plugins.available("importers")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_importer(check, name: str) -> None:
    check(plugins.load("importers", name), Sample(SAMPLES / name))


@pytest.mark.parametrize("name", NAMES)
def test_what_the_sample_describes_is_in_every_row(name: str) -> None:
    frame = Sample(SAMPLES / name).imported(name).frame
    assert set(frame["n_params"]) == {100_000.0}
    assert corpora_of(frame) == ("domain", "general")
    trained = frame[frame["tokens"] > 0]
    assert dict(zip(trained["run_id"], trained["share.domain"], strict=True)) == pytest.approx(
        {"r30": 0.3, "r70": 0.7}
    )


@pytest.mark.parametrize("name", [name for name in NAMES if name != "table"])
def test_auto_reads_the_sample(name: str) -> None:
    sample = Sample(SAMPLES / name)
    frame = sample.imported("auto").frame[["run_id", "tokens", "eval_set", "loss"]]
    assert set(frame.itertuples(index=False, name=None)) == sample.truth


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """Logs of two runs as the importer in the room's docstring reads them."""
    rows = ["run_id,tokens,eval_set,loss"]
    entries = ["defaults: {n_params: 1M, tokens_per_step: 8}", "runs:"]
    for run, share in (("r30", 0.3), ("r70", 0.7)):
        records = []
        for step in (100, 200, 300):
            losses = {"domain": 2 + share / step, "general": 3 - share / step}
            records.append(json.dumps({"step": step, "held_out": losses}))
            rows += [f"{run},{8 * step},{name},{loss!r}" for name, loss in losses.items()]
        log = tmp_path / run / "losses.jsonl"
        log.parent.mkdir()
        log.write_text("\n".join(records) + "\n")
        entries.append(f"  {run}: {{log: {run}, shares: {share}}}")
    (tmp_path / "truth.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "runs.yaml").write_text("\n".join(entries) + "\n")
    return tmp_path


def documented() -> ModuleType:
    """The importer that the room's docstring shows, as a module that is installed nowhere."""
    example = importers.__doc__.partition("A complete importer::\n")[2]
    example = example.partition("What the log cannot say")[0]
    module = ModuleType("my_trainer")
    exec(textwrap.dedent(example), module.__dict__)
    return module


def test_the_importer_of_the_documentation_conforms(sample: Path) -> None:
    check_importer(documented(), sample)


def reads_any(paths, request: Request) -> Log:
    """As the documented importer, but without a look at what it reads."""
    log = Log()
    for record, _ in read_json_lines(paths[0], request.progress):
        if record is not None:
            for name, loss in record["held_out"].items():
                log.evaluations.append(Evaluation(name, float(loss), step=record["step"]))
    return log


def reads_half(paths, request: Request) -> Log:
    log = documented().read(paths, request)
    log.evaluations = log.evaluations[::2]
    return log


def refuses_in_lines(paths, request: Request) -> Log:
    try:
        return documented().read(paths, request)
    except DataError as error:
        raise DataError(f"Sorry:\n{error}") from error


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"EXAMPLE": "a\nb"}, "EXAMPLE"),
        ({"read": reads_half}, "lacks 6"),
        ({"recognises": lambda path, head: False}, "does not recognise"),
        ({"recognises": lambda path, head: True, "read": reads_any}, "never notices"),
        ({"read": refuses_in_lines}, "more than one line"),
    ],
)
def test_an_importer_that_breaks_a_promise_is_named(changes, complaint, sample: Path) -> None:
    importer = documented()
    vars(importer).update(changes)
    with pytest.raises(ConformanceError, match=complaint):
        check_importer(importer, sample)
