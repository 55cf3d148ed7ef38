"""``mixlaw validate``: the recommendation held against runs that it did not see."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mixlaw.cli import output, places
from mixlaw.cli.options import DomainCorpora, DomainSet, GeneralSet, Json, Own

if TYPE_CHECKING:
    from mixlaw.recommend.validation import Validation


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(validate)


def validate(
    source: Annotated[
        str | None,
        typer.Argument(help="Fit, or runs table (.csv, .parquet); default the fit made last."),
    ] = None,
    hide: Annotated[
        str, typer.Option("--hide", help="What to hide: the largest n_params, or tokens.")
    ] = "n_params",
    max_general_rise: Annotated[
        str | None,
        typer.Option("--max-general-rise", help="Allowed rise of the general loss: 0.02 or 3%."),
    ] = None,
    risk: Annotated[float, typer.Option("--risk", help="Allowed probability of more.")] = 0.1,
    reference: Annotated[
        str, typer.Option("--reference", help="What a rise is measured against: base, control.")
    ] = "base",
    domain_set: DomainSet = "domain",
    general_set: GeneralSet = "general",
    domain_corpora: DomainCorpora = "domain",
    own: Own = [],  # noqa: B006  (typer copies it)
    json: Json = False,
) -> None:
    """Hide the largest size, fit the rest, and show what would have been recommended for it."""
    from mixlaw.recommend.validation import asked, held_against, validate_runs
    from mixlaw.recommend.withheld import Withheld
    from mixlaw.result.fit_result import FitResult
    from mixlaw.roles import Roles
    from mixlaw.runs.table import read_runs

    options = {"max_general_rise": max_general_rise, "risk": risk, "reference": reference}
    if source is not None and Path(source).suffix in {".csv", ".parquet"}:
        roles = Roles.parse(domain_set, general_set, domain_corpora, own)
        result = validate_runs(read_runs(source), hide, roles=roles, **options)  # type: ignore[arg-type]
    else:
        folder = places.find_fit(source, quiet=json)
        asked(**options)  # type: ignore[arg-type]  # a wrong one is refused before the fit
        fit = FitResult.load(folder)
        withheld = Withheld.of_fit(fit, hide)  # type: ignore[arg-type]
        result = held_against(withheld, **options)
        withheld.save(result.document(), folder, fit)
    if json:
        output.write_json(result.document())
    else:
        output.write(_as_text(result))


def _as_text(result: "Validation") -> str:
    """One line a hidden cell, then the last one in a sentence."""
    from mixlaw.quantities import format_quantity, percent

    def share(ratio: float | None) -> str:
        return "none" if ratio is None else percent(ratio)

    rows = [
        (
            format_quantity(row.n_params),
            format_quantity(row.tokens),
            share(row.predicted["recommended"]),
            share(row.predicted["estimate"]),
            f"{percent(row.predicted['low'] or 0.0)} to {percent(row.predicted['high'] or 0.0)}",
            share(row.measured),
            share(row.baseline),
            "" if row.domain_loss_given_up is None else f"{row.domain_loss_given_up:+.3f}",
        )
        for row in result.rows
    ]
    if not rows:
        return result.line()
    header = ("size", "tokens", "recommended", "estimate", "90% interval", "measured", "copying")
    table = output.table((*header, "domain loss given up"), rows)
    return f"{table}\n\n{result.line()}"
