"""Which log is whose, which importer reads it, and which part of it belongs to which run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

from mixlaw import plugins
from mixlaw.errors import ConfigError, DataError
from mixlaw.importers import Log, recognise
from mixlaw.importers.assembly.description import RunsDescription, log_paths

#: Instead of an importer's name: recognise every log.
AUTO = "auto"
#: The importer of plain tables, and the endings of files that are one where nothing else is.
TABLE, TABLES = "table", (".csv", ".tsv", ".txt", ".xlsx", ".parquet")


@dataclass(frozen=True)
class Importer:
    """An importer module with the name that messages and the ``source`` column give it."""

    name: str
    module: ModuleType

    @classmethod
    def named(cls, name: str) -> "Importer":
        """An installed importer.

        Raises:
            ConfigError: there is none of this name.
        """
        return cls(name, plugins.load("importers", name))


def pair_logs(
    description: RunsDescription, describe: Path | None, logs: Sequence[Path], notes: list[str]
) -> list[tuple[str | None, list[Path]]]:
    """Which logs are whose: (run id, its logs), or (None, [log]) for a log of many runs.

    Raises:
        ConfigError: no log is named, here or in the description.
    """
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


def choose_importer(importer: str | ModuleType, paths: Sequence[Path]) -> Importer:
    """The importer of these logs: by name, recognised, or a module that is taken as it is.

    Raises:
        ConfigError: there is no importer of this name.
        DataError: a log is not recognised, or is recognised by other importers alone.
    """
    if isinstance(importer, ModuleType):
        chosen = Importer(plugins.name_of(importer), importer)
    elif importer == AUTO:
        return Importer.named(_recognised(paths))
    else:
        chosen = Importer.named(importer)  # an unknown name is refused before a missing file
    for path in paths:
        others = recognise(path)
        # Any CSV is a table to the importer of plain tables, so nothing is too strange for it.
        if others and chosen.name not in (*others, TABLE):
            raise DataError(
                f"'{path}' is no {chosen.name} log; it looks like {' or '.join(others)}. "
                f"Use 'mixlaw import {others[0]}'."
            )
    return chosen


def _recognised(paths: Sequence[Path]) -> str:
    """The one importer that recognises the first of these logs; a table is one that none does."""
    names = recognise(paths[0])
    if not names and paths[0].suffix.lower() in TABLES:
        return TABLE
    if not names:
        raise DataError(
            f"'{paths[0]}' is recognised as no log that mixlaw knows; 'mixlaw importers' lists "
            "what it reads, and a CSV with the columns run_id, n_params, step, eval_set and loss, "
            "written by hand or by a script, is imported with 'mixlaw import table FILE'."
        )
    if len(names) != 1:
        raise DataError(
            f"'{paths[0]}' is recognised as {' and '.join(names)}; name the importer instead of "
            "auto ('mixlaw importers' lists them)."
        )
    return names[0]


def parts_by_run(
    run_id: str | None,
    log: Log,
    description: RunsDescription,
    source: str,
    notes: list[str],
) -> Iterator[tuple[str, Log]]:
    """The parts of a log by run id; runs in it that are not described are noted and left out.

    Raises:
        ConfigError: the log holds one run, and nothing says which.
        DataError: the log holds none of the described runs.
    """
    notes += [f"{source}: {note}" for note in log.notes]
    names = list(dict.fromkeys(evaluation.run for evaluation in log.evaluations))
    if names in ([None], []) or (log.made_ids and run_id is not None):
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
