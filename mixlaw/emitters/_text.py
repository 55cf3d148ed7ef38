"""Text in a trainer's syntax. Names and paths are data: each format's own writer quotes them."""

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from mixlaw.errors import ConfigError


def comments(notes: Iterable[str]) -> str:
    """The notes as comment lines of shell, YAML and Python."""
    return "".join(f"# {note}\n" for note in notes)


def yaml_text(notes: Iterable[str], data: Mapping[str, Any]) -> str:
    """A YAML document in the order of ``data``, under its comments; inner lists on one line."""
    nested = any(isinstance(value, dict | list) for value in data.values())
    body = yaml.safe_dump(
        dict(data),
        sort_keys=False,
        default_flow_style=None if nested else False,
        allow_unicode=True,
        width=float("inf"),
    )
    return comments(notes) + body


def shell_line(notes: Iterable[str], *words: str) -> str:
    """One line of shell words, each quoted, under its comments."""
    return f"{comments(notes)}{' '.join(map(shlex.quote, words))}\n"


def argument(word: str, forbidden: str = "") -> str:
    """The word, if a command line and the trainer's own splitting can hold it.

    Raises:
        ConfigError: it would be read as an option, or holds a character the trainer splits at.
    """
    bad = sorted(set(word) & set(forbidden))
    if word.startswith("-") or not word or bad:
        what = f"the character {bad[0]!r}" if bad else "a leading '-' or no character at all"
        raise ConfigError(
            f"The name or path {word!r} has {what}, which this trainer's format cannot hold; "
            "rename it."
        )
    return word
