"""``mixlaw doctor``: what is wrong with a runs table, before any law is fitted to it."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mixlaw.cli.options import DomainCorpora, DomainSet, GeneralSet, Json, Own
from mixlaw.cli.output import hint, point_to_glossary, say, write, write_json
from mixlaw.cli.places import find_runs
from mixlaw.quantities import parse_quantity

if TYPE_CHECKING:
    from mixlaw.doctor import Finding

#: Findings that ``mixlaw fit`` prints beside its own statuses.
_SHOWN = 3


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(
    runs: Annotated[
        str | None,
        typer.Argument(help="Runs table (.csv, .parquet) or experiment; default the last one."),
    ] = None,
    model_size: Annotated[
        str | None, typer.Option(help="Size you will ask for, such as 8B.", metavar="SIZE")
    ] = None,
    tokens: Annotated[
        str | None, typer.Option(help="Tokens you will ask for, such as 20B.", metavar="TOKENS")
    ] = None,
    domain_set: DomainSet = "domain",
    general_set: GeneralSet = "general",
    domain_corpora: DomainCorpora = "domain",
    own: Own = [],  # noqa: B006  (typer reads the default)
    json: Json = False,
) -> None:
    """Examine a runs table: each finding with its rows, its effect and what to do."""
    from mixlaw.doctor import examine
    from mixlaw.roles import Roles
    from mixlaw.runs.table import read_runs

    target = _target(model_size, tokens)
    roles = Roles.parse(domain_set, general_set, domain_corpora, own)
    path = find_runs(runs, quiet=json)
    frame = read_runs(path)
    findings = examine(frame, roles, target)
    if json:
        write_json(
            {
                "schema": "mixlaw.doctor/1",
                "runs": str(path),
                "rows": len(frame),
                "target": target,
                "findings": [finding.document() for finding in findings],
            }
        )
        return
    say(f"{path}: {len(frame)} rows, {frame['run_id'].nunique()} runs, {len(findings)} findings")
    for finding in findings:
        write(describe(finding))
    if findings:
        point_to_glossary()
    hint(f"mixlaw fit {shlex.quote(str(path))}")


def show_worst(findings: "list[Finding]", found: int, table: Path) -> None:
    """The findings that matter, a line each, for a command that has another purpose.

    Args:
        findings: those that matter for its answer; errors are all shown.
        found: how many there are in all.
        table: where they were found.
    """
    errors = sum(finding.severity == "error" for finding in findings)
    shown = findings[: max(_SHOWN, errors)]
    for finding in shown:
        say(f"doctor: {finding.severity}: {finding.what}")
    if found > len(shown):
        say(f"doctor: {found - len(shown)} more: mixlaw doctor {table}")


def describe(finding: "Finding") -> str:
    """A finding as a paragraph for the terminal."""
    from mixlaw.screen.layout import wrap

    named = ", ".join(finding.run_ids)
    texts = (
        finding.what,
        f"rows: {finding.n_rows} (runs such as {named})",
        f"effect: {finding.effect}",
        f"do: {finding.remedy}",
    )
    lines = [line for text in texts for line in wrap(text, "  ", "    ")]
    return "\n".join([f"\n{finding.severity}: {finding.code}", *lines])


def _target(model_size: str | None, tokens: str | None) -> Mapping[str, float]:
    given = (("n_params", model_size, "model size"), ("tokens", tokens, "token budget"))
    return {name: parse_quantity(text, what) for name, text, what in given if text is not None}
