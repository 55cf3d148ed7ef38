"""``mixlaw import``, ``mixlaw export`` and ``mixlaw importers``: other people's logs, and tools."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mixlaw.cli import options, output

if TYPE_CHECKING:
    from mixlaw.importers.assembly.api import Imported


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(name="import")(import_logs)
    app.command(name="export")(export)
    app.command(name="importers")(importers)


def import_logs(
    name: Annotated[
        str, typer.Argument(metavar="FORMAT", help="An importer, or auto to recognise each log.")
    ],
    logs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="LOGS", help="Logs; none for all that the description names."),
    ] = None,
    describe: Annotated[
        Path | None,
        typer.Option(help="YAML that says per run what its log does not.", metavar="FILE"),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="The runs table to write, .csv or .parquet.", metavar="FILE")
    ] = Path("runs.csv"),
    json: options.Json = False,
) -> None:
    """Turn the logs of another trainer into a runs table."""
    from mixlaw.errors import ConfigError
    from mixlaw.files import check_writable
    from mixlaw.importers._exports import csv_safe
    from mixlaw.importers.assembly.api import bytes_to_read, import_runs
    from mixlaw.runs.table import write_runs

    if out.suffix not in {".csv", ".parquet"}:
        raise ConfigError(f"'{out}' is neither .csv nor .parquet; a runs table is one of these.")
    check_writable(out.parent)
    size = bytes_to_read(logs or [], describe)
    with typer.progressbar(
        length=max(size, 1), label="reading", file=sys.stderr, update_min_steps=size // 200 + 1
    ) as bar:
        imported = import_runs(name, logs or [], describe, bar.update)
    frame = csv_safe(imported.frame) if out.suffix == ".csv" else imported.frame
    write_runs(frame, out)
    _report(imported, out, json)


def export(
    runs: Annotated[Path, typer.Argument(metavar="RUNS", help="A runs table.")],
    to: Annotated[str, typer.Option(help="chinchilla or simple-scaling-laws.", metavar="FORMAT")],
    out: Annotated[Path, typer.Option(help="The CSV file to write.", metavar="FILE")],
    eval_set: Annotated[
        str | None, typer.Option(help="The loss to export, for chinchilla.", metavar="NAME")
    ] = None,
) -> None:
    """Write the final losses of a runs table for another tool."""
    from mixlaw.files import write_atomic
    from mixlaw.importers import _exports
    from mixlaw.runs.table import corpora_of, read_runs

    frame = read_runs(runs)
    exported = _exports.export(frame, to, eval_set)
    write_atomic(out, _exports.csv_safe(exported).to_csv(index=False, lineterminator="\n"))
    output.say(f"{out}: {len(exported)} of {len(frame)} rows, the final losses of each run")
    mixtures = len(exported[[f"share.{corpus}" for corpus in corpora_of(frame)]].drop_duplicates())
    if mixtures > 1:
        output.say(f"{to} knows no mixtures and the table has {mixtures}: fit each one apart")


def importers(json: options.Json = False) -> None:
    """List the logs that 'mixlaw import' reads, each with an example line."""
    from mixlaw import plugins
    from mixlaw.importers.assembly.description import EXAMPLE

    listing = [
        {"name": name, "files": list(module.FILES), "example": module.EXAMPLE}
        for name in plugins.available("importers")
        for module in [plugins.load("importers", name)]
    ]
    if json:
        output.write_json(listing)
        return
    width = max(len(entry["name"]) for entry in listing)
    for entry in listing:
        output.write(f"{entry['name']:<{width}}  {', '.join(entry['files']) or 'any CSV or JSONL'}")
        output.write(f"{'':<{width}}    {entry['example'].strip()}")
    output.write("\nWhat a log does not say, a small YAML does (--describe runs.yaml):\n")
    output.write(EXAMPLE)
    output.hint("mixlaw import -h")


def _report(imported: "Imported", out: Path, json: bool) -> None:
    """What was imported, and everything a person should know about it."""
    from mixlaw.importers.assembly.api import flag_counts

    frame = imported.frame
    runs, eval_sets = sorted(frame["run_id"].unique()), sorted(frame["eval_set"].unique())
    flagged = flag_counts(frame)
    for note in imported.notes:
        output.say(f"note: {note}")
    for reason, count in flagged.items():
        output.say(f"flagged: {count} rows, {reason}")
    if json:
        output.write_json(
            {
                "schema": "mixlaw.import/1",
                "out": str(out),
                "rows": len(frame),
                "runs": runs,
                "eval_sets": eval_sets,
                "flagged": flagged,
                "notes": list(imported.notes),
            }
        )
        return
    output.write(f"{out}: {len(frame)} rows of {len(runs)} runs ({', '.join(eval_sets)})")
    output.hint(f"mixlaw fit {out}")
