"""What happened to the runs of an experiment, while a sweep goes on and after."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mixlaw.errors import ConfigError, unknown_name
from mixlaw.sweep.progress import glimpse
from mixlaw.train.folder import RunFolder


@dataclass(frozen=True)
class RunStatus:
    """State of one base or run.

    Attributes:
        run_id: its name.
        state: ``done``, ``diverged``, ``running``, ``stopped`` (it can go on) or ``waiting``.
        detail: its last losses, how far it is, or its last words.
    """

    run_id: str
    state: str
    detail: str


def sweep_status(experiment: Path) -> list[RunStatus]:
    """State of every base and run that has a folder, bases first."""
    return [_status(folder) for folder in _folders(experiment)]


def read_log(experiment: Path, run_id: str) -> str:
    """What happened to one run.

    Args:
        experiment: folder of the experiment.
        run_id: of a base or run; the beginning of a name is enough where only one has it.

    Raises:
        ConfigError: no run, or more than one, has this name.
    """
    folders = {folder.run_id: folder for folder in _folders(experiment)}
    matching = [name for name in folders if name == run_id] or [
        name for name in folders if name.startswith(run_id)
    ]
    if len(matching) != 1:
        raise ConfigError(unknown_name("run", run_id, matching or folders))
    folder = folders[matching[0]]
    texts = [path.read_text() for path in (folder.log, folder.output) if path.exists()]
    return "\n".join(text for text in texts if text.strip())


def _folders(experiment: Path) -> Iterator[RunFolder]:
    for room in ("bases", "runs"):
        for spec in sorted((experiment / room).glob("*/spec.json")):
            yield RunFolder(spec.parent)


def _status(folder: RunFolder) -> RunStatus:
    records = folder.records()
    if folder.is_done:
        last = {record.eval_set: record.loss for record in records}
        losses = "  ".join(f"{k} {v:.3f}" for k, v in sorted(last.items()) if v is not None)
        return RunStatus(folder.run_id, folder.done()["status"], losses)
    seen = glimpse(folder)
    if folder.is_held:
        return RunStatus(folder.run_id, "running", str(seen or "starts"))
    if seen or records or folder.log.exists():
        return RunStatus(folder.run_id, "stopped", folder.last_words())
    return RunStatus(folder.run_id, "waiting", "")
