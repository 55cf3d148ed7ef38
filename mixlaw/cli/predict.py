"""``mixlaw predict``: losses of any rows, with intervals and with their distance from the data."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mixlaw.cli import output, places
from mixlaw.cli.options import Json

if TYPE_CHECKING:
    import pandas as pd


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="predict")(predict)


def predict(
    fit: Annotated[str, typer.Argument(help="Folder or name of a fit.")],
    rows: Annotated[
        Path,
        typer.Argument(
            help="Table (.csv or .parquet) with n_params, tokens, share.<corpus> or domain_ratio; "
            "optional: eval_set, base_loss, unique_tokens.<corpus>, base_tokens, lr_ratio.",
            metavar="ROWS",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write instead of printing.")
    ] = None,
    rank: Annotated[
        str | None,
        typer.Option(
            "--rank", help="Rank the rows by the loss of this eval set.", metavar="EVAL_SET"
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Predict the losses of any sizes, budgets and mixtures, with 90% intervals."""
    from mixlaw.files import check_writable, write_atomic
    from mixlaw.result.fit_result import FitResult
    from mixlaw.result.rows import document
    from mixlaw.result.types import TABLE_ERRORS
    from mixlaw.runs.table import read_frame

    if out is not None:
        check_writable(out.parent)
    result = FitResult.load(places.find_fit(fit))
    given = read_frame(rows, "rows to predict need n_params, tokens and the shares")
    given.columns = [str(column).strip() for column in given.columns]
    predicted = result.predict(given, rank=rank)
    for status in result.statuses:
        if status.code in TABLE_ERRORS:
            output.say(f"{status.code}: {status.message}")
    if rank is not None and _differ(predicted):
        output.say("The rows differ in size or tokens, which the ranking compares too.")
    text = output.json_text(document(predicted)) if json else _csv(predicted)
    if out is None:
        output.write(text)
    else:
        write_atomic(out, text + "\n")
        output.say(f"written to {out}: {len(predicted)} rows")


def _differ(predicted: "pd.DataFrame") -> bool:
    ranked = predicted[predicted["p_best"].notna()]
    return len(ranked[["n_params", "tokens"]].drop_duplicates()) > 1


def _csv(predicted: "pd.DataFrame") -> str:
    """CSV with the flags of a row joined by semicolons."""
    flags = ["; ".join(map(str, flags)) for flags in predicted["flags"]]
    return str(predicted.assign(flags=flags).to_csv(index=False, lineterminator="\n")).rstrip("\n")
