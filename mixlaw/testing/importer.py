"""What every importer keeps: exact losses, whole records of cut logs, refusals in one sentence."""

import csv
import random
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import TYPE_CHECKING

from mixlaw import plugins
from mixlaw.importers import recognise, recognised_by
from mixlaw.importers.assembly.api import Imported, import_runs
from mixlaw.testing.conformance import attempt, refusal, require

if TYPE_CHECKING:
    import pandas as pd

DESCRIPTION, TRUTH = "runs.yaml", "truth.csv"
#: A log is cut at every so many bytes, and at every byte of its end. Conventional.
CUT_EVERY, CUT_TAIL = 211, 20
#: Changes of every log. Conventional; more take longer.
N_CHANGES = 30
#: What takes the place of a number or of some bytes of a log.
JUNK = ("NaN", "null", "-1", "1e999", "true", '"x"', "[]", "{}", "'", "9" * 5000, "\\u0000", "0")
#: Files that are no log of anything.
GARBAGE = {
    "an empty file": b"",
    "a file of zeros": bytes(4096),
    "a file that is not text": b"\xff\xfe\xfd" * 100,
    "a file of brackets": b"[" * 200_000,
    "a state of brackets": b'{"log_history": ' + b"[" * 10**5,
}
#: Logs of two other trainers; one of them is not of the importer that is checked.
_OTHERS = {
    "trainer_state.json": '{"log_history": [{"step": 1, "eval_a_loss": 2.0}], "global_step": 1}',
    "out.log": " iteration        1/       2 | consumed samples:            8 | lm loss: 2.0E+00 |"
    "\n validation-a loss at iteration 1 | lm loss value: 2.0E+00 | lm loss PPL: 7.389E+00 | \n",
}

Rows = set[tuple[str, float, str, float]]


@dataclass(frozen=True)
class Sample:
    """A folder of logs with a description and the losses that they were made with.

    Attributes:
        folder: the logs, ``runs.yaml`` (as for ``mixlaw import --describe``) and ``truth.csv``,
            with the columns ``run_id,tokens,eval_set,loss``. At best a real log, cut short.
    """

    folder: Path

    @property
    def truth(self) -> Rows:
        """The rows of ``truth.csv``."""
        with (self.folder / TRUTH).open(encoding="utf-8", newline="") as file:
            return {
                (row["run_id"], float(row["tokens"]), row["eval_set"], float(row["loss"]))
                for row in csv.DictReader(file)
            }

    @property
    def logs(self) -> list[Path]:
        """All files but the description and the truth."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return sorted(path for path in files if path.name not in {DESCRIPTION, TRUTH})

    def imported(self, importer: str | ModuleType) -> Imported:
        """The sample's table; its logs are named here where the description does not."""
        named = "log:" in (self.folder / DESCRIPTION).read_text(encoding="utf-8")
        inside = [path for path in self.folder.iterdir() if path.name not in {DESCRIPTION, TRUTH}]
        return import_runs(importer, [] if named else inside, self.folder / DESCRIPTION)

    def copied(self, folder: str) -> "Sample":
        """A copy that may be changed."""
        return Sample(Path(shutil.copytree(self.folder, Path(folder) / "sample")))


def check_importer(importer: ModuleType, sample: Path) -> None:
    """Check an importer on a sample log, whole, cut and changed.

    Checked are: that the sample gives exactly the losses and tokens of ``truth.csv``, which survive
    being written and read again; that the importer recognises its logs, and no other installed one
    does; that a log that is cut anywhere gives whole records or one sentence; that whatever stands
    in place of a number or a byte gives a table or one sentence with exit code 2; that logs of
    other trainers and files that are no logs are refused.

    Args:
        importer: the module.
        sample: folder of a :class:`Sample`: logs, ``runs.yaml`` and ``truth.csv``.

    Raises:
        ConformanceError: the importer breaks one of these.
    """
    for check in CHECKS:
        check(importer, Sample(sample))


def declares_itself(importer: ModuleType, sample: Sample) -> None:
    """``EXAMPLE`` is one line, ``FILES`` holds patterns."""
    name = plugins.name_of(importer)
    require(importer.EXAMPLE and "\n" not in importer.EXAMPLE, f"EXAMPLE of {name} is no one line.")
    require(not isinstance(importer.FILES, str), f"FILES of {name} is a text; give a tuple.")


