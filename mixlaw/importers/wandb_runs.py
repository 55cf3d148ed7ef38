"""Weights & Biases: the CSV that the runs table of the web interface exports, a row a run.

Columns are ``Name``, ``State``, ..., then the configuration and the last value of every metric. A
run that did not finish is flagged. Columns are recognised as in any table (see ``table``).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mixlaw.importers import Log, Request
from mixlaw.importers.table import read_tables

EXAMPLE = (
    '"Name","State","Runtime","n_params","domain_ratio","eval/domain_loss","eval/general_loss"'
)
FILES = ("wandb_export_*.csv",)

_STATE = "State"
_FINISHED = "finished"


def recognises(path: Path, head: bytes) -> bool:
    """A CSV header with the name and the state of runs."""
    header = head.split(b"\n", 1)[0].decode("utf-8", "replace").lstrip("\ufeff")
    names = {name.strip().strip('"') for name in header.split(",")}
    return {"Name", _STATE} <= names and path.suffix == ".csv"


def read(paths: Sequence[Path], request: Request) -> Log:
    """The last evaluation of every run.

    Raises:
        ConfigError: the unit of a count cannot be known.
        DataError: a cell is no number, or no column is a held-out loss.
    """
    return read_tables(paths, request, _flag)


def _flag(row: Mapping[str, str]) -> str:
    """Why a run should not be fitted: it crashed, failed, was killed or still runs."""
    state = row.get(_STATE, "").strip().lower()
    return "" if state in ("", _FINISHED) else f"W&B state {state}"
