"""A corpus as it is stored: what is in its folder, and how to trust it.

``train.npy`` holds the training tokens, ``held_out.npz`` the windows with their documents and
bytes, ``documents.npy`` the hashes of all documents used (to find shared ones), and
``corpus.json`` counts and the checksum of every file. While the folder is being made,
``progress.json`` says how far it has got.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixlaw.corpora.held_out import HeldOut
from mixlaw.corpora.tokens import Tokens, checksum, open_tokens
from mixlaw.files import write_atomic

#: Files of a corpus's folder, as the head of this file describes them.
TRAIN, HELD_OUT, DOCUMENTS = FILES = ("train.npy", "held_out.npz", "documents.npy")
RECORD, PROGRESS = "corpus.json", "progress.json"


@dataclass(frozen=True)
class TokenCorpus:
    """The training tokens of one corpus.

    Attributes:
        name: of the corpus.
        path: its ``.npy`` file.
        n_tokens: tokens in it, end-of-text tokens included.
        fingerprint: hash of the tokens.
        n_documents: documents they are from.
        bytes_per_token: UTF-8 bytes of the text per token.
    """

    name: str
    path: Path
    n_tokens: int
    fingerprint: str
    n_documents: int
    bytes_per_token: float

    def tokens(self) -> Tokens:
        """Memory map of the tokens, shape (n_tokens,)."""
        return open_tokens(self.path)


@dataclass(frozen=True)
class Progress:
    """How far the training tokens of a corpus have got, in whole documents.

    Attributes:
        n_documents: documents written.
        n_tokens: tokens of these documents.
        n_bytes: their UTF-8 bytes.
        n_kept: tokens that are in the file.
    """

    n_documents: int = 0
    n_tokens: int = 0
    n_bytes: int = 0
    n_kept: int = 0

    @classmethod
    def read(cls, folder: Path) -> "Progress":
        """Progress noted in a folder; none if there is no note."""
        path = folder / PROGRESS
        return cls(**json.loads(path.read_text())) if path.is_file() else cls()

    def note(self, folder: Path) -> None:
        """Write it down."""
        write_atomic(folder / PROGRESS, json.dumps(asdict(self)) + "\n")


def is_sound(folder: Path) -> bool:
    """Whether all files of a corpus are there and have the checksums of its record."""
    try:
        record = _read_record(folder)
        return all(checksum(folder / file) == record["sha256"][file] for file in FILES)
    except (OSError, ValueError, KeyError):
        return False


def load_train(name: str, folder: Path) -> TokenCorpus:
    """The training tokens in a corpus's folder."""
    record = _read_record(folder)
    return TokenCorpus(
        name=name,
        path=folder / TRAIN,
        n_tokens=record["n_tokens"],
        fingerprint=record["sha256"][TRAIN][:16],
        n_documents=record["n_documents"],
        bytes_per_token=record["bytes_per_token"],
    )


def load_held_out(name: str, folder: Path) -> HeldOut:
    """The held-out windows in a corpus's folder."""
    with np.load(folder / HELD_OUT, allow_pickle=False) as arrays:
        windows, documents = arrays["windows"].astype(np.int64), arrays["documents"]
        n_bytes = arrays["window_bytes"]
    fingerprint = _read_record(folder)["sha256"][HELD_OUT][:16]
    return HeldOut(name, windows, documents, n_bytes, fingerprint)


def load_keys(folder: Path) -> NDArray[np.uint64]:
    """Hashes of all documents used, shape (n_documents,)."""
    keys: NDArray[np.uint64] = np.load(folder / DOCUMENTS, allow_pickle=False)
    return keys


def save_windows(path: Path, windows: Any, documents: Any, n_bytes: Any) -> None:
    """Write held-out windows, shaped as in ``HeldOut``."""
    compact = windows.astype(np.uint32)
    np.savez(path, windows=compact, documents=documents, window_bytes=n_bytes)


def write_record(folder: Path, n_tokens: int, progress: "Progress") -> None:
    """Complete a folder: counts and checksums, everything on the disk and nothing else there."""
    record = {
        "n_tokens": n_tokens,
        "n_documents": progress.n_documents,
        "bytes_per_token": progress.n_bytes / max(progress.n_tokens, 1),
        "sha256": {file: checksum(folder / file) for file in FILES},
    }
    (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n")
    for file in folder.iterdir():
        if file.name not in (*FILES, RECORD):
            file.unlink()  # the note of progress, and any half of one that a killed process left
            continue
        with file.open("rb+") as stream:
            os.fsync(stream.fileno())


def _read_record(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / RECORD).read_text())
    return record
