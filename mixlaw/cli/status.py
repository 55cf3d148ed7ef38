"""``mixlaw status`` and ``mixlaw logs``: what happened, while a sweep goes on and after."""

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mixlaw.cli import completion, output
from mixlaw.cli.options import Json
from mixlaw.cli.places import find_experiment

if TYPE_CHECKING:
    from mixlaw.sweep.status import SweepStatus

#: Seconds between two looks of ``--watch``. Conventional: a look reads a few small files a run.
WATCH_SECONDS = 1.0
_Experiment = Annotated[
    str | None,
    typer.Argument(
        help="Folder or name of an experiment; the one that changed last if absent.",
        autocompletion=completion.experiments,
    ),
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

    folder = find_experiment(experiment, quiet=json)
    if watch:
        _watch(folder)
    current = sweep_status(folder)
    if json:
        output.write_json(current.document())
        return
    output.write(_as_text(current))
    for note in current.notes:
        output.say(note)
    failed = next((run.run_id for run in current.runs if run.state == "failed"), None)
    if failed is not None:
        output.hint(f"mixlaw logs {failed} {shlex.quote(str(folder))}")


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

    folder = find_experiment(experiment)
    output.write(read_log(folder, run))
