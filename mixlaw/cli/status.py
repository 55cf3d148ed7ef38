"""``mixlaw status`` and ``mixlaw logs``: what happened, while a sweep goes on and after."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mixlaw.cli import output
from mixlaw.cli.options import Json
from mixlaw.cli.places import EXPERIMENTS, find_experiment

_Experiment = Annotated[
    str | None,
    typer.Argument(help="Folder or name of an experiment; the one swept last if absent."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(status)
    app.command()(logs)


def status(experiment: _Experiment = None, json: Json = False) -> None:
    """Which runs of a sweep are done, running, stopped or waiting."""
    from mixlaw.sweep.status import sweep_status

    rows = sweep_status(_last_begun() if experiment is None else find_experiment(experiment))
    if json:
        output.write_json([asdict(row) for row in rows])
    else:
        lines = [f"{row.run_id:<30}  {row.state:<8}  {row.detail}".rstrip() for row in rows]
        output.write("\n".join(lines) if rows else "nothing has been trained yet")


def logs(
    run: Annotated[str, typer.Argument(help="Name of a run, or its beginning.")],
    experiment: _Experiment = None,
) -> None:
    """What happened to one run, and what its process printed."""
    from mixlaw.sweep.status import read_log

    folder = _last_begun() if experiment is None else find_experiment(experiment)
    output.write(read_log(folder, run).rstrip() or "nothing: it ran without a word")


def _last_begun() -> Path:
    """The experiment whose runs changed last: a sweep that goes on has no table yet."""
    begun = sorted(EXPERIMENTS.glob("*/runs"), key=lambda path: path.stat().st_mtime)
    return begun[-1].parent if begun else find_experiment(None)
