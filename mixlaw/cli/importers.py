"""``mixlaw import``, ``mixlaw export`` and ``mixlaw importers``: other people's logs, and tools."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mixlaw.cli import options, output

if TYPE_CHECKING:
    from mixlaw.importers.assembly.api import Imported


#: Where a runs table is written by default.
RUNS = Path("runs.csv")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(name="import")(import_logs)
    app.command(name="export")(export)
    app.command(name="importers")(importers)


def import_logs(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FORMAT] LOGS...",
            help="Logs and tables, recognised one by one; before them an importer's name, or auto. "
            "None for all logs that the description names.",
        ),
    ] = None,
    describe: Annotated[
        Path | None,
        typer.Option(help="YAML that says per run what its log does not.", metavar="FILE"),
    ] = None,
    say: Annotated[
        list[str],
        typer.Option(
            "--set",
            help="What holds of every run (tokens=20B, seed=1), or units.tokens=B.",
            metavar="KEY=VALUE",
        ),
    ] = [],  # noqa: B006  (typer reads the default)
    out: Annotated[
        Path | None,
        typer.Option(
            help="The runs table to write, .csv or .parquet; default runs.csv.", metavar="FILE"
        ),
    ] = None,
    help_columns: Annotated[
        bool, typer.Option("--help-columns", help="All keys of the description, and leave.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Turn other people's logs and tables into a runs table.

    A table needs nothing else: its columns are recognised, and what they were taken for is printed
    as YAML that can be edited and given back with --describe.
    """
    from mixlaw.errors import ConfigError
    from mixlaw.importers._exports import csv_safe
    from mixlaw.importers.assembly.api import bytes_to_read, import_runs
    from mixlaw.importers.assembly.keys import help_text
    from mixlaw.runs.table import write_runs

    if help_columns:
        output.write(help_text())
        return
    name, logs = _format_and_logs(sources or [])
    if not logs and describe is None:
        raise ConfigError("There is nothing to import; name a log or a table, or --describe FILE.")
    out = _checked_out(out, logs)
    size = bytes_to_read(logs, describe)
    with typer.progressbar(
        length=max(size, 1), label="reading", file=sys.stderr, update_min_steps=size // 200 + 1
    ) as bar:
        imported = import_runs(name, logs, describe, bar.update, say)
    frame = csv_safe(imported.frame) if out.suffix == ".csv" else imported.frame
    write_runs(frame, out)
    _report(imported, logs, out, json)


def _format_and_logs(sources: list[str]) -> tuple[str, list[Path]]:
    """The importer's name, auto where the first source is a log, and the logs."""
    from mixlaw import plugins
    from mixlaw.importers.assembly.sources import AUTO

    names = (AUTO, *plugins.available("importers"))
    first = Path(sources[0]) if sources else Path(AUTO)
    if str(first) not in names and (first.exists() or first.suffix):
        return AUTO, [Path(source) for source in sources]
    return str(first), [Path(source) for source in sources[1:]]


def _checked_out(out: Path | None, logs: list[Path]) -> Path:
    """Where the table is written: runs.csv unless that is what is imported; never over a log."""
    from mixlaw.errors import ConfigError
    from mixlaw.files import check_writable

    taken = {log.resolve() for log in logs}
    if out is None:
        out = RUNS.with_stem(f"{RUNS.stem}-imported") if RUNS.resolve() in taken else RUNS
    if out.suffix not in {".csv", ".parquet"}:
        raise ConfigError(f"'{out}' is neither .csv nor .parquet; a runs table is one of these.")
    if out.resolve() in taken:
        raise ConfigError(f"'{out}' is what is imported; give another --out.")
    check_writable(out.parent)
    return out


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


def _report(imported: "Imported", logs: list[Path], out: Path, json: bool) -> None:
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
                "guess": dict(imported.guess),
            }
        )
        return
    written = f"{out}: {len(frame)} rows of {len(runs)} runs ({', '.join(eval_sets)})"
    if imported.guess:
        output.write(_guessed(imported, logs))
        output.say(written)
    else:
        output.write(written)
    output.hint(f"mixlaw fit {out}{_roles(imported)}")


def _guessed(imported: "Imported", logs: list[Path]) -> str:
    """What the columns were taken for, as a description that can be given back."""
    import yaml

    names = " ".join(map(str, logs)) or "FILE"
    body = yaml.safe_dump(
        dict(imported.guess), sort_keys=False, allow_unicode=True, default_flow_style=False
    )
    return (
        f"# How {names} was read; to change it, save this as runs.yaml, edit it, and say\n"
        f"#   mixlaw import {names} --describe runs.yaml\n{body.rstrip()}"
    )


def _roles(imported: "Imported") -> str:
    """The options that name the domain and general eval sets, where they are called otherwise."""
    from mixlaw.runs.table import corpora_of

    eval_sets = list(imported.frame["eval_set"].unique())
    if {"domain", "general"} <= set(eval_sets) or len(eval_sets) < 2:
        return ""
    corpora = corpora_of(imported.frame)
    domain = next((name for name in corpora if name in eval_sets), eval_sets[0])
    general = next(name for name in eval_sets if name != domain)
    options = f" --domain-set {domain} --general-set {general}"
    return options + (f" --domain-corpora {domain}" if domain in corpora else "")
