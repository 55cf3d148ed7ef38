"""``import_runs``: logs and their description -> runs table, joined by run id and nothing else."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mixlaw.errors import ConfigError
from mixlaw.importers import Request, find_files
from mixlaw.importers.assembly.description import (
    RunsDescription,
    load_description,
    log_paths,
)
from mixlaw.importers.assembly.rows import rows_of_run
from mixlaw.importers.assembly.sources import choose_importer, pair_logs, parts_by_run

if TYPE_CHECKING:
    import pandas as pd


#: Runs that a note about many names.
NAMED = 3


@dataclass(frozen=True)
class Imported:
    """A validated runs table and what a person should know about it.

    Attributes:
        frame: the table.
        notes: sentences about the logs and how they were read.
        guess: what the columns of a table were taken for, as a description says it.
    """

    frame: "pd.DataFrame"
    notes: tuple[str, ...]
    guess: Mapping[str, Any] = field(default_factory=dict)


def import_runs(
    importer: str | ModuleType,
    logs: Sequence[Path] = (),
    describe: Path | None = None,
    progress: Callable[[int], object] = lambda n_bytes: None,
    say: Sequence[str] = (),
) -> Imported:
    """Read logs into a runs table.

    Args:
        importer: name of an importer, ``auto`` to recognise each log, or an importer module.
        logs: log files or folders; none for all that the description names.
        describe: the description of the runs; a table that says everything itself needs none.
        progress: called with the number of bytes read since the last call.
        say: what the description lacks, as ``tokens=20B`` for every run or ``units.tokens=B``.

    Raises:
        ConfigError: the description is wrong, or does not say what a log leaves open.
        DataError: a log is missing, corrupt, of another trainer, or holds no held-out loss.
    """
    from mixlaw.runs.table import validate_runs

    description = load_description(describe, say)
    notes: list[str] = []
    rows: list[dict[str, Any]] = []
    guess: Mapping[str, Any] = {}
    for run_id, paths in pair_logs(description, describe, logs, notes):
        chosen = choose_importer(importer, paths)
        files = [file for path in paths for file in find_files(chosen.module, chosen.name, path)]
        log = chosen.module.read(files, _request(description, progress))
        source = f"{chosen.name}:{paths[0].name}"
        eval_sets = {**log.guess.get("eval_sets", {}), **description.eval_sets}
        if log.guess:
            guess = {**log.guess, **({"eval_sets": eval_sets} if eval_sets else {})}
        for key, part in parts_by_run(run_id, log, description, source, notes):
            rows += rows_of_run(key, description.run(key), part, eval_sets, source, notes)
    _check_complete(rows)
    rows += _base_rows(description)
    return Imported(
        validate_runs(_frame(rows), source="the imported table"), tuple(_grouped(notes)), guess
    )


def _grouped(notes: Sequence[str]) -> Iterator[str]:
    """Notes of several runs that say the same, as one."""
    of_text: dict[str, list[str]] = {}
    for note in notes:
        run, _, text = note.partition(": ")
        of_text.setdefault(text, []).append(run)
    for text, runs in of_text.items():
        others = f" and {len(runs) - NAMED} more" if len(runs) > NAMED else ""
        names = ", ".join(runs[:NAMED]) + others
        yield f"{names}: {text}" if text else names


def _request(description: RunsDescription, progress: Callable[[int], object]) -> Request:
    """What an importer is told of the description."""
    runs = [description.defaults, *description.runs.values()]
    described = {name for run in runs for name in run.columns()}
    if any(name.startswith("share.") for name in described):
        described.add("shares")
    return Request(
        losses=tuple(description.eval_sets),
        columns=description.columns,
        units=description.units,
        described=described,
        remainder=description.remainder or "",
        runs=tuple(run.name or key for key, run in description.runs.items()),
        progress=progress,
    )


def bytes_to_read(logs: Sequence[Path], describe: Path | None) -> int:
    """Size of the logs, for a progress bar."""
    if not logs and describe:
        description = load_description(describe)
        logs = [p for run in description.runs.values() for p in log_paths(run, describe.parent)]
    files = [file for log in logs for file in (log.iterdir() if log.is_dir() else [log])]
    return sum(file.stat().st_size for file in files if file.is_file())


def _check_complete(rows: Sequence[Mapping[str, Any]]) -> None:
    """Every run needs a size, and what one run says of mixture or annealing, all must say."""
    mistakes = []
    lacking = sorted({row["run_id"] for row in rows if "n_params" not in row})
    runs = {row["run_id"]: row for row in rows if row["tokens"] > 0}
    if lacking:
        mistakes.append(f"n_params is missing for {', '.join(lacking)}")
    for what, prefix in (("shares", ("share.", "domain_ratio")), ("annealed", ("annealed",))):
        mixed = [run for run, row in runs.items() if not any(c.startswith(prefix) for c in row)]
        if mixed and len(mixed) < len(runs):
            mistakes.append(f"{what} missing for {', '.join(mixed)}, and given for other runs")
    if mistakes:
        listing = "\n".join(f"  - {mistake}" for mistake in mistakes)
        raise ConfigError(f"The description leaves open:\n{listing}")


def _base_rows(description: RunsDescription) -> Iterator[dict[str, Any]]:
    for base_id, base in description.bases.items():
        known = base.model_dump(exclude={"losses"}, exclude_none=True)
        for eval_set, loss in base.losses.items():
            yield {
                **known,
                "run_id": base_id,
                "base_id": base_id,
                "tokens": 0,
                "eval_set": eval_set,
                "loss": loss,
                "source": "description",
            }


def _frame(rows: Sequence[Mapping[str, Any]]) -> "pd.DataFrame":
    """The rows as a table; a share that a run does not name is zero of its mixture."""
    import pandas as pd

    frame = pd.DataFrame(rows)
    shares = [column for column in frame.columns if column.startswith("share.")]
    trained = frame["tokens"].astype(float) > 0
    frame.loc[trained, shares] = frame.loc[trained, shares].fillna(0.0)
    if "annealed" in frame:
        frame["annealed"] = (
            frame["annealed"].astype(object).where(frame["annealed"].notna(), "false")
        )
    return frame


def flag_counts(frame: "pd.DataFrame") -> dict[str, int]:
    """Rows by reason not to fit them."""
    return dict(sorted(Counter(flag for flag in frame["flag"] if flag).items()))
