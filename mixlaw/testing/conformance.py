"""What a check raises, and the two questions that all checks ask."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from mixlaw.errors import MixlawError

Result = TypeVar("Result")


class ConformanceError(AssertionError):
    """A plugin breaks a promise of its kind; the message is one sentence."""


def require(condition: object, sentence: str) -> None:
    """Nothing, or a :class:`ConformanceError` with this sentence where the condition is false."""
    if not condition:
        raise ConformanceError(sentence)


@contextmanager
def refusal(what: str, contains: str = "") -> Iterator[None]:
    """A block that has to end in one of mixlaw's own errors.

    Args:
        what: what has to be refused, as the beginning of a sentence.
        contains: words that the message has to hold.

    Raises:
        ConformanceError: it does not, or the refusal is not one line with exit code 2.
    """
    try:
        yield
    except MixlawError as error:
        require_sentence(error, what)
        require(contains in str(error), f"{what} is refused without saying '{contains}': {error}")
        return
    raise ConformanceError(f"{what} is not refused; raise a ConfigError or a DataError.")


def attempt(call: Callable[[], Result], what: str, *, one_line: bool = True) -> Result | None:
    """The result of a call; None where it was refused with exit code 2.

    Raises:
        ConformanceError: the refusal has another exit code, or, with ``one_line``, several lines.
    """
    try:
        return call()
    except MixlawError as error:
        require_sentence(error, what, one_line)
        return None


def require_sentence(error: MixlawError, what: str, one_line: bool = True) -> None:
    """Check that a refusal leaves with exit code 2 (bad input) and, mostly, is one line."""
    require(error.exit_code == 2, f"{what} is refused with exit code {error.exit_code}, not 2.")
    many = one_line and "\n" in str(error)
    require(not many, f"{what} is refused in more than one line: {error}")


def empty_folder(folder: Path, name: str) -> Path:
    """A new folder of this name for one check.

    Raises:
        ConformanceError: the folder has one already, so an earlier check would answer for this one.
    """
    path = folder / name
    require(not path.exists(), f"'{path}' exists already; run the checks in an empty folder.")
    path.mkdir(parents=True)
    return path
