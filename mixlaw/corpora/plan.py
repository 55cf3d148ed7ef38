"""The plan of a cache of corpora: what is to be prepared, and the identity of every part of it.

The identity of a corpus is that of its files (names, sizes, times), not of their content: 50 GB
need not be read to find that nothing has changed. What it makes has a fingerprint by content.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mixlaw.corpora.builtin import file_name, gather
from mixlaw.corpora.documents import Document, distinct
from mixlaw.corpora.readers import Options, list_files, read_documents
from mixlaw.corpora.readers.hub import PREFIX, read_hub
from mixlaw.corpora.tokenizer import TextEncoder, load_encoder, train_encoder
from mixlaw.corpora.tokens import combined_hash
from mixlaw.errors import ConfigError, DataError
from mixlaw.experiment import CorpusSource, TokenizerSource

#: Version of the files of a corpus, part of its key: another one has everything encoded again.
SCHEMA = "mixlaw.corpora/2"
#: Where the built-in pair is kept, relative to the working directory.
BUILTIN_CACHE = Path(".mixlaw")
#: The built-in corpora by their names.
BUILTIN_PAIR = {
    "general": CorpusSource(builtin="general"),
    "domain": CorpusSource(builtin="domain"),
}
#: Text of each corpus that a tokenizer is trained on, in characters: four times as much
#: compresses less than 2% better.
TOKENIZER_SAMPLE = 1_000_000
#: More tokens than this per corpus are a mistake in the plan.
MOST_TOKENS = 10**13


@dataclass(frozen=True)
class CorporaPlan:
    """What is to be prepared; its keys name what is in the cache.

    Attributes:
        sources: where each corpus is, by name.
        seq_len: predicted tokens per sequence.
        train_tokens: distinct training tokens wanted, by corpus name.
        held_out_tokens: held-out tokens wanted, by corpus name.
        tokenizer: what to encode with.
    """

    sources: Mapping[str, CorpusSource]
    seq_len: int
    train_tokens: Mapping[str, int]
    held_out_tokens: Mapping[str, int]
    tokenizer: TokenizerSource

    def __post_init__(self) -> None:
        for name in self.sources:
            if not re.fullmatch(r"\w[\w.+-]*", name):
                raise ConfigError(
                    f"'{name}' cannot name a corpus; use letters, digits and any of _ . + -"
                )
        for wanted in (self.train_tokens, self.held_out_tokens):
            for name, n_tokens in wanted.items():
                if name not in self.sources or not 0 <= n_tokens <= MOST_TOKENS:
                    raise ConfigError(
                        f"{n_tokens:,} tokens of '{name}' cannot be prepared; ask for 0 to "
                        f"{MOST_TOKENS:.0e} of: {', '.join(self.sources)}."
                    )

    @property
    def key(self) -> str:
        """Identity of the whole plan."""
        return combined_hash([self.tokenizer_key, *map(self.corpus_key, self.sources)])

    @property
    def tokenizer_key(self) -> str:
        """Identity of the tokenizer; one that is trained here is another when a text is."""
        source = f"{self.tokenizer!r} {_state(_tokenizer_files(self.tokenizer))}"
        texts = () if self.tokenizer.path else map(_identity, self.sources.values())
        return combined_hash([source, *texts])

    def side_keys(self, name: str) -> tuple[str, str]:
        """Identity of a corpus's training tokens, and of its held-out windows."""
        sizes = self.train_tokens.get(name, 0), self.held_out_tokens.get(name, 0)
        identity = _identity(self.sources[name])
        train, held_out = (combined_hash([identity, repr((self.seq_len, n))]) for n in sizes)
        return train, held_out

    def corpus_key(self, name: str, tokenizer_hash: str = "") -> str:
        """Identity of one corpus's files."""
        sizes = (self.seq_len, self.train_tokens.get(name, 0), self.held_out_tokens.get(name, 0))
        return combined_hash(
            [SCHEMA, name, _identity(self.sources[name]), tokenizer_hash, repr(sizes)]
        )

    def documents(self, name: str, end_of_text: int | None = None) -> Iterator[Document]:
        """The distinct documents of a corpus, in reading order.

        Args:
            name: of the corpus.
            end_of_text: id that ends a document where the source holds token ids.
        """
        source = self.sources[name]
        options = Options(source.field, source.dtype, end_of_text)
        if _is_on_hub(source):
            return distinct(read_hub(str(source.path), options))
        return distinct(read_documents(_path(source), options))

    def encoder(self) -> TextEncoder:
        """The tokenizer: loaded, or trained on the first training documents of every corpus.

        Raises:
            DataError: there is no such tokenizer, or no text to train one on.
        """
        if self.tokenizer.path is not None:
            return load_encoder(Path(self.tokenizer.path), self.tokenizer.end_of_text)
        sample = [text for name in self.sources for text in _sample(self.documents(name))]
        if not sample:
            names = ", ".join(self.sources)
            raise DataError(f"There is no text to train a tokenizer on in: {names}.")
        return train_encoder(sample, self.tokenizer.vocab_size)


def _path(source: CorpusSource) -> Path:
    if source.builtin is None:
        return Path(str(source.path))
    return gather(source.builtin, BUILTIN_CACHE)


def _identity(source: CorpusSource) -> str:
    """What tells one state of a source from another."""
    if _is_on_hub(source):
        return repr(source)
    if source.builtin is not None:
        return file_name(source.builtin)
    return f"{source!r} {_state(list_files(_path(source)))}"


def _state(files: Iterable[Path]) -> str:
    """Names, sizes and times of files."""
    stats = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return combined_hash([repr(stats)])


def _tokenizer_files(source: TokenizerSource) -> list[Path]:
    """Files of a tokenizer that is loaded; none if it is missing (``encoder`` reports it)."""
    path = Path(source.path or "")
    return sorted(f for f in (path, *path.glob("*")) if f.is_file()) if source.path else []


def _is_on_hub(source: CorpusSource) -> bool:
    return str(source.path).startswith(PREFIX)


def _sample(documents: Iterator[Document]) -> Iterator[str]:
    """The first training documents of a corpus."""
    left = TOKENIZER_SAMPLE
    for document in documents:
        if not document.is_held_out:
            yield document.text[:left]
            left -= len(document.text)
        if left <= 0:
            break
