"""Tokenizers: a byte-level BPE trained on the corpora, or any Hugging Face tokenizer from disk.

Both are one ``tokenizers.Tokenizer``, kept as its own JSON.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixlaw.corpora.documents import Document
from mixlaw.corpora.tokens import Tokens
from mixlaw.corpora.words import WordEncoder
from mixlaw.errors import DataError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

#: Token that ends a document in a tokenizer that is trained here.
END_OF_TEXT = "<|endoftext|>"
#: Names that published tokenizers give the token that ends a document.
_USUAL_ENDS = (END_OF_TEXT, "<|end_of_text|>", "</s>", "<eos>", "[EOS]", "[SEP]")


class TextEncoder:
    """Text to tokens, every document followed by the end-of-text token.

    Attributes:
        tokenizer: the Hugging Face tokenizer.
        end_of_text: id of the token that ends a document.
        end_of_text_name: that token.
        vocab_size: one more than the largest id.
    """

    def __init__(self, tokenizer: "Tokenizer", end_of_text: str) -> None:
        end = tokenizer.token_to_id(end_of_text)
        if end is None:
            raise DataError(f"The tokenizer has no token '{end_of_text}' to end a document with.")
        self.tokenizer = tokenizer
        self.end_of_text: int = end
        self.end_of_text_name = end_of_text
        self.vocab_size = 1 + max(tokenizer.get_vocab(with_added_tokens=True).values())

    @cached_property
    def hash(self) -> str:
        """Identity of the tokenizer: a hash of everything that decides the ids."""
        content = f"{self.end_of_text} {self.tokenizer.to_str()}"
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @cached_property
    def words(self) -> WordEncoder | None:
        """The fast way, where the tokenizer has one."""
        return WordEncoder.of(self.tokenizer, self.dtype)

    @cached_property
    def dtype(self) -> np.dtype[np.unsignedinteger[Any]]:
        """Smallest integer that holds every id."""
        return np.dtype(np.uint16 if self.vocab_size <= 1 << 16 else np.uint32)

    def encode(self, documents: Sequence[Document]) -> list[Tokens]:
        """Ids of each document, end-of-text included.

        Raises:
            DataError: a document is already tokenised, with ids that this tokenizer lacks.
        """
        texts = [document.text for document in documents if document.ids is None]
        return self.combine(documents, iter(self.encode_texts(texts)))

    def combine(self, documents: Sequence[Document], encoded: Iterator[Tokens]) -> list[Tokens]:
        """Ids of each document: those it has, or the next of the encoded texts."""
        return [next(encoded) if d.ids is None else self._known(d) for d in documents]

    def encode_texts(self, texts: Sequence[str]) -> list[Tokens]:
        """Ids of each text, end-of-text included."""
        words = self.words
        encoded = [None if words is None else words.encode(text) for text in texts]
        rest = [text for text, ids in zip(texts, encoded, strict=True) if ids is None]
        batch = iter(self.tokenizer.encode_batch_fast(rest, add_special_tokens=False))
        return [
            self._ended(next(batch).ids if ids is None else np.frombuffer(ids, self.dtype))
            for ids in encoded
        ]

    def encode_with_bytes(self, document: Document) -> tuple[Tokens, NDArray[np.int64]]:
        """Ids of a document, and how many UTF-8 bytes each stands for (end-of-text: none)."""
        if document.ids is not None:
            ids = self._known(document)
            return ids, self._token_bytes[ids]
        text = document.text
        encoding = self.tokenizer.encode(text, add_special_tokens=False)
        widths = [len(character.encode()) for character in text]
        bytes_before = np.concatenate([[0], np.cumsum(widths, dtype=np.int64)])
        ends = bytes_before[np.array([end for _, end in encoding.offsets], dtype=int)]
        if len(ends):
            ends[-1] = bytes_before[-1]  # what a normalizer dropped at the end counts too
        n_bytes = np.diff(np.maximum.accumulate(ends), prepend=0)
        return self._ended(encoding.ids), np.append(n_bytes, 0)

    def text_of(self, document: Document) -> str:
        """A document's text, decoded where there are only ids."""
        if document.ids is None:
            return document.text
        return str(self.tokenizer.decode(document.ids.tolist()))

    def count_bytes(self, document: Document) -> int:
        """UTF-8 bytes of a document."""
        if document.ids is None:
            return len(document.text.encode())
        return int(self._token_bytes[self._known(document)].sum())

    @cached_property
    def _token_bytes(self) -> NDArray[np.int64]:
        """Bytes of every id, shape (vocab_size,); special tokens stand for none."""
        added = self.tokenizer.get_added_tokens_decoder()
        tokens = [self.tokenizer.id_to_token(i) for i in range(self.vocab_size)]
        is_byte_level = '"ByteLevel"' in self.tokenizer.to_str()
        count = len if is_byte_level else _sentencepiece_bytes
        return np.array([count(t) if t and i not in added else 0 for i, t in enumerate(tokens)])

    def _known(self, document: Document) -> Tokens:
        ids = document.ids
        if ids is None or ids.max() >= self.vocab_size:
            raise DataError(
                f"{document.origin} holds ids that the tokenizer, with {self.vocab_size:,} of "
                "them, does not have; was it another tokenizer, or another dtype?"
            )
        return self._ended(ids)

    def _ended(self, ids: Sequence[int] | Tokens) -> Tokens:
        return np.append(np.asarray(ids, dtype=self.dtype), self.dtype.type(self.end_of_text))


