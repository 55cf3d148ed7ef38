"""Where a command finds its input: an experiment or a fit by path or name, or the last one made."""

from pathlib import Path

from mixlaw.errors import ConfigError, unknown_name

#: Where experiments and fits without a path lie, below the working directory.
EXPERIMENTS = Path("experiments")
FITS = Path("fits")


def find_experiment(name: str | None) -> Path:
    """Folder of an experiment: a path, a name under ``experiments/``, or None for the last swept.

    Raises:
        ConfigError: there is no such experiment, or none has been swept yet.
    """
    return _find(name, EXPERIMENTS, "experiment.yaml", "runs.csv", "experiment", "mixlaw sweep")


def find_runs(name: str | None) -> Path:
    """A runs table: a ``.csv`` or ``.parquet`` file, or that of an experiment.

    Raises:
        ConfigError: there is no such experiment, or none has been swept yet.
    """
    if name is not None and (Path(name).suffix in {".csv", ".parquet"} or Path(name).is_file()):
        return Path(name)
    folder = find_experiment(name)
    tables = [folder / f"runs{suffix}" for suffix in (".csv", ".parquet")]
    return next((table for table in tables if table.is_file()), tables[0])


def find_fit(name: str | None) -> Path:
    """Folder of a fit: a path, a name under ``fits/``, or None for the one made last.

    Raises:
        ConfigError: there is no such fit, or none has been made yet.
    """
    return _find(name, FITS, "fit.json", "fit.json", "fit", "mixlaw fit")


def _find(
    name: str | None, room: Path, marker: str, finished: str, what: str, command: str
) -> Path:
    if name is None:
        done = sorted(room.glob(f"*/{finished}"), key=lambda path: path.stat().st_mtime)
        if not done:
            raise ConfigError(f"No finished {what} under ./{room}; run '{command}' first.")
        return done[-1].parent
    for folder in (Path(name), room / name):
        if (folder / marker).is_file():
            return folder
    if name and Path(name).exists():
        raise ConfigError(f"'{name}' is no {what}: there is no {marker} in it.")
    known = [path.parent.name for path in room.glob(f"*/{marker}")]
    raise ConfigError(unknown_name(what, name, known))
