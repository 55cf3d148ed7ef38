"""``mixlaw init``: write a commented experiment.yaml."""

import sys
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
    model_size: Annotated[
        str | None, typer.Option(help="Size of the run that a ratio is wanted for.", metavar="8B")
    ] = None,
    tokens: Annotated[str | None, typer.Option(help="Its CPT tokens.", metavar="20B")] = None,
) -> None:
    """Write experiments/NAME/experiment.yaml for two corpora, with a comment for every choice."""
    from mixlaw.quantities import parse_quantity
    from mixlaw.sweep.quickstart import write_experiment
    from mixlaw.sweep.remarks import remarks

    size = model_size or _asked("Size of the run that a ratio is wanted for", "8B")
    budget = tokens or _asked("Its CPT tokens", "20B")
    target = {
        "n_params": parse_quantity(size, "model size"),
        "tokens": parse_quantity(budget, "token budget"),
    }
    path = write_experiment(
        EXPERIMENTS,
        name,
        domain=domain,
        general=general,
        models=base or (),
        target=target,
        small=small,
    )
    output.write(str(path))
    for note in remarks(path.parent):
        output.say(note)
    output.hint(f"mixlaw sweep {name} --dry-run")


def _asked(question: str, usual: str) -> str:
    """The answer of a person at a terminal, else what is usual."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return usual
    return str(typer.prompt(question, default=usual, err=True))
