"""The built-in experiment, and new ones after its pattern: one commented file for both."""

import json
import re
from pathlib import Path

from mixlaw.errors import ConfigError
from mixlaw.experiment import FILE_NAME, parse_experiment
from mixlaw.files import write_atomic

NAME = "quickstart"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def write_quickstart(experiments: Path) -> Path:
    """Write the quickstart's experiment.yaml unless it is there: a person may have changed it.

    Returns:
        Its folder.
    """
    path = experiments / NAME / FILE_NAME
    if not path.exists():
        write_atomic(path, _pattern())
    return path.parent


def write_experiment(
    experiments: Path, name: str, *, domain: Path, general: Path, base: str | None = None
) -> Path:
    """Write a commented experiment.yaml for two corpora of the user's.

    Args:
        experiments: the folder of all experiments.
        name: of the new one; its folder's name.
        domain: file or folder of the domain's text.
        general: the same for the general text.
        base: an existing model to start from; not possible yet.

    Returns:
        The new file.

    Raises:
        ConfigError: the name is no plain name or taken, or a corpus does not exist.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"'{name}' is no name for a folder; use letters, digits, '-' and '_'.")
    if base is not None:
        raise ConfigError(
            f"Sweeps from existing models such as '{base}' are not possible yet; leave --base out "
            "and bases are trained on the general corpus."
        )
    path = experiments / name / FILE_NAME
    if path.exists():
        raise ConfigError(f"'{path}' exists; choose another name or edit that file.")
    text = _pattern()
    for corpus, source in (("domain", domain), ("general", general)):
        if not source.exists():
            raise ConfigError(f"There is no '{source}' for --{corpus}; give a file or a folder.")
        quoted = json.dumps(str(source.resolve()), ensure_ascii=False)
        text = text.replace(f"{{builtin: {corpus}}}", f"{{path: {quoted}}}")
    parse_experiment(text, source=str(path))
    write_atomic(path, text)
    return path


def _pattern() -> str:
    return (Path(__file__).parent / "quickstart.yaml").read_text()