def sample_gives_its_losses(importer: ModuleType, sample: Sample) -> None:
    """The rows are those of ``truth.csv``, unflagged, and survive a file."""
    from mixlaw.runs.table import read_runs, write_runs

    frame = sample.imported(importer).frame
    rows = _rows(frame)
    require(
        rows == sample.truth,
        f"The sample of {plugins.name_of(importer)} gives {len(rows - sample.truth)} rows that "
        f"truth.csv lacks, and lacks {len(sample.truth - rows)} of its rows.",
    )
    require(set(frame["flag"]) == {""}, "Rows of the whole sample are flagged.")
    with TemporaryDirectory() as folder:
        write_runs(frame, Path(folder) / "runs.csv")
        again = _rows(read_runs(Path(folder) / "runs.csv"))
    require(again == rows, "The table of the sample is another once it was written and read.")


def recognises_its_logs(importer: ModuleType, sample: Sample) -> None:
    """Its logs are recognised, and by no other installed importer; without ``FILES`` none is."""
    name = plugins.name_of(importer)
    if not importer.FILES:
        return
    for log in sample.logs:
        require(recognised_by(importer, log), f"{name} does not recognise its log '{log.name}'.")
        others = [other for other in recognise(log) if other != name]
        require(not others, f"'{log.name}' of {name} is recognised by {', '.join(others)} too.")


def a_cut_log_gives_whole_records(importer: ModuleType, sample: Sample) -> None:
    """Whatever byte a log ends at, no loss is imported that was not measured."""
    name, truth, noticed = plugins.name_of(importer), sample.truth, 0
    with TemporaryDirectory() as folder:
        sample = sample.copied(folder)
        log = sample.logs[0]
        data = log.read_bytes()
        tail = range(max(0, len(data) - CUT_TAIL), len(data))
        for end in sorted({*range(0, len(data), CUT_EVERY), *tail}):
            log.write_bytes(data[:end])
            result = attempt(lambda: sample.imported(importer), f"A log of {name} cut at {end}")
            if result is None:
                noticed += 1
                continue
            frame = result.frame
            kept = _rows(frame[frame["flag"].isin(["", "truncated"])])
            require(
                kept <= truth,
                f"A log of {name} cut at byte {end} gives losses that were not measured: "
                f"{sorted(kept - truth)[:2]}.",
            )
            noticed += int((frame["flag"] != "").any())
    require(noticed, f"{name} never notices that its log is cut; set Log.truncated.")


def a_changed_log_is_no_accident(importer: ModuleType, sample: Sample) -> None:
    """Whatever stands in place of a number or a byte: a table, or one sentence, exit code 2."""
    name = plugins.name_of(importer)
    draw = random.Random(name)
    with TemporaryDirectory() as folder:
        sample = sample.copied(folder)
        for log in sample.logs[:2]:
            data = log.read_bytes()
            numbers = list(re.finditer(rb"(?<![\w.])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", data))
            for _ in range(N_CHANGES):
                start, end = draw.choice(numbers).span() if numbers else (0, 0)
                if draw.random() < 0.3:
                    start = draw.randrange(len(data))
                    end = start + draw.randrange(3)
                junk = draw.choice(JUNK).encode()
                log.write_bytes(data[:start] + junk + data[end:])
                what = f"A log of {name} with {junk[:20]!r} at byte {start}"
                attempt(lambda: sample.imported(importer), what, one_line=False)
            log.write_bytes(data)


def other_logs_are_refused(importer: ModuleType, sample: Sample) -> None:
    """A log of another trainer is refused in one sentence."""
    name = plugins.name_of(importer)
    with TemporaryDirectory() as folder:
        for file, text in _OTHERS.items():
            path = Path(folder) / file
            path.write_text(text)
            if not recognised_by(importer, path):
                describe = Path(folder) / DESCRIPTION
                describe.write_text(f"runs: {{a: {{log: {file}, n_params: 1M}}}}\n")
                with refusal(f"'{file}' of another trainer, given to {name},"):
                    import_runs(importer, [], describe)


def garbage_is_refused(importer: ModuleType, sample: Sample) -> None:
    """A file that is no log is refused in one sentence."""
    name = plugins.name_of(importer)
    text = "runs: {a: {log: log, n_params: 1M, tokens_per_step: 8}}\n"
    with TemporaryDirectory() as folder:
        describe = Path(folder) / DESCRIPTION
        describe.write_text(text)
        for what, content in GARBAGE.items():
            (Path(folder) / "log").write_bytes(content)
            with refusal(f"To {name}, {what}"):
                import_runs(importer, [], describe)


CHECKS: tuple[Callable[[ModuleType, Sample], None], ...] = (
    declares_itself,
    sample_gives_its_losses,
    recognises_its_logs,
    a_cut_log_gives_whole_records,
    a_changed_log_is_no_accident,
    other_logs_are_refused,
    garbage_is_refused,
)


def _rows(frame: "pd.DataFrame") -> Rows:
    columns = frame[["run_id", "tokens", "eval_set", "loss"]]
    return set(columns.itertuples(index=False, name=None))
