"""The runs table that a fit is given: read once, with what tells later which table it was."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mixlaw.runs import read_runs, validate_runs


@dataclass(frozen=True)
class GivenTable:
    """A validated runs table and its origin.

    Attributes:
        frame: the table, as ``validate_runs`` returns it.
        source: path that it was read from; empty for a table in memory.
        sha256: of the file, or of a table in memory written as CSV.
    """

    frame: pd.DataFrame
    source: str
    sha256: str

    @classmethod
    def of(cls, runs: pd.DataFrame | str | Path) -> "GivenTable":
        """Validate a table in memory, or read one.

        Raises:
            DataError: the file is missing, or the table breaks a rule of runs tables.
        """
        if isinstance(runs, pd.DataFrame):
            frame = validate_runs(runs)
            return cls(frame, "", hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest())
        frame = read_runs(runs)
        return cls(frame, str(runs), hashlib.sha256(Path(runs).read_bytes()).hexdigest())
