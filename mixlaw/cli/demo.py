"""``mixlaw demo``: predicted beside measured, in five minutes."""

import sys

import typer

from mixlaw.cli import output
from mixlaw.cli.places import EXPERIMENTS, FITS


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo() -> None:
    """Watch small models being foretold, trained and compared; about 5 minutes on two cores."""
    from mixlaw.demo.story import Stage, demonstrate

    stage = Stage(EXPERIMENTS, FITS, output.show, output.say, live=sys.stderr.isatty())
    demonstrate(stage)
    output.hint(f"mixlaw recommend --fit {FITS / 'quickstart'} --model-size 400k --tokens 256k")
