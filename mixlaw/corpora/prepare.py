"""From sources to token files: everything a sweep trains and is measured on, made once.

The cache folder holds one folder per corpus, named by what it was made from, and ``corpora.json``,
which says what belongs to the last plan. Folders appear whole or not at all. A file whose checksum
is wrong is made again, saying so.
"""

import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np

from mixlaw.corpora.encode import Say, encode_corpus
from mixlaw.corpora.held_out import HeldOut
from mixlaw.corpora.manifest import damage, is_current, read_manifest, write_manifest
from mixlaw.corpora.plan import CorporaPlan
from mixlaw.corpora.stored import TRAIN, TokenCorpus, is_sound, load_held_out, load_keys, load_train
from mixlaw.corpora.tokenizer import TextEncoder
from mixlaw.corpora.tokens import combined_hash
from mixlaw.errors import DataError, RunError
from mixlaw.experiment import CorpusSource, TokenizerSource

#: From this many bytes on, token files that no plan needs any more are worth a sentence.
MUCH_ROOM = 200_000_000


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
        notes: sentences on what may be wrong with the corpora.
        standard_errors: of a loss on each held-out set, in nats; None where it is not known.
    """

    train: dict[str, TokenCorpus]
    held_out: dict[str, HeldOut]
    tokenizer_path: Path
    vocab_size: int
    tokenizer_hash: str
    fingerprint: str
    notes: tuple[str, ...] = ()
    standard_errors: Mapping[str, float | None] = field(default_factory=dict)


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

    A corpus with fewer training tokens than wanted gives what it has: whether that is enough
    depends on how often it may be repeated, and ``MixtureStream.check`` decides.

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
        RunError: the cache cannot be written.
    """
    plan = CorporaPlan(sources, seq_len, train_tokens, held_out_tokens, tokenizer)
    say = progress or (lambda sentence: None)
    try:
        manifest = read_manifest(cache)
        for sentence in damage(cache, manifest):
            say(sentence)
        if manifest is None or not is_current(cache, manifest, plan):
            _build(plan, cache, say)
    except OSError as error:
        raise RunError(
            f"The corpora cannot be prepared in '{cache}': {error.strerror}; when that is mended, "
            "the same command continues where it stopped."
        ) from error
    corpora = load_corpora(cache)
    for note in (*corpora.notes, *_unused(cache, corpora)):
        say(note)
    return corpora


def load_corpora(cache: Path) -> Corpora:
    """What ``prepare_corpora`` wrote last into this folder; nothing is encoded or verified.

    Raises:
        DataError: there is nothing prepared in the folder.
    """
    manifest = read_manifest(cache)
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
        standard_errors=manifest["standard_errors"],
        notes=tuple(manifest["notes"]),
        fingerprint=combined_hash([*folders, *parts, manifest["tokenizer"]["hash"]]),
    )


def _build(plan: CorporaPlan, cache: Path, say: Say) -> None:
    encoder = plan.encoder()
    folders = {n: cache / f"{n}-{plan.corpus_key(n, encoder.hash)}" for n in plan.sources}
    _clear_unfinished(cache, [_unfinished(folder) for folder in folders.values()])
    for name, folder in folders.items():
        _ensure_corpus(name, plan, encoder, folder, say)
    _refuse_shared_documents(plan, folders, encoder)
    write_manifest(cache, plan, encoder, folders)


def _ensure_corpus(
    name: str, plan: CorporaPlan, encoder: TextEncoder, folder: Path, say: Say
) -> None:
    """Encode one corpus into its folder unless a sound one is there."""
    if folder.exists():
        if is_sound(folder):
            return
        say(f"The token files of '{name}' are damaged; encoding them again.")
        shutil.rmtree(folder)
    unfinished = _unfinished(folder)
    try:
        unfinished.mkdir(parents=True, exist_ok=True)
        encode_corpus(
            name,
            plan.documents(name, encoder.end_of_text),
            encoder,
            unfinished,
            seq_len=plan.seq_len,
            train_tokens=plan.train_tokens.get(name, 0),
            held_out_tokens=plan.held_out_tokens.get(name, 0),
            say=say,
        )
        unfinished.rename(folder)
    except DataError:
        shutil.rmtree(unfinished)
        raise


def _unfinished(folder: Path) -> Path:
    """Where a corpus's folder is made before it gets its name."""
    return folder.with_name(f".{folder.name}.tmp")


def _clear_unfinished(cache: Path, keep: Collection[Path]) -> None:
    """Remove what killed processes left, other than the folders that can be continued."""
    for left in cache.glob(".*.tmp"):
        if left.is_file():
            left.unlink()
        elif left not in keep:
            shutil.rmtree(left)


def _unused(cache: Path, corpora: Corpora) -> Iterator[str]:
    """A sentence on token files of earlier plans, if they take much room: going back is quick."""
    used = {corpus.path.parent for corpus in corpora.train.values()}
    others = [path.parent for path in sorted(cache.glob(f"*/{TRAIN}")) if path.parent not in used]
    n_bytes = sum((folder / TRAIN).stat().st_size for folder in others)
    if n_bytes >= MUCH_ROOM:
        names = ", ".join(f"'{folder}'" for folder in others)
        yield (
            f"Token files of earlier settings take {n_bytes / 1e9:.1f} GB; delete them unless you "
            f"want to go back: {names}."
        )


def _refuse_shared_documents(
    plan: CorporaPlan, folders: Mapping[str, Path], encoder: TextEncoder
) -> None:
    """One text in two corpora would be trained on at shares that nobody planned."""
    keys = {name: load_keys(folder) for name, folder in folders.items()}
    for one, other in combinations(keys, 2):
        shared = set(np.intersect1d(keys[one], keys[other]).tolist())
        if shared:
            documents = plan.documents(other, encoder.end_of_text)
            example = next(document for document in documents if document.key in shared)
            raise DataError(
                f"{len(shared)} of the documents used are in both '{one}' and '{other}' (the first "
                f"is {example.origin}); remove them from one of the two."
            )
