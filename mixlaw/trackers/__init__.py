"""Trackers: programs in which people watch runs; one file is one tracker, and none is on unasked.

A tracker is a module with ``open_tracker(experiment) -> Tracker``. The driver of a sweep reads what
runs have written and passes it on: no run waits for a tracker, or ends because of one. Opening
refuses in a sentence what cannot work at all, such as a package that is not installed.

Every base and every run is one run of the tracker, against tokens:

::

    eval/<set>_loss, eval/<set>_bpb    along the trunk (of a base: at 0 tokens)
    annealed/<set>_loss, ..._bpb       at the ends of branches
    train/loss, train/tokens_per_s     while it runs, against the tokens of trunk and branches
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Protocol

from mixlaw.errors import ConfigError

Fact = str | int | float


class TrackedRun(Protocol):
    """One base or run, as the tracker knows it."""

    def log(self, tokens: int, values: Mapping[str, float]) -> None:
        """Pass measured values on; nothing says that ``tokens`` grow from call to call."""

    def close(self) -> None:
        """Send the rest: nothing comes any more, at least in this sweep."""


class Tracker(Protocol):
    """A connection to a tracker for one experiment."""

    def open_run(self, run_id: str, facts: Mapping[str, Fact]) -> TrackedRun:
        """Begin a run, or go on with one that an earlier sweep has begun.

        Args:
            run_id: its name, the same in every sweep.
            facts: what people filter by: size, shares, seed, learning rate.
        """


def folder_of(experiment: Path, tracker: str) -> Path:
    """Where a tracker keeps its local files: beside the runs, not among them."""
    return experiment / "tracking" / tracker


def import_package(name: str, extra: str) -> ModuleType:
    """A tracker's own package.

    Raises:
        ConfigError: it is not installed, or too old to be imported beside the others.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"Tracking with {extra} needs a package that cannot be imported ({error}); "
            f"pip install 'mixlaw[{extra}]', or leave tracking out."
        ) from error
