"""``mixlaw eval``: held-out losses of an existing model, as base rows of a runs table."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mixlaw.cli import output, places
from mixlaw.cli.options import Json

if TYPE_CHECKING:
    from mixlaw.sweep.evaluation import ModelLosses


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="eval")(evaluate)


def evaluate(
    model: Annotated[
        str, typer.Argument(help="Folder of a model, or its name on the Hugging Face hub.")
    ],
    experiment: Annotated[
        str | None,
        typer.Option(
            "--experiment",
            help="Folder or name of the experiment whose eval sets are used; the last one swept.",
            metavar="EXPERIMENT",
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            "--table", help="Runs table that gets the rows; default the experiment's evals.csv."
        ),
    ] = None,
    tokens: Annotated[
        str | None,
        typer.Option("--base-tokens", help="Pre-training tokens of the model.", metavar="18T"),
    ] = None,
    revision: Annotated[
        str, typer.Option("--revision", help="Branch, tag or commit on the hub.")
    ] = "main",
    download: Annotated[
        bool, typer.Option("--download", help="Fetch the model from the hub if it is not here.")
    ] = False,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run Python code that the model brings.")
    ] = False,
    json: Json = False,
) -> None:
    """Measure an existing model on an experiment's held-out sets, and write its base rows.

    A base row is a row at 0 CPT tokens: what the model can do before any domain data.
    """
    from mixlaw.quantities import parse_quantity
    from mixlaw.sweep.evaluation import evaluate_model

    base_tokens = None if tokens is None else round(parse_quantity(tokens, "--base-tokens"))
    losses = evaluate_model(
        places.find_experiment(experiment, quiet=json),
        model,
        table=table,
        tokens=base_tokens,
        revision=revision,
        download=download,
        trust_remote_code=trust_remote_code,
        say=output.say,
    )
    if json:
        output.write_json(losses.document())
        return
    _show(losses)


def _show(losses: "ModelLosses") -> None:
    rows = [
        (
            record.eval_set,
            f"{record.loss:.4f}",
            "" if record.loss_se is None else f"{record.loss_se:.4f}",
            f"{record.bpb:.4f}",
            f"{record.eval_tokens:,}",
        )
        for record in losses.records
    ]
    header = ("eval set", "nats/token", "std. error", "bits/byte", "tokens")
    output.write(output.table(header, rows))
    output.say(f"\n{losses.shape.n_params:,} non-embedding parameters; rows in {losses.table}")
    unit, tokenizer = ("", "") if losses.is_shared else ("bpb", losses.tokenizer)
    domain, general = losses.domain_and_general()
    size = f"--model-size {losses.shape.n_params}"
    measured = f"--base-general-loss {general:.4f}{unit} --base-domain-loss {domain:.4f}{unit}"
    option = f" --base-tokenizer {shlex.quote(tokenizer)}" if tokenizer else ""
    output.hint(f"mixlaw recommend {size} {measured}{option}")
