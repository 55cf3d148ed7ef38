"""What is in a corpus, for a person: counts, compression, samples (``mixlaw data show``)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mixlaw.corpora.documents import Document
from mixlaw.corpora.held_out import WindowCollector
from mixlaw.corpora.plan import CorporaPlan
from mixlaw.corpora.precision import standard_error
from mixlaw.corpora.tokenizer import TextEncoder
from mixlaw.corpora.tokens import Tokens, combined_hash

#: Text of each corpus that is looked at, in characters.
MOST_TEXT = 20_000_000
#: Characters of a sample, and samples of a corpus: what fits on a screen.
SAMPLE_LENGTH = 300
N_SAMPLES = 3


@dataclass(frozen=True)
class Side:
    """Counts of the training or of the held-out documents."""

    documents: int
    bytes: int
    tokens: int

    @property
    def bytes_per_token(self) -> float:
        """UTF-8 bytes per token, end-of-text tokens included."""
        return self.bytes / max(self.tokens, 1)


@dataclass(frozen=True)
class HeldOutSet:
    """The held-out set that would be measured on.

    Attributes:
        tokens: its size.
        missing: tokens that the held-out documents lack for it.
        standard_error: of a mean loss on it, in nats (bigram model), or None if it is too small.
    """

    tokens: int
    missing: int
    standard_error: float | None


@dataclass(frozen=True)
class Survey:
    """One corpus, or its first ``MOST_TEXT`` characters.

    Attributes:
        name: of the corpus.
        source: where it is.
        is_complete: whether all of it was read.
        fingerprint: hash of the documents in reading order.
        train: counts of the training documents.
        held_out: counts of the held-out documents.
        held_out_set: the windows taken from the held-out documents.
        samples: the middle of a few documents: beginnings are titles and boilerplate.
    """

    name: str
    source: str
    is_complete: bool
    fingerprint: str
    train: Side
    held_out: Side
    held_out_set: HeldOutSet
    samples: tuple[str, ...]


def survey_corpora(plan: CorporaPlan, most_text: int = MOST_TEXT) -> list[Survey]:
    """Look at every corpus of a plan with the tokenizer it would get.

    Raises:
        DataError: as when the corpora are prepared.
    """
    encoder = plan.encoder()
    return [_survey(name, plan, encoder, most_text) for name in plan.sources]


def _survey(name: str, plan: CorporaPlan, encoder: TextEncoder, most_text: int) -> Survey:
    documents, is_complete = _first_documents(plan, name, encoder, most_text)
    sides = [d for d in documents if not d.is_held_out], [d for d in documents if d.is_held_out]
    encoded = [encoder.encode(side) for side in sides]
    train, held_out = (
        Side(len(side), sum(map(encoder.count_bytes, side)), sum(map(len, ids)))
        for side, ids in zip(sides, encoded, strict=True)
    )
    samples = documents[:: max(1, len(documents) // N_SAMPLES)][:N_SAMPLES]
    return Survey(
        name=name,
        source=str(plan.sources[name]),
        is_complete=is_complete,
        fingerprint=combined_hash(f"{document.key:016x}" for document in documents),
        train=train,
        held_out=held_out,
        held_out_set=_held_out_set(name, plan, encoder, sides[1], encoded[0]),
        samples=tuple(_middle(encoder.text_of(document)) for document in samples),
    )


def _middle(text: str) -> str:
    start = max(0, (len(text) - SAMPLE_LENGTH) // 2)
    return text[start : start + SAMPLE_LENGTH]


def _first_documents(
    plan: CorporaPlan, name: str, encoder: TextEncoder, most_text: int
) -> tuple[list[Document], bool]:
    """Documents up to this many characters, and whether those are all."""
    documents: list[Document] = []
    size = 0
    for document in plan.documents(name, encoder.end_of_text):
        if size >= most_text:
            return documents, False
        documents.append(document)
        size += document.size
    return documents, True


def _held_out_set(
    name: str,
    plan: CorporaPlan,
    encoder: TextEncoder,
    documents: Sequence[Document],
    train: Sequence[Tokens],
) -> HeldOutSet:
    n_tokens = plan.held_out_tokens.get(name, 0)
    collector = WindowCollector(encoder, plan.seq_len, n_tokens)
    for document in documents:
        if not collector.is_full:
            collector.add(document)
    if collector.n_missing or not n_tokens or not train:
        return HeldOutSet(n_tokens, collector.n_missing, None)
    windows, numbers, _ = collector.result(name)
    return HeldOutSet(n_tokens, 0, standard_error(windows, numbers, np.concatenate(train)))
