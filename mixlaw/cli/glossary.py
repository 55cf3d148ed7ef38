"""``mixlaw glossary``: what the words and codes of the screens mean."""

import re
from pathlib import Path
from typing import Annotated

import typer

from mixlaw.cli import output

#: Shipped with the package; ``docs/glossary.md`` of the repository leads here.
PATH = Path(__file__).parents[1] / "glossary.md"
_HEADING = re.compile(r"^### (.+)$", re.MULTILINE)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("glossary")(glossary)


def glossary(
    term: Annotated[
        str | None, typer.Argument(help="A word or code of a screen; default all.", metavar="TERM")
    ] = None,
) -> None:
    """Explain the words and codes that fit, recommend and doctor print."""
    from mixlaw.errors import ConfigError, unknown_name

    every = entries()
    if term is None:
        output.write("\n\n".join(_spelled(name, text) for name, text in every.items()))
        return
    name = term.strip().lower()
    if name not in every:
        raise ConfigError(unknown_name("entry in the glossary", name, every))
    output.write(_spelled(name, every[name]))


def entries() -> dict[str, str]:
    """Definitions by term, in the order of the file."""
    _, *parts = _HEADING.split(PATH.read_text(encoding="utf-8"))
    return {name: text.strip() for name, text in zip(parts[::2], parts[1::2], strict=True)}


def _spelled(name: str, text: str) -> str:
    return "\n".join([name, *(f"  {line}" for line in text.splitlines())])
