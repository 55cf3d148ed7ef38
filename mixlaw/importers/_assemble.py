"""Logs and their description -> runs table, joined by run id and never by position."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixlaw import plugins
from mixlaw.errors import ConfigError, DataError
from mixlaw.importers import UNNAMED, Evaluation, Log, Request, files_of, recognise
from mixlaw.importers._description import (
    RunDescription,
    RunsDescription,
    load_description,
    log_paths,
)

if TYPE_CHECKING:
    import pandas as pd

AUTO = "auto"


@dataclass(frozen=True)
class Imported:
    """A validated runs table and what a person should know about it."""

    frame: "pd.DataFrame"
    notes: tuple[str, ...]


def import_runs(
    name: str,
    logs: Sequence[Path] = (),
    describe: Path | None = None,
    progress: Callable[[int], object] = lambda n_bytes: None,
) -> Imported:
    """Read logs into a runs table.

    Args:
        name: an importer, or ``auto`` to recognise each log.
        logs: log files or folders; none for all that the description names.
        describe: the description of the runs; a table that says everything itself needs none.
        progress: called with the number of bytes read since the last call.

    Raises:
        ConfigError: the description is wrong, or does not say what a log leaves open.
        DataError: a log is missing, corrupt, of another trainer, or holds no held-out loss.
    """
    from mixlaw.runs.table import validate_runs

    description = load_description(describe) if describe else RunsDescription()
    notes: list[str] = []
    rows: list[dict[str, Any]] = []
    for run_id, paths in _pairs(description, describe, logs, notes):
        importer = _importer(name, paths)
        files = [file for path in paths for file in files_of(importer, path)]
        request = Request(
            losses=tuple(description.eval_sets),
            columns=description.columns,
            runs=tuple(run.name or key for key, run in description.runs.items()),
            progress=progress,
        )
        log = plugins.load("importers", importer).read(files, request)
        source = f"{importer}:{paths[0].name}"
        for key, part in _by_run(run_id, log, description, source, notes):
            run = description.runs.get(key, RunDescription())
            rows += _rows(key, run, part, description, source, notes)
    _check_complete(rows)
    rows += _base_rows(description)
    return Imported(validate_runs(_frame(rows), source="the imported table"), tuple(notes))


def bytes_to_read(logs: Sequence[Path], describe: Path | None) -> int:
    """Size of the logs, for a progress bar."""
    if not logs and describe:
        description = load_description(describe)
        logs = [p for run in description.runs.values() for p in log_paths(run, describe.parent)]
    files = [file for log in logs for file in (log.iterdir() if log.is_dir() else [log])]
    return sum(file.stat().st_size for file in files if file.is_file())


def _pairs(
    description: RunsDescription, describe: Path | None, logs: Sequence[Path], notes: list[str]
) -> list[tuple[str | None, list[Path]]]:
    """Which logs are whose: (run id, its logs), or (None, [log]) for a log of many runs."""
    folder = describe.parent if describe else Path()
    described = {key: log_paths(run, folder) for key, run in description.runs.items()}
    owner = {path.resolve(): key for key, paths in described.items() for path in paths}
    wanted = {owner[log.resolve()] for log in logs if log.resolve() in owner}
    chosen = [key for key, paths in described.items() if paths and (key in wanted or not logs)]
    pairs: list[tuple[str | None, list[Path]]] = [(key, described[key]) for key in chosen]
    free = [log for log in logs if log.resolve() not in owner]
    loose = [key for key, paths in described.items() if not paths]
    if len(free) == 1 and len(loose) == 1:
        pairs.append((loose[0], free))
    else:
        pairs += [(None, [log]) for log in free]
    if not pairs:
        raise ConfigError("There is no log to read; name logs here or in the description.")
    unread = [key for key, paths in described.items() if paths and key not in chosen]
    if unread:
        notes.append(f"not imported, because their logs were not given: {', '.join(unread)}")
    return pairs


def _importer(name: str, paths: Sequence[Path]) -> str:
    """The importer to use; a log that another one recognises, and this one does not, is refused."""
    if name != AUTO:
        plugins.load("importers", name)  # an unknown name is said before a missing file
    for path in paths:
        found = recognise(path)
        if name == AUTO and len(found) == 1:
            return found[0]
        if name == AUTO:
            raise DataError(
                f"'{path}' is recognised as {' and '.join(found) or 'no log that mixlaw knows'}; "
                "name the importer instead of auto ('mixlaw importers' lists them)."
            )
        if found and name not in found and name != "table":
            raise DataError(
                f"'{path}' is no {name} log; it looks like {' or '.join(found)}. "
                f"Use 'mixlaw import {found[0]}'."
            )
    return name


def _by_run(
    run_id: str | None,
    log: Log,
    description: RunsDescription,
    source: str,
    notes: list[str],
) -> Iterator[tuple[str, Log]]:
    """The parts of a log by run id; runs in it that are not described are said and left out."""
    notes += [f"{source}: {note}" for note in log.notes]
    names = list(dict.fromkeys(evaluation.run for evaluation in log.evaluations))
    if names in ([None], []):
        if run_id is None:
            raise ConfigError(
                f"{source} holds one run and does not say which, of what size and mixture; name it "
                "as 'log' of an entry in --describe FILE ('mixlaw importers' shows one)."
            )
        yield run_id, log
        return
    by_name = {run.name or key: key for key, run in description.runs.items()}
    unknown = [str(name) for name in names if by_name and name not in by_name]
    if unknown:
        notes.append(f"{source}: runs that are not described were left out: {', '.join(unknown)}")
    absent = [key for name, key in by_name.items() if name not in names]
    if absent and run_id is None:
        notes.append(f"{source}: described runs that it does not hold: {', '.join(absent)}")
    for name in names:
        if name not in unknown:
            own = [evaluation for evaluation in log.evaluations if evaluation.run == name]
            yield by_name.get(str(name), str(name)), replace(log, evaluations=own)
    if len(unknown) == len(names):
        raise DataError(f"{source} holds none of the described runs; it has {', '.join(unknown)}.")


def _rows(
    run_id: str,
    run: RunDescription,
    log: Log,
    description: RunsDescription,
    source: str,
    notes: list[str],
) -> list[dict[str, Any]]:
    """Rows of the runs table for one run."""
    evaluations = _named(run_id, run, log.evaluations, notes)
    evaluations = _one_axis(run, evaluations)
    if log.ordered:
        evaluations = _superseded(run_id, evaluations, notes)
    flag = _flag_of_log(run_id, run, log, evaluations, notes)
    said = run.columns()
    rows = []
    for evaluation in evaluations:
        row = {
            **_agreed(run_id, dict(evaluation.more), said),
            "run_id": run_id,
            "tokens": _tokens(run_id, run, evaluation, source),
            "eval_set": description.eval_sets.get(evaluation.eval_set, evaluation.eval_set),
            "loss": evaluation.loss,
            "source": source,
            "flag": evaluation.flag or flag,
        }
        rows.append(row)
    lost = sum(not math.isfinite(row["loss"]) for row in rows)
    if lost:
        notes.append(f"{run_id}: {lost} of {len(rows)} losses are not finite; they are flagged")
    if run.annealed is not None:
        last = max(row["tokens"] for row in rows)
        for row in rows:
            row["annealed"] = run.annealed is True or (
                run.annealed == "end" and row["tokens"] == last
            )
    return rows


def _named(
    run_id: str, run: RunDescription, evaluations: list[Evaluation], notes: list[str]
) -> list[Evaluation]:
    """Evaluations with a named set; an unnamed one is taken only if the description names it."""
    unnamed = [e for e in evaluations if e.eval_set == UNNAMED]
    if not unnamed:
        return evaluations
    if run.unnamed_eval_set is not None:
        name = run.unnamed_eval_set
        return [replace(e, eval_set=name) if e.eval_set == UNNAMED else e for e in evaluations]
    if len(unnamed) == len(evaluations):
        raise DataError(
            f"Run '{run_id}' logs one held-out loss without a name; a blend of corpora cannot be "
            "fitted, so evaluate them apart, or, if it is a single set, name it with "
            "'unnamed_eval_set' in the description."
        )
    notes.append(f"{run_id}: left out {len(unnamed)} losses that are not of one named eval set")
    return [e for e in evaluations if e.eval_set != UNNAMED]


def _one_axis(run: RunDescription, evaluations: list[Evaluation]) -> list[Evaluation]:
    """Of an eval set logged against samples and against steps too, only the better axis."""
    axes: dict[str, set[bool]] = {}
    for evaluation in evaluations:
        axes.setdefault(evaluation.eval_set, set()).add(evaluation.step is None)
    by_samples = run.sequence_length is not None
    return [e for e in evaluations if len(axes[e.eval_set]) == 1 or (e.step is None) == by_samples]


def _superseded(run_id: str, evaluations: list[Evaluation], notes: list[str]) -> list[Evaluation]:
    """Flag what a resumed run did again; one that starts from the beginning is another run."""
    flagged: dict[int, Evaluation] = {}
    in_force: dict[str, list[int]] = {}
    for i, evaluation in enumerate(evaluations):
        stack = in_force.setdefault(evaluation.eval_set, [])
        first, last = (evaluations[stack[j]].position for j in (0, -1)) if stack else (0.0, 0.0)
        if first < evaluation.position < last:
            while evaluations[stack[-1]].position >= evaluation.position:
                j = stack.pop()
                flagged[j] = replace(evaluations[j], flag="superseded by resumed run")
        stack.append(i)
    if flagged:
        notes.append(f"{run_id}: resumed; {len(flagged)} evaluations done again are superseded")
    return [flagged.get(i, evaluation) for i, evaluation in enumerate(evaluations)]


def _flag_of_log(
    run_id: str,
    run: RunDescription,
    log: Log,
    evaluations: list[Evaluation],
    notes: list[str],
) -> str:
    """Why no row of this log should be fitted: it was cut, or the run never ended."""
    steps = [e.step for e in evaluations if e.step is not None]
    if log.last_step is not None and steps and max(steps) < log.last_step:
        notes.append(
            f"{run_id}: the last evaluation is at step {max(steps):g}, but the log goes on to "
            f"step {log.last_step:g}"
        )
    if log.truncated:
        notes.append(
            f"{run_id}: the log is cut at its end; its whole records are flagged truncated"
        )
        return "truncated"
    planned, last = log.planned_steps, log.last_step
    if planned is not None and last is not None and last < planned and not run.finished:
        notes.append(
            f"{run_id}: stopped at step {last:g} of {planned:g}, so its rows are flagged "
            "unfinished; 'finished: true' in the description keeps them"
        )
        return "unfinished"
    return ""


def _tokens(run_id: str, run: RunDescription, evaluation: Evaluation, source: str) -> float:
    """Training tokens of an evaluation; the axis is never guessed."""
    if evaluation.tokens is not None:
        return evaluation.tokens
    if evaluation.samples is not None and run.sequence_length:
        return evaluation.samples * run.sequence_length
    if evaluation.step is not None and run.tokens_per_step:
        return evaluation.step * run.tokens_per_step
    asked = "tokens_per_step (global batch size x sequence length)"
    if evaluation.samples is not None:
        asked = "sequence_length" + (f", or {asked}" if evaluation.step is not None else "")
    raise ConfigError(
        f"Run '{run_id}' has no token axis in {source}; say {asked} in the description."
    )


def _agreed(run_id: str, logged: dict[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """The log's own columns with the description's; two different answers are refused."""
    for column in logged.keys() & said.keys():
        if str(logged[column]) != str(said[column]) and not _equal(logged[column], said[column]):
            raise DataError(
                f"Run '{run_id}': its table says {column} = {logged[column]}, the description "
                f"{said[column]}; drop one of them."
            )
    return {**logged, **said}


def _equal(a: Any, b: Any) -> bool:
    try:
        return float(a) == float(b)
    except (TypeError, ValueError):
        return False


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
        said = base.model_dump(exclude={"losses"}, exclude_none=True)
        for eval_set, loss in base.losses.items():
            yield {
                **said,
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
