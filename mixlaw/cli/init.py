"""``mixlaw init``: write a commented experiment.yaml."""

from pathlib import Path
from typing import Annotated

import typer

from mixlaw.cli import output
from mixlaw.cli.places import EXPERIMENTS


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(init)


def init(
    name: Annotated[str, typer.Argument(help="Name of the new experiment.")],
    domain: Annotated[
        Path, typer.Option(help="File or folder of the domain's text.", metavar="PATH")
    ],
    general: Annotated[
        Path, typer.Option(help="File or folder of the general text.", metavar="PATH")
    ],
    base: Annotated[
        list[str] | None,
        typer.Option(
            help="Existing model to start from, a folder or a name on the Hugging Face hub; again "
            "for every further size of its family.",
            metavar="MODEL",
        ),
    ] = None,
    small: Annotated[
        bool,
        typer.Option(help="The smallest sweep that answers: one size, three shares, two budgets."),
    ] = False,
) -> None:
    """Write experiments/NAME/experiment.yaml for two corpora, with a comment for every choice."""
    from mixlaw.sweep.quickstart import write_experiment

    path = write_experiment(
        EXPERIMENTS, name, domain=domain, general=general, models=base or (), small=small
    )
    output.write(str(path))
    output.hint(f"mixlaw sweep {name} --dry-run")
