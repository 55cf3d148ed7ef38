"""``mixlaw plot``: the figures of a fit."""

from pathlib import Path
from typing import Annotated

import typer

from mixlaw.cli import completion
from mixlaw.cli.hints import question_to
from mixlaw.cli.options import Json
from mixlaw.cli.output import hint, say, write, write_json
from mixlaw.cli.places import find_fit


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(plot)


def plot(
    fit: Annotated[
        str | None,
        typer.Argument(
            help="Folder or name of a fit; default the one made last.",
            autocompletion=completion.fits,
        ),
    ] = None,
    runs: Annotated[
        Path | None, typer.Option("--runs", help="Runs table, if it moved since the fit was made.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the figures; default FIT/figures.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw losses against tokens, the trade-off frontier, and predicted against measured."""
    from mixlaw.files import check_writable
    from mixlaw.report.draw import draw_figures
    from mixlaw.result.fit_result import FitResult

    folder = find_fit(fit, quiet=as_json)
    out = out or folder / "figures"
    check_writable(out)
    written = draw_figures(folder, runs, out, say)
    if as_json:
        write_json({"figures": [str(path) for path in written]})
        return
    for path in written:
        write(str(path))
    hint(question_to(FitResult.load(folder), folder))
