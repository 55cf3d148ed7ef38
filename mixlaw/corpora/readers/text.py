"""Plain text, UTF-8.

A file is one document; where a corpus has few files, and for very long files, it is cut at blank
lines into documents of about ``PIECE`` characters, for there must be enough documents to hold
some out.
"""

import io
from collections.abc import Iterator
from typing import BinaryIO

from mixlaw.corpora.documents import Document
from mixlaw.corpora.readers import Options
from mixlaw.errors import DataError

#: Characters of a document that is cut from a longer file. Conventional; another value gives other
#: documents, and so other corpora.
PIECE = 8_192
#: The same where a corpus has many files: then only longer files are cut.
LONGEST = 1_048_576
#: Message for a file that is no text.
_BINARY = "'{}' is a binary file, not text."


def read(file: BinaryIO, origin: str, options: Options) -> Iterator[Document]:
    """Documents of one text file.

    Raises:
        DataError: the file is binary or not valid UTF-8.
    """
    piece = PIECE if options.cut else LONGEST
    for number, text in enumerate(_pieces(_lines(file, origin), piece)):
        yield Document(text, f"{origin}, part {number + 1}")


def _pieces(lines: Iterator[str], piece: int) -> Iterator[str]:
    """Runs of lines that end at the first blank line after ``piece`` characters."""
    held: list[str] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= piece and (line.isspace() or size >= 4 * piece):
            yield "".join(held)
            held, size = [], 0
    if held:
        yield "".join(held)


def _lines(file: BinaryIO, origin: str) -> Iterator[str]:
    """Lines, longer ones in parts of ``PIECE`` characters."""
    stream = io.TextIOWrapper(file, encoding="utf-8-sig", errors="strict")
    n_lines = 0
    try:
        while line := stream.readline(PIECE):
            if "\0" in line:
                raise DataError(_BINARY.format(origin))
            n_lines += line.endswith("\n")
            yield line
    except UnicodeDecodeError as error:
        if b"\0" in error.object:
            raise DataError(_BINARY.format(origin)) from None
        # The decoder fails on a whole chunk: its lines before the fault were not handed out.
        number = n_lines + error.object.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"'{origin}' is not valid UTF-8 (byte {error.object[error.start]:#04x} in line "
            f"{number}); convert it, for example with iconv."
        ) from error
    finally:
        stream.detach()
