"""``mixlaw cancel``: end a sweep, wherever it runs; nothing is lost."""

from typing import Annotated

import typer

from mixlaw.cli import output
from mixlaw.cli.places import find_experiment


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(cancel)


def cancel(
    experiment: Annotated[str, typer.Argument(help="Folder or name of an experiment.")],
    wait: Annotated[
        float, typer.Option(min=0, help="How long to wait until all have left, seconds.")
    ] = 120,
) -> None:
    """Have the driver and all workers of a sweep save and leave; sweeping again goes on."""
    from mixlaw.sweep.background import at_work, cancel_sweep

    folder = find_experiment(experiment)
    if not at_work(folder):
        output.say(f"Nobody works on '{folder}'.")
        return
    if left := cancel_sweep(folder, wait):
        names = ", ".join(left)
        output.say(f"Stop requested; still at work: {names}. They leave at their next step.")
    else:
        output.say(f"All have saved and left; 'mixlaw sweep {experiment}' goes on.")
