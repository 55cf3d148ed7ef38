"""Reading files that may be huge, cut, corrupt or hostile: bounded, streamed, nothing evaluated."""

import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mixlaw.errors import DataError

#: Longer lines are no log line; reading one whole could fill the memory. Conventional.
MAX_LINE_BYTES = 8 * 2**20
#: JSON documents are read whole; a trainer_state.json of a million log rows has about this size.
MAX_JSON_BYTES = 256 * 2**20
#: Deeper nesting than any trainer writes; Python's own parser gives up at about a thousand.
MAX_JSON_DEPTH = 64

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
#: A string (possibly cut) or a bracket.
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*+"?|[][{}]', re.DOTALL)


def read_lines(
    path: Path, progress: Callable[[int], object], *, strict: bool = True
) -> Iterator[tuple[str, bool]]:
    """Lines of a text file one by one, with whether each is whole (ends with a line end).

    Args:
        path: a UTF-8 text file; a byte order mark is dropped.
        progress: called with the bytes of every line.
        strict: refuse bytes that are no UTF-8; a trainer's standard output may hold anything.

    Raises:
        DataError: a line is longer than 8 MiB, or holds bytes that are not UTF-8.
    """
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE_BYTES):
            number += 1
            progress(len(line))
            whole = line.endswith(b"\n")
            if not whole and len(line) == MAX_LINE_BYTES:
                raise DataError(f"'{path}', line {number}: longer than 8 MiB, so this is no log.")
            try:
                text = line.decode("utf-8" if strict else "latin-1")
            except UnicodeDecodeError:
                raise DataError(f"'{path}', line {number}: not UTF-8 text.") from None
            yield text.rstrip("\r\n").removeprefix("\ufeff"), whole


def plain(line: str) -> str:
    """A line of a console without its colours."""
    return _ANSI.sub("", line)


def read_json_lines(
    path: Path, progress: Callable[[int], object]
) -> Iterator[tuple[dict[str, Any] | None, int]]:
    """JSON objects of a JSONL file with their line numbers; a record cut at the end is None.

    Raises:
        DataError: a line that is not the last is no JSON object.
    """
    for number, (text, whole) in enumerate(read_lines(path, progress), start=1):
        if not text.strip():
            continue
        try:
            record = loads(text)
        except ValueError as error:
            if not whole:
                yield None, number
                return
            raise DataError(f"'{path}', line {number}: not JSON ({error}).") from None
        if not isinstance(record, dict):
            raise DataError(f"'{path}', line {number}: holds no JSON object.")
        yield record, number


def read_text(path: Path, progress: Callable[[int], object]) -> str:
    """A JSON document's text.

    Raises:
        DataError: it is larger than 256 MiB, or not UTF-8.
    """
    if path.stat().st_size > MAX_JSON_BYTES:
        raise DataError(
            f"'{path}' is larger than 256 MiB; JSON is read whole, and no trainer writes so much."
        )
    data = path.read_bytes()
    progress(len(data))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"'{path}' is not UTF-8 text.") from None


def loads(text: str) -> Any:
    """``json.loads`` for text of strangers.

    Raises:
        ValueError: it is no JSON, or nested deeper than any log.
    """
    if _depth(text) > MAX_JSON_DEPTH:
        raise ValueError(f"nested deeper than {MAX_JSON_DEPTH} levels")
    return json.loads(text)


def keys_of(text: str) -> list[str]:
    """Keys of the first JSON object of a text, which may be cut; none where it is no object.

    Whether a file has the structure of a format is read off these, not off words somewhere in it.
    """
    keys: list[str] = []
    depth = 0
    if text.lstrip("\ufeff \t\r\n")[:1] != "{":
        return keys
    for match in _TOKENS.finditer(text):
        token = match[0]
        if token[0] == '"':
            if depth == 1 and text[match.end() : match.end() + 2].lstrip().startswith(":"):
                keys.append(token[1:-1])
            continue
        depth += 1 if token in "[{" else -1
        if depth == 0:
            break
    return keys


def _depth(text: str) -> int:
    """How deep the brackets nest, counted until it is too deep."""
    deepest = depth = 0
    for position in _brackets(text):
        depth += 1 if text[position] in "[{" else -1
        deepest = max(deepest, depth)
        if deepest > MAX_JSON_DEPTH:
            break
    return deepest


def _brackets(text: str) -> Iterator[int]:
    """Positions of the brackets outside strings."""
    for match in _TOKENS.finditer(text):
        if match[0][0] != '"':
            yield match.start()


def closing(text: str, start: int) -> int | None:
    """Where the bracket opened at ``start`` is closed; None where the text ends before that."""
    depth = 0
    for position in _brackets(text[start:]):
        depth += 1 if text[start + position] in "[{" else -1
        if depth == 0:
            return start + position
    return None


def to_number(value: Any, place: str) -> float:
    """A number from a cell or a JSON value; text is never evaluated.

    Raises:
        DataError: it is none.
    """
    try:
        if isinstance(value, bool):
            raise ValueError
        return float(value)
    except (TypeError, ValueError, OverflowError):
        shown = str(value)[:40]
        raise DataError(f"{place}: '{shown}' is not a number.") from None


def to_count(value: Any, place: str) -> float:
    """A finite number, 0 or more, such as a step or a token count.

    Raises:
        DataError: it is none.
    """
    count = to_number(value, place)
    if not 0 <= count < math.inf:
        raise DataError(f"{place}: '{value}' is not a count, 0 or more.")
    return count
