"""What mixlaw raises on purpose.

Every message is one sentence for a person: what is wrong, which value, what is allowed, and what
to do next. The command line prints that sentence and leaves with ``exit_code``.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


class MixlawError(Exception):
    """Base of all errors that mixlaw raises on purpose."""

    exit_code: ClassVar[int] = 1


class ConfigError(MixlawError):
    """A wrong flag, experiment file, plugin name or quantity."""

    exit_code = 2


class DataError(MixlawError):
    """A corpus, log or runs table that cannot be used as it is."""

    exit_code = 2


class RunError(MixlawError):
    """Training or an executor failed."""


class FitError(MixlawError):
    """A law cannot be fitted to these rows, or a fit cannot be used for this question."""

    exit_code = 2


class NotIdentifiedError(FitError):
    """The question is well posed, but the fitted data cannot answer it (exit code 3)."""

    exit_code = 3


def unknown_name(what: str, name: str, known: Iterable[str]) -> str:
    """The sentence for a name that is not known: the nearest one first, then all of them."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    listing = ", ".join(names) if names else "none"
    return f"There is no {what} named '{name}'.{hint} Available: {listing}."