def train_encoder(texts: Iterable[str], vocab_size: int) -> TextEncoder:
    """A byte-level BPE trained on these texts; the same texts give the same tokenizer."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return TextEncoder(tokenizer, END_OF_TEXT)


def load_encoder(path: Path, end_of_text: str | None = None) -> TextEncoder:
    """A Hugging Face tokenizer from its folder or its tokenizer.json.

    Args:
        path: the folder or file.
        end_of_text: the token that ends a document; None to find it.

    Raises:
        DataError: there is no tokenizer, it cannot be read, or it has no such token.
    """
    if not path.exists():
        raise DataError(f"There is no tokenizer at '{path}'; give a folder or a tokenizer.json.")
    file = path / "tokenizer.json" if path.is_dir() else path
    tokenizer = _from_json(file) if file.is_file() else _converted(path)
    return TextEncoder(tokenizer, end_of_text or _find_end(tokenizer, file.parent))


def _from_json(file: Path) -> "Tokenizer":
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises plain Exception for any fault of the file
        raise DataError(f"'{file}' is not a tokenizer.json ({error}).") from error


def _converted(folder: Path) -> "Tokenizer":
    """A folder without tokenizer.json (vocab and merges, SentencePiece): transformers converts."""
    from transformers import AutoTokenizer

    try:
        loaded = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, use_fast=True)
        return loaded.backend_tokenizer
    except (OSError, ValueError, AttributeError, ImportError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"'{folder}' holds no tokenizer that can be loaded ({reason}).") from error


def _sentencepiece_bytes(token: str) -> int:
    """Bytes of a token that writes a space as '▁' and a lone byte as '<0x0A>'."""
    return 1 if re.fullmatch(r"<0x[0-9A-F]{2}>", token) else len(token.replace("▁", " ").encode())


def _find_end(tokenizer: "Tokenizer", folder: Path) -> str:
    config = folder / "tokenizer_config.json"
    try:
        declared = json.loads(config.read_text()).get("eos_token") if config.is_file() else None
    except (ValueError, AttributeError) as error:
        raise DataError(f"'{config}' holds no JSON object ({error}).") from None
    if isinstance(declared, dict):
        declared = declared.get("content")
    for name in (declared, *_USUAL_ENDS):
        if name is not None and tokenizer.token_to_id(name) is not None:
            return str(name)
    raise DataError(
        f"The tokenizer in '{folder}' names no end-of-text token; say which one it is with "
        "'end_of_text'."
    )
