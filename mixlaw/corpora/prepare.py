"""From sources to token files: everything a sweep trains and is measured on, made once.

The cache folder holds one folder per corpus, named by what it was made from, and ``corpora.json``,
which says what belongs to the last plan. Folders appear whole or not at all. A file whose checksum
is wrong is made again, saying so.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from mixlaw.corpora.documents import Document, distinct
from mixlaw.corpora.encode import (
    Say,
    TokenCorpus,
    encode_corpus,
    is_sound,
    load_held_out,
    load_keys,
    load_train,
)
from mixlaw.corpora.held_out import HeldOut
from mixlaw.corpora.readers import list_files, read_documents
from mixlaw.corpora.tokenizer import TextEncoder, load_encoder, train_encoder
from mixlaw.corpora.tokens import checksum, combined_hash
from mixlaw.errors import ConfigError, DataError
from mixlaw.experiment import CorpusSource, TokenizerSource
from mixlaw.files import write_atomic

SCHEMA = "mixlaw.corpora/1"
MANIFEST = "corpora.json"
#: Where the built-in pair is kept, relative to the working directory.
BUILTIN_CACHE = Path(".mixlaw")
#: Text of each corpus that a tokenizer is trained on, in characters: four times as much
#: compresses less than 2% better.
TOKENIZER_SAMPLE = 1_000_000
#: More tokens than this per corpus are a mistake in the plan.
MOST_TOKENS = 10**13


@dataclass(frozen=True)
class Corpora:
    """All corpora of a plan.

    Attributes:
        train: training tokens by corpus name.
        held_out: held-out windows by corpus name.
        tokenizer_path: the tokenizer's JSON.
        vocab_size: one more than the largest token id.
        tokenizer_hash: identity of the tokenizer.
        fingerprint: hash of all tokens and of the tokenizer.
    """

    train: dict[str, TokenCorpus]
    held_out: dict[str, HeldOut]
    tokenizer_path: Path
    vocab_size: int
    tokenizer_hash: str
    fingerprint: str


@dataclass(frozen=True)
class Plan:
    """What is asked for; its keys are what the cache goes by."""

    sources: Mapping[str, CorpusSource]
    seq_len: int
    train_tokens: Mapping[str, int]
    held_out_tokens: Mapping[str, int]
    tokenizer: TokenizerSource

    def __post_init__(self) -> None:
        for asked in (self.train_tokens, self.held_out_tokens):
            for name, n_tokens in asked.items():
                if name not in self.sources or not 0 <= n_tokens <= MOST_TOKENS:
                    raise ConfigError(
                        f"{n_tokens:,} tokens of '{name}' cannot be prepared; ask for 0 to "
                        f"{MOST_TOKENS:.0e} of: {', '.join(self.sources)}."
                    )

    @property
    def key(self) -> str:
        """Identity of the whole plan."""
        return combined_hash([repr(self.tokenizer), *(self.corpus_key(n) for n in self.sources)])

    def corpus_key(self, name: str, tokenizer_hash: str = "") -> str:
        """Identity of one corpus's files."""
        asked = (self.seq_len, self.train_tokens.get(name, 0), self.held_out_tokens.get(name, 0))
        return combined_hash(
            [SCHEMA, name, _identity(self.sources[name]), tokenizer_hash, repr(asked)]
        )

    def documents(self, name: str) -> Iterator[Document]:
        """The distinct documents of a corpus, in reading order."""
        source = self.sources[name]
        return distinct(read_documents(_path(source), source.field))


def prepare_corpora(
    sources: Mapping[str, CorpusSource],
    *,
    cache: Path,
    seq_len: int,
    train_tokens: Mapping[str, int],
    held_out_tokens: Mapping[str, int],
    tokenizer: TokenizerSource,
    progress: Say | None = None,
) -> Corpora:
    """Encode as much of each corpus as a plan needs, or find it in the cache.

    A corpus with fewer training tokens than asked for gives what it has: whether that is enough
    depends on how often it may be repeated, and ``MixtureStream.check`` says so.

    Args:
        sources: where each corpus is, by name.
        cache: folder for token files; made if absent.
        seq_len: predicted tokens per sequence and scored tokens per window.
        train_tokens: distinct training tokens wanted, by corpus name.
        held_out_tokens: held-out tokens wanted, by corpus name; rounded up to whole windows.
        tokenizer: what to encode with.
        progress: called with sentences for a person.

    Raises:
        DataError: a source cannot be read, is empty, has too little held-out text, or shares a
            document with another corpus.
    """
    plan = Plan(sources, seq_len, train_tokens, held_out_tokens, tokenizer)
    say = progress or (lambda sentence: None)
    manifest = _read_manifest(cache)
    if manifest is None or manifest["plan"] != plan.key or not _all_sound(cache, manifest):
        encoder = _encoder(plan)
        folders = {name: _ensure_corpus(name, plan, encoder, cache, say) for name in sources}
        _refuse_shared_documents(plan, folders)
        _write_manifest(cache, plan, encoder, folders)
    return load_corpora(cache)


