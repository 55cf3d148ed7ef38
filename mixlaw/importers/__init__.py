"""Importers: one file, one kind of log somebody else's trainer wrote; together, a runs table.

An importer module declares

``EXAMPLE``
    one line of such a log;
``FILES``
    patterns of the file names it looks for in a folder that is given as a log;
``recognises(path, head)``
    whether a file with these first bytes is one of its logs, for ``mixlaw import auto``;
``read(paths, request)``
    a :class:`Log` of the evaluations in the files of one run, or of a file that holds many runs.

What it needs for that is public: this module's types, and ``mixlaw.importers.reading`` for files
that may be huge, cut, corrupt or hostile, for numbers, and for the metric names of trainers. Logs
are text or bytes to an importer: nothing in them is evaluated, unpickled or followed. What is wrong
with a log is a ``DataError``, one sentence with the file and the line. A complete importer::

    from mixlaw.errors import DataError
    from mixlaw.importers import Evaluation, Log
    from mixlaw.importers.reading import read_json_lines, refuse_without_losses, to_count, to_number

    EXAMPLE = '{"step": 100, "held_out": {"domain": 2.31, "general": 2.87}}'
    FILES = ("losses.jsonl",)

    def recognises(path, head):
        return b'"held_out"' in head.partition(b"}")[0]

    def read(paths, request):
        log = Log()
        for path in paths:
            for record, number in read_json_lines(path, request.progress):
                if record is None:  # cut in the middle of this record
                    log.truncated = True
                    continue
                place = f"'{path}', line {number}"
                step, losses = to_count(record.get("step"), place), record.get("held_out")
                if not isinstance(losses, dict):
                    raise DataError(f"{place}: no map 'held_out'.")
                for name, loss in losses.items():
                    log.evaluations.append(Evaluation(name, to_number(loss, place), step=step))
        if not log.evaluations:
            raise refuse_without_losses(paths[0], "my trainer", ())
        return log

What the log cannot say (model size, mixture, tokens per step, base, ...) comes from a description
by run id, and ``mixlaw.importers.assembly`` joins the two; an importer has nothing to do with it.
``mixlaw.testing.check_importer`` holds an importer to a sample log, cut and changed everywhere.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from mixlaw import plugins
from mixlaw.errors import DataError

#: Eval set of a loss that the trainer did not name: one set, or a blend of several.
UNNAMED = ""
#: How much of a file an importer sees to recognise it. Conventional: a header and some dozen lines.
HEAD_BYTES = 65536


@dataclass(frozen=True)
class Evaluation:
    """One held-out loss as a log has it.

    Attributes:
        eval_set: the log's name of the held-out set, or ``UNNAMED``.
        loss: mean cross-entropy in nats per token.
        step: training steps so far.
        samples: training sequences so far.
        tokens: training tokens so far; the first of tokens, samples, step, epoch that is known is
            used, and a count of 0 at a later step is none.
        run: the run's id or name, in a log of many runs.
        flag: why this evaluation should not be fitted.
        more: other columns of the runs table, by name.
        epoch: passes over the training data so far.
        unit: what the loss is counted in, where that is not nats per token: ``PERPLEXITY``,
            ``BITS_PER_BYTE`` or ``BITS_PER_TOKEN`` of ``mixlaw.importers.reading``.
        counts: all counts of training tokens that the log has here, by name, where it has several.
    """

    eval_set: str
    loss: float
    step: float | None = None
    samples: float | None = None
    tokens: float | None = None
    run: str | None = None
    flag: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)
    epoch: float | None = None
    unit: str = ""
    counts: Mapping[str, float] = field(default_factory=dict)

    @property
    def position(self) -> float:
        """Where on its own axis the evaluation stands."""
        axes = (self.step, self.samples, self.tokens, self.epoch)
        return next((value for value in axes if value is not None), 0.0)


@dataclass
class Log:
    """What one importer read in the files of one run (or in a file of many runs).

    Attributes:
        evaluations: in the order of the log.
        notes: sentences a person should read.
        truncated: the log stops in the middle of a record; the whole records before it are here.
        ordered: the order is the order of training, so that a step back is a resumed run.
        last_step: last training step in the log.
        planned_steps: steps the run was to take, if the log says so.
        guess: of a table whose columns were recognised: what was taken for what, as a description
            says it.
        made_ids: the runs of the log are told apart by size, shares and seed, as it names none.
    """

    evaluations: list[Evaluation] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    truncated: bool = False
    ordered: bool = True
    last_step: float | None = None
    planned_steps: float | None = None
    guess: Mapping[str, Any] = field(default_factory=dict)
    made_ids: bool = False


@dataclass(frozen=True)
class Request:
    """What an importer is given of the description.

    Attributes:
        losses: metric or column names that are held-out losses, beside those the importer knows.
        columns: column of the log by column of the runs table.
        units: what a column of the runs table is multiplied by, as M, B, % or a number.
        described: columns of the runs table that the description gives; ``shares`` for a mixture.
        remainder: the corpus that has what the mapped shares leave; empty where that is not said.
        runs: ids (or names in the log) of the described runs.
        progress: called with the number of bytes read since the last call.
    """

    losses: Sequence[str] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    described: Collection[str] = ()
    remainder: str = ""
    runs: Sequence[str] = ()
    progress: Callable[[int], object] = lambda n_bytes: None


def recognise(path: Path) -> list[str]:
    """Names of the importers that recognise a log, from its name and its first bytes.

    Raises:
        DataError: there is no such file or folder.
    """
    if not path.exists():
        raise DataError(f"There is no log '{path}'.")
    names = plugins.available("importers")
    return [name for name in names if recognised_by(plugins.load("importers", name), path)]


def find_files(importer: ModuleType, name: str, path: Path) -> list[Path]:
    """The log files of an importer at a path: the file itself, or those in a folder, by name.

    Raises:
        DataError: there is no such path, or no such file in the folder.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError(f"There is no log '{path}'.")
    patterns: Sequence[str] = importer.FILES
    files = sorted({file for pattern in patterns for file in path.glob(pattern)})
    if not files:
        raise DataError(
            f"The folder '{path}' holds no {name} log; looked for {', '.join(patterns)}."
        )
    return files


def recognised_by(importer: ModuleType, path: Path) -> bool:
    """Whether an importer recognises a log, a file or a folder."""
    if path.is_dir():
        files = (file for pattern in importer.FILES for file in path.glob(pattern))
        return any(recognised_by(importer, file) for file in files if file.is_file())
    with path.open("rb") as file:
        return bool(importer.recognises(path, file.read(HEAD_BYTES)))
