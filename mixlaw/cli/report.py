"""``mixlaw report``: the page of a fit, for the meeting."""

from pathlib import Path
from typing import Annotated

import typer

from mixlaw.cli.options import Json
from mixlaw.cli.output import say, write, write_json
from mixlaw.cli.places import find_fit


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(report)


def report(
    fit: Annotated[
        str | None, typer.Argument(help="Folder or name of a fit; default the one made last.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="PAGE.html", help="The file; default FIT/report.html."),
    ] = None,
    runs: Annotated[
        Path | None, typer.Option("--runs", help="Runs table, if it moved since the fit was made.")
    ] = None,
    model_size: Annotated[
        str | None,
        typer.Option("--model-size", metavar="8B", help="Target; default the one asked last."),
    ] = None,
    tokens: Annotated[
        str | None, typer.Option("--tokens", metavar="20B", help="CPT tokens of the target.")
    ] = None,
    max_general_rise: Annotated[
        str | None,
        typer.Option("--max-general-rise", metavar="0.02|3%", help="Allowed rise, nats or %."),
    ] = None,
    risk: Annotated[
        float | None, typer.Option("--risk", help="Allowed probability of breaking that bound.")
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option("--reference", metavar="base|control", help="What the rise is against."),
    ] = None,
    base_general_loss: Annotated[
        str | None,
        typer.Option("--base-general-loss", metavar="2.31", help="Of the target's base."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write one HTML page with the answer, sliders, and what it rests on; opens from a mail."""
    from mixlaw.files import check_writable
    from mixlaw.quantities import parse_quantity
    from mixlaw.recommend.option import parse_model_size
    from mixlaw.report.page.build import write_page

    folder = find_fit(fit, quiet=as_json)
    out = out or folder / "report.html"
    check_writable(out.parent)
    size, counts_all = (None, None) if model_size is None else parse_model_size(model_size)
    files = (folder, out, runs, say)
    answer = write_page(
        *files,
        n_params=size,
        n_params_is_total=counts_all,
        tokens=None if tokens is None else parse_quantity(tokens, "token budget"),
        max_general_rise=max_general_rise,
        risk=risk,
        reference=reference,
        base_general_loss=base_general_loss,
    )
    if as_json:
        write_json({"page": str(out), "recommendation": answer.document()})
        return
    write(str(out))
