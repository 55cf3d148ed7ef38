"""The built-in experiment: real text that every installation has, minutes on a CPU."""

from pathlib import Path

from mixlaw.experiment import FILE_NAME
from mixlaw.files import write_atomic

NAME = "quickstart"


def write_quickstart(experiments: Path) -> Path:
    """Write the quickstart's experiment.yaml unless it is there; a person may have changed it.

    Returns:
        Its folder.
    """
    path = experiments / NAME / FILE_NAME
    if not path.exists():
        write_atomic(path, (Path(__file__).parent / "quickstart.yaml").read_text())
    return path.parent
