"""Where a command finds its input: an experiment or a fit by path or name, or the last one.

One rule for all commands: without a name, it is the experiment or the fit below ``./experiments``
or ``./fits`` that changed last, and the command's first line says which. Only ``sweep`` has a
built-in one instead.
"""

from collections.abc import Sequence
from pathlib import Path

from mixlaw.cli import output
from mixlaw.errors import ConfigError, unknown_name

#: Where experiments and fits without a path lie, below the working directory.
EXPERIMENTS = Path("experiments")
FITS = Path("fits")
_TABLES = ("runs.csv", "runs.parquet")


def find_experiment(name: str | None, *, quiet: bool = False) -> Path:
    """Folder of an experiment: a path, a name under ``experiments/``, or None for the last.

    Args:
        name: what the person gave.
        quiet: do not say which one it is where no name was given.

    Raises:
        ConfigError: there is no such experiment, or none has been begun yet.
    """
    if name is not None:
        return _named(name, EXPERIMENTS, "experiment.yaml", "experiment")
    return _last(last_experiment(), EXPERIMENTS, "experiment", "mixlaw sweep", quiet)


def find_runs(name: str | None, *, quiet: bool = False) -> Path:
    """A runs table: a ``.csv`` or ``.parquet`` file, or that of an experiment.

    Raises:
        ConfigError: there is no such experiment, or none has a table yet.
    """
    if name is not None and (Path(name).suffix in {".csv", ".parquet"} or Path(name).is_file()):
        return Path(name)
    if name is not None:
        folder = find_experiment(name)
    else:
        found = last_experiment(with_table=True)
        folder = _last(found, EXPERIMENTS, "experiment with a table", "mixlaw sweep", quiet)
    tables = [folder / table for table in _TABLES]
    return next((table for table in tables if table.is_file()), tables[0])


def find_fit(name: str | None, *, quiet: bool = False) -> Path:
    """Folder of a fit: a path, a name under ``fits/``, or None for the last one.

    Raises:
        ConfigError: there is no such fit, or none has been made yet.
    """
    if name is not None:
        return _named(name, FITS, "fit.json", "fit")
    return _last(last_fit(), FITS, "fit", "mixlaw fit", quiet)


def last_experiment(*, with_table: bool = False) -> Path | None:
    """The experiment whose runs, or table, changed last; None without any."""
    return _newest(EXPERIMENTS, _TABLES if with_table else (*_TABLES, "runs"))


def last_fit() -> Path | None:
    """The fit made last; None without any."""
    return _newest(FITS, ("fit.json",))


def _newest(room: Path, markers: Sequence[str]) -> Path | None:
    found = [path for marker in markers for path in room.glob(f"*/{marker}")]
    newest = max(found, key=lambda path: path.stat().st_mtime, default=None)
    return None if newest is None else newest.parent


def _last(folder: Path | None, room: Path, what: str, command: str, quiet: bool) -> Path:
    if folder is None:
        raise ConfigError(f"There is no {what} under ./{room} yet; run '{command}' first.")
    if not quiet:
        output.say(f"{folder}, the {what} that changed last:")
    return folder


def _named(name: str, room: Path, marker: str, what: str) -> Path:
    for folder in (Path(name), room / name):
        if (folder / marker).is_file():
            return folder
    if name and Path(name).exists():
        raise ConfigError(f"'{name}' is no {what}: there is no {marker} in it.")
    known = [path.parent.name for path in room.glob(f"*/{marker}")]
    raise ConfigError(unknown_name(what, name, known))
