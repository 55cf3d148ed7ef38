"""What is in a corpus, for a person: counts, compression, samples (``mixlaw data show``)."""

from dataclasses import dataclass

from mixlaw.corpora.documents import Document
from mixlaw.corpora.plan import Plan
from mixlaw.corpora.tokenizer import TextEncoder
from mixlaw.corpora.tokens import combined_hash

#: Text of each corpus that is looked at, in characters.
MOST_TEXT = 20_000_000
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
class Survey:
    """One corpus, or its first ``MOST_TEXT`` characters.

    Attributes:
        name: of the corpus.
        source: where it is.
        is_complete: whether all of it was read.
        fingerprint: hash of the documents in reading order.
        train: counts of the training documents.
        held_out: counts of the held-out documents.
        samples: beginnings of a few documents.
    """

    name: str
    source: str
    is_complete: bool
    fingerprint: str
    train: Side
    held_out: Side
    samples: tuple[str, ...]


def survey_corpora(plan: Plan, most_text: int = MOST_TEXT) -> list[Survey]:
    """Look at every corpus of a plan with the tokenizer it would get.

    Raises:
        DataError: as when the corpora are prepared.
    """
    encoder = plan.encoder()
    return [_survey(name, plan, encoder, most_text) for name in plan.sources]


def _survey(name: str, plan: Plan, encoder: TextEncoder, most_text: int) -> Survey:
    documents: list[Document] = []
    size, is_complete = 0, True
    for document in plan.documents(name, encoder.end_of_text):
        if size >= most_text:
            is_complete = False
            break
        documents.append(document)
        size += document.size
    samples = documents[:: max(1, len(documents) // N_SAMPLES)][:N_SAMPLES]
    return Survey(
        name=name,
        source=str(plan.sources[name]),
        is_complete=is_complete,
        fingerprint=combined_hash(f"{document.key:016x}" for document in documents),
        train=_count([d for d in documents if not d.is_held_out], encoder),
        held_out=_count([d for d in documents if d.is_held_out], encoder),
        samples=tuple(document.text[:SAMPLE_LENGTH] for document in samples),
    )


def _count(documents: list[Document], encoder: TextEncoder) -> Side:
    encoded = encoder.encode(documents)
    return Side(
        documents=len(documents),
        bytes=sum(map(encoder.count_bytes, documents)),
        tokens=sum(map(len, encoded)),
    )
