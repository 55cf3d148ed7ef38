"""``mixlaw sweep``: train the proxies of an experiment."""

from typing import Annotated

import typer

from mixlaw.cli import output
from mixlaw.cli.options import Json
from mixlaw.cli.places import EXPERIMENTS, find_experiment


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(sweep)


def sweep(
    experiment: Annotated[
        str | None,
        typer.Argument(help="Folder or name of an experiment; the built-in quickstart if absent."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print runs, tokens, FLOPs, time and disk; train nothing."),
    ] = False,
    executor: Annotated[
        str | None, typer.Option(help="Where runs execute: inline, local, ...", metavar="NAME")
    ] = None,
    json: Json = False,
) -> None:
    """Train proxies at several ratios and token budgets; their losses go to runs.csv."""
    from mixlaw.sweep.api import run_sweep
    from mixlaw.sweep.quickstart import write_quickstart

    folder = find_experiment(experiment) if experiment else write_quickstart(EXPERIMENTS)
    if dry_run:
        return
    result = run_sweep(folder, executor=executor, say=output.say)
    if json:
        output.write_json(result.document())
        return
    output.write(str(result.table))
    output.hint("mixlaw fit" if experiment is None else f"mixlaw fit {experiment}")
