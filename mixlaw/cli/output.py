"""How commands speak: data on stdout, messages on stderr, one JSON document with ``--json``."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from mixlaw.screen.layout import Line

#: How rich shows an emphasis.
_STYLES = {
    "": "",
    "heading": "bold",
    "good": "bold green",
    "unsure": "yellow",
    "bad": "bold red",
    "faint": "dim",
}


def say(message: str = "") -> None:
    """A message for the person at the terminal (stderr)."""
    print(message, file=sys.stderr, flush=True)


def write(text: str) -> None:
    """Data (stdout)."""
    print(text, flush=True)


def write_json(document: Any) -> None:
    """One JSON document and nothing else on stdout; non-finite numbers are an error here."""
    write(json_text(document))


def json_text(document: Any) -> str:
    """A JSON document as text; non-finite numbers are an error here."""
    return json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False)


def hint(command: str, *, apart: bool = True) -> None:
    """The next command to try, which runs as it is printed; ``apart`` by an empty line."""
    say("\n" * apart + f"next: {command}")


def show(lines: "Iterable[Line]", *, to_stderr: bool = False) -> None:
    """A screen: with colours on a terminal, plain text anywhere else."""
    stream: TextIO = sys.stderr if to_stderr else sys.stdout
    if not stream.isatty():
        for line in lines:
            print(line.text, file=stream, flush=True)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, highlight=False, soft_wrap=True)
    for line in lines:
        console.print(Text(line.text, style=_STYLES[line.emphasis]))


def point_to_glossary() -> None:
    """Where the words of a screen are explained."""
    say("\nwords: mixlaw glossary")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A plain-text table: first column left, the others right, two spaces between."""
    lines = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
