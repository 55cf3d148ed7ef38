"""What every tracker keeps: all values once, by run, name and tokens, over several sweeps."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

from mixlaw import plugins
from mixlaw.testing.conformance import empty_folder, require

#: Measured values by run, name and tokens.
Points = dict[tuple[str, str, int], float]
#: Reads back what a tracker has of an experiment, from the experiment's folder.
ReadBack = Callable[[Path], Mapping[tuple[str, str, int], float]]

#: Trackers keep 32-bit floats.
TOLERANCE = 1e-6
#: Seconds in which closed runs have to be readable: wandb writes on for some 0.1 s after finish().
PATIENCE = 20.0
FACTS = {"n_params": 100_000, "share.domain": 0.3, "recipe": "cpt"}


def check_tracker(tracker: ModuleType, read_back: ReadBack, folder: Path) -> None:
    """Check a tracker by writing values and reading them back with its own package.

    It needs that package, and writes where the package's own variables say (``WANDB_MODE=offline``,
    for one); some packages leave threads behind, so run it in a process of its own. Checked are:
    that every value is there once, under its run, name and tokens, though tokens do not grow from
    call to call and two runs are open at once; that a later sweep goes on with the same runs.

    Args:
        tracker: the module.
        read_back: reads the values of an experiment back: ``read_back(folder)``.
        folder: an empty folder.

    Raises:
        ConformanceError: the tracker breaks one of these.
    """
    for check in CHECKS:
        check(tracker, read_back, empty_folder(folder, check.__name__))


def values_are_there_once(tracker: ModuleType, read_back: ReadBack, experiment: Path) -> None:
    """Two runs at once, whose tokens go back and forth, are read as they were written."""
    points = _points()
    _write(tracker, experiment, points)
    _require_points(tracker, read_back, experiment, points)


def a_later_sweep_goes_on(tracker: ModuleType, read_back: ReadBack, experiment: Path) -> None:
    """Opened again, the same runs get more values, and keep those that they have."""
    first = _points()
    later = {(run, name, tokens + 1000): value for (run, name, tokens), value in first.items()}
    _write(tracker, experiment, first)
    _write(tracker, experiment, later)
    _require_points(tracker, read_back, experiment, {**first, **later})


CHECKS: tuple[Callable[[ModuleType, ReadBack, Path], None], ...] = (
    values_are_there_once,
    a_later_sweep_goes_on,
)


def _points() -> Points:
    """Losses of two runs; a branch ends beyond where its trunk then goes on."""
    return {
        (run, name, tokens): 2 + at / 7 + k / 3
        for k, run in enumerate(("base-1", "run-1"))
        for at, (name, tokens) in enumerate(
            (
                ("eval/domain_loss", 100),
                ("annealed/domain_loss", 200),
                ("eval/domain_loss", 150),
                ("eval/general_loss", 150),
            )
        )
    }


def _write(tracker: ModuleType, experiment: Path, points: Points) -> None:
    opened = tracker.open_tracker(experiment)
    names = dict.fromkeys(run for run, _, _ in points)
    runs = {name: opened.open_run(name, FACTS) for name in names}
    for (run, name, tokens), value in points.items():
        runs[run].log(tokens, {name: value})
    for open_run in runs.values():
        open_run.close()


def _require_points(
    tracker: ModuleType, read_back: ReadBack, experiment: Path, written: Points
) -> None:
    name = plugins.name_of(tracker)
    deadline = time.monotonic() + PATIENCE
    while written.keys() - (read := read_back(experiment)).keys() and time.monotonic() < deadline:
        time.sleep(0.1)
    missing, more = sorted(written.keys() - read.keys()), sorted(read.keys() - written.keys())
    require(not missing, f"{name} lacks {len(missing)} of {len(written)} values: {missing[:2]}.")
    require(not more, f"{name} has {len(more)} values that nobody wrote: {more[:2]}.")
    for key, value in written.items():
        require(
            abs(read[key] - value) <= TOLERANCE * abs(value),
            f"{name} has {read[key]} at {key}, where {value} was written.",
        )
