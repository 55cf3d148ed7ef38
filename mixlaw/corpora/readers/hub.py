"""Data sets by name on the Hugging Face hub, streamed: ``hf://NAME`` reads its split 'train'."""

from collections.abc import Iterator
from typing import Any

from mixlaw.corpora.documents import Document
from mixlaw.corpora.readers import Options
from mixlaw.corpora.readers.jsonl import text_of
from mixlaw.errors import DataError

#: How a path names a data set on the hub.
PREFIX = "hf://"


def read_hub(path: str, options: Options) -> Iterator[Document]:
    """Documents of a data set; nothing is downloaded that is not read.

    Raises:
        DataError: ``datasets`` is not installed, the set cannot be read, or the field is wrong.
    """
    name = path.removeprefix(PREFIX)
    for number, record in enumerate(_records(name)):
        place = f"{path}, row {number + 1}"
        yield Document(text_of(record, options.field, place), place)


def _records(name: str) -> Iterator[dict[str, Any]]:
    try:
        import datasets
    except ImportError as error:
        raise DataError("Reading from the hub needs 'pip install datasets'.") from error
    try:
        yield from datasets.load_dataset(name, split="train", streaming=True)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"The data set '{name}' cannot be read from the hub ({reason}).") from error
