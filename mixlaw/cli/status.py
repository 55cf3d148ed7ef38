"""``mixlaw status`` and ``mixlaw logs``: what happened, while a sweep goes on and after."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mixlaw.cli import output
from mixlaw.cli.options import Json
from mixlaw.cli.places import EXPERIMENTS, find_experiment

if TYPE_CHECKING:
    from mixlaw.sweep.status import SweepStatus

#: Seconds between two looks of ``--watch``. Conventional: a look reads a few small files a run.
WATCH_SECONDS = 1.0
_Experiment = Annotated[
    str | None,
    typer.Argument(help="Folder or name of an experiment; the one swept last if absent."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(status)
    app.command()(logs)


def status(
    experiment: _Experiment = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again and again while anybody is at work.")
    ] = False,
    json: Json = False,
) -> None:
    """Which runs of a sweep are done, running, failed, stopped or waiting, and why."""
    from mixlaw.sweep.status import sweep_status

    folder = _last_begun() if experiment is None else find_experiment(experiment)
    if watch:
        _watch(folder)
    current = sweep_status(folder)
    if json:
        output.write_json(current.document())
        return
    output.write(_as_text(current))
    for note in current.notes:
        output.say(note)
    if "failed" in current.counts:
        output.hint("mixlaw logs RUN")


def _watch(folder: Path) -> None:
    """Show the status on the terminal until nobody is at work."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from mixlaw.sweep.status import sweep_status

    with Live(console=Console(stderr=True), transient=True) as display:
        while (current := sweep_status(folder)).is_at_work:
            display.update(Text(_as_text(current)))
            time.sleep(WATCH_SECONDS)


def _as_text(current: "SweepStatus") -> str:
    lines = [f"{run.run_id:<30}  {run.state:<8}  {run.detail}".rstrip() for run in current.runs]
    return "\n".join([*lines, "", f"{current.experiment}: {current.summary()}"]).lstrip()


def logs(
    run: Annotated[str, typer.Argument(help="Name of a run, or its beginning.")],
    experiment: _Experiment = None,
) -> None:
    """What happened to one run, what its process printed besides, and how it is now."""
    from mixlaw.sweep.status import read_log

    folder = _last_begun() if experiment is None else find_experiment(experiment)
    output.write(read_log(folder, run))


def _last_begun() -> Path:
    """The experiment whose runs changed last: a sweep that goes on has no table yet."""
    begun = sorted(EXPERIMENTS.glob("*/runs"), key=lambda path: path.stat().st_mtime)
    return begun[-1].parent if begun else find_experiment(None)
