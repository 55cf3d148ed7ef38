"""JSON Lines: one object a line, the text in a named field."""

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from mixlaw.corpora.documents import Document
from mixlaw.corpora.readers import Options
from mixlaw.errors import DataError

#: Halves of characters, which JSON can escape and UTF-8 cannot write.
_SURROGATE = re.compile("[\ud800-\udfff]")
#: A longer line than this (in bytes) is not a document but a mistake.
LONGEST = 64 * 1_048_576


def read(file: BinaryIO, origin: str, options: Options) -> Iterator[Document]:
    """Documents of one JSONL file.

    Raises:
        DataError: a line is not a JSON object, or has no text under the field.
    """
    number = 0
    while line := file.readline(LONGEST):
        number += 1
        if line.strip():
            place = f"{origin}, line {number}"
            yield Document(text_of(_parse(line, place), options.field, place), place)


def text_of(record: Any, field: str, place: str) -> str:
    """The text under a field of one record.

    Raises:
        DataError: there is no such field (the message names those there are), or it is no text.
    """
    if not isinstance(record, dict):
        raise DataError(f"{place}: expected an object with fields, found {type(record).__name__}.")
    if field not in record:
        raise DataError(
            f"{place}: there is no field '{field}'; the fields are: {', '.join(record) or 'none'}. "
            "Name the text's with 'field' beside the path, or --field."
        )
    text = record[field]
    if not isinstance(text, str):
        raise DataError(f"{place}: the field '{field}' is {type(text).__name__}, not text.")
    if not text.isascii() and _SURROGATE.search(text):
        raise DataError(f"{place}: the field '{field}' holds half a character (a lone surrogate).")
    return text


def _parse(line: bytes, place: str) -> Any:
    if len(line) == LONGEST:
        raise DataError(f"{place} is longer than {LONGEST >> 20} MB; is it JSON Lines?")
    try:
        return json.loads(line)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{place} is not valid UTF-8; convert the file, e.g. with iconv."
        ) from error
    except json.JSONDecodeError as error:
        raise DataError(
            f"{place} is not JSON ({error.msg}); JSONL has one object a line."
        ) from error
