"""How commands speak: data on stdout, messages on stderr, one JSON document with ``--json``."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any


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


def hint(command: str) -> None:
    """The next command to try."""
    say(f"\nnext: {command}")


def point_to_glossary() -> None:
    """Where the words of a screen are explained."""
    say("\nwords: mixlaw glossary [TERM]")


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