def load_corpora(cache: Path) -> Corpora:
    """What ``prepare_corpora`` wrote last into this folder; nothing is encoded or verified.

    Raises:
        DataError: there is nothing prepared in the folder.
    """
    manifest = _read_manifest(cache)
    if manifest is None:
        raise DataError(f"There are no prepared corpora in '{cache}'; run 'mixlaw sweep' first.")
    folders = {name: cache / folder for name, folder in manifest["corpora"].items()}
    train = {name: load_train(name, folder) for name, folder in folders.items()}
    held_out = {name: load_held_out(name, folder) for name, folder in folders.items()}
    parts = [train[name].fingerprint + held_out[name].fingerprint for name in folders]
    return Corpora(
        train=train,
        held_out=held_out,
        tokenizer_path=cache / manifest["tokenizer"]["file"],
        vocab_size=manifest["tokenizer"]["vocab_size"],
        tokenizer_hash=manifest["tokenizer"]["hash"],
        fingerprint=combined_hash([*folders, *parts, manifest["tokenizer"]["hash"]]),
    )


def _path(source: CorpusSource) -> Path:
    if source.builtin is None:
        return Path(str(source.path))
    from mixlaw.corpora.builtin import gather

    return gather(source.builtin, BUILTIN_CACHE)


def _identity(source: CorpusSource) -> str:
    """What tells one state of a source from another: its files' names, sizes and times."""
    path = _path(source)
    if source.builtin is not None:
        return path.name
    stats = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in list_files(path)]
    return combined_hash([source.field, repr(stats)])


def _encoder(plan: Plan) -> TextEncoder:
    if plan.tokenizer.path is not None:
        return load_encoder(Path(plan.tokenizer.path), plan.tokenizer.end_of_text)
    sample = [text for name in plan.sources for text in _training_sample(plan.documents(name))]
    if not sample:
        raise DataError(f"There is no text to train a tokenizer on in: {', '.join(plan.sources)}.")
    return train_encoder(sample, plan.tokenizer.vocab_size)


def _training_sample(documents: Iterator[Document]) -> Iterator[str]:
    """The first training documents of a corpus."""
    left = TOKENIZER_SAMPLE
    for document in documents:
        if not document.is_held_out:
            yield document.text[:left]
            left -= len(document.text)
        if left <= 0:
            break


def _ensure_corpus(name: str, plan: Plan, encoder: TextEncoder, cache: Path, say: Say) -> Path:
    """Folder of one corpus, encoded now unless a sound one is there."""
    folder = cache / f"{name}-{plan.corpus_key(name, encoder.hash)}"
    if folder.exists():
        if is_sound(folder):
            return folder
        say(f"The token files of '{name}' are damaged; encoding them again.")
        shutil.rmtree(folder)
    unfinished = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        encode_corpus(
            name,
            plan.documents(name),
            encoder,
            unfinished,
            seq_len=plan.seq_len,
            train_tokens=plan.train_tokens.get(name, 0),
            held_out_tokens=plan.held_out_tokens.get(name, 0),
            say=say,
        )
        unfinished.rename(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return folder


def _refuse_shared_documents(plan: Plan, folders: Mapping[str, Path]) -> None:
    """One text in two corpora would be trained on at shares that nobody planned."""
    keys = {name: load_keys(folder) for name, folder in folders.items()}
    for one, other in combinations(keys, 2):
        shared = set(np.intersect1d(keys[one], keys[other]).tolist())
        if shared:
            example = next(d for d in plan.documents(other) if d.key in shared)
            raise DataError(
                f"{len(shared)} of the documents used are in both '{one}' and '{other}' (the first "
                f"is {example.origin}); remove them from one of the two."
            )


def _all_sound(cache: Path, manifest: dict[str, Any]) -> bool:
    tokenizer = manifest["tokenizer"]
    return (
        (cache / tokenizer["file"]).is_file()
        and checksum(cache / tokenizer["file"]) == tokenizer["sha256"]
        and all(is_sound(cache / folder) for folder in manifest["corpora"].values())
    )


def _read_manifest(cache: Path) -> dict[str, Any] | None:
    path = cache / MANIFEST
    if not path.is_file():
        return None
    try:
        manifest = json.loads(path.read_text())
    except ValueError:
        return None
    return manifest if manifest.get("schema") == SCHEMA else None


def _write_manifest(
    cache: Path, plan: Plan, encoder: TextEncoder, folders: Mapping[str, Path]
) -> None:
    file = f"tokenizer-{encoder.hash}.json"
    write_atomic(cache / file, encoder.tokenizer.to_str(pretty=True))
    manifest = {
        "schema": SCHEMA,
        "plan": plan.key,
        "tokenizer": {
            "file": file,
            "hash": encoder.hash,
            "vocab_size": encoder.vocab_size,
            "sha256": checksum(cache / file),
        },
        "corpora": {name: folder.name for name, folder in folders.items()},
    }
    write_atomic(cache / MANIFEST, json.dumps(manifest, indent=2) + "\n")
