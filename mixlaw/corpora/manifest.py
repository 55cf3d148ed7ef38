"""The manifest of a cache: which prepared folders and which tokenizer belong to the last plan."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mixlaw.corpora.held_out import HeldOut
from mixlaw.corpora.notes import notes
from mixlaw.corpora.plan import CorporaPlan
from mixlaw.corpora.precision import standard_error
from mixlaw.corpora.stored import TokenCorpus, is_sound, load_held_out, load_train
from mixlaw.corpora.tokenizer import TextEncoder
from mixlaw.corpora.tokens import checksum
from mixlaw.files import write_atomic

#: Name of the manifest in the cache, and its format.
MANIFEST = "corpora.json"
SCHEMA = "mixlaw.manifest/1"


def read_manifest(cache: Path) -> dict[str, Any] | None:
    """What was prepared last; None if nothing was, by another version, or the file is damaged."""
    try:
        manifest = json.loads((cache / MANIFEST).read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    is_known = isinstance(manifest, dict) and manifest.get("schema") == SCHEMA
    return manifest if is_known else None


def write_manifest(
    cache: Path, plan: CorporaPlan, encoder: TextEncoder, folders: Mapping[str, Path]
) -> None:
    """Write the tokenizer, then the manifest: with it everything counts as prepared.

    Args:
        cache: where the manifest is kept.
        plan: what was prepared.
        encoder: what was encoded with.
        folders: of every corpus.
    """
    train = {name: load_train(name, folder) for name, folder in folders.items()}
    held_out = {name: load_held_out(name, folder) for name, folder in folders.items()}
    file = f"tokenizer-{encoder.hash}.json"
    write_atomic(cache / file, encoder.tokenizer.to_str(pretty=True))
    keys = {name: plan.side_keys(name) for name in folders}
    manifest = {
        "schema": SCHEMA,
        "plan": plan.key,
        "keys": {
            "tokenizer": plan.tokenizer_key,
            "train": {name: key for name, (key, _) in keys.items()},
            "held_out": {name: key for name, (_, key) in keys.items()},
        },
        "tokenizer": {
            "file": file,
            "hash": encoder.hash,
            "vocab_size": encoder.vocab_size,
            "sha256": checksum(cache / file),
        },
        "corpora": {name: folder.name for name, folder in folders.items()},
        "standard_errors": {name: _error(train[name], held_out[name]) for name in folders},
        "notes": list(notes(train, held_out, encoder.end_of_text)),
    }
    write_atomic(cache / MANIFEST, json.dumps(manifest, indent=2) + "\n")


def is_current(cache: Path, manifest: Mapping[str, Any], plan: CorporaPlan) -> bool:
    """Whether what was prepared last is what the plan asks for, and sound."""
    return (
        manifest["plan"] == plan.key
        and _has_tokenizer(cache, manifest)
        and all(is_sound(cache / folder) for folder in manifest["corpora"].values())
    )


def damage(cache: Path, manifest: Mapping[str, Any] | None) -> Iterator[str]:
    """A sentence if the manifest or its tokenizer is not what it was written as."""
    if manifest is None and (cache / MANIFEST).is_file():
        yield (
            f"'{cache / MANIFEST}' is damaged or of another version of mixlaw; it is made again "
            "from the token files that are sound."
        )
    if manifest is not None and not _has_tokenizer(cache, manifest):
        file = cache / manifest["tokenizer"]["file"]
        yield f"The tokenizer '{file}' is damaged or missing; it is made again."


def _has_tokenizer(cache: Path, manifest: Mapping[str, Any]) -> bool:
    file = cache / manifest["tokenizer"]["file"]
    return file.is_file() and bool(checksum(file) == manifest["tokenizer"]["sha256"])


def _error(train: TokenCorpus, held_out: HeldOut) -> float | None:
    """Standard error of a loss on a held-out set in nats; None where it is not known."""
    if not held_out.n_documents or not train.n_tokens:
        return None
    error = standard_error(held_out.windows, held_out.documents, train.tokens())
    return None if error is None else round(error, 4)
