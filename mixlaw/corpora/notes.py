"""What users forget about their corpora, as sentences: nothing here stops a sweep."""

from collections.abc import Iterator, Mapping
from itertools import permutations, product

from mixlaw.corpora.held_out import HeldOut
from mixlaw.corpora.near import leaked_windows, shared_documents
from mixlaw.corpora.stored import TokenCorpus
from mixlaw.quantities import format_factor

#: Share of windows or documents from which near-duplicates are worth a sentence. Boilerplate
#: alone makes a few: 0.8% of the built-in pair's windows.
NOTABLE = 0.01
#: A corpus with less than this part of another's bytes per token looks foreign to the tokenizer.
FOREIGN = 0.6
#: A standard error from fewer documents than this is itself a guess.
FEW_DOCUMENTS = 20


def notes(
    train: Mapping[str, TokenCorpus], held_out: Mapping[str, HeldOut], end_of_text: int
) -> Iterator[str]:
    """Sentences on leaks, shared text, a foreign language and held-out sets of few documents."""
    yield from _leaks(train, held_out)
    yield from _shared(train, end_of_text)
    yield from _foreign(train)
    yield from _few_documents(held_out)


def repetition_note(
    name: str, share: float, proxy_epochs: float, target_epochs: float
) -> Iterator[str]:
    """A sentence on a corpus if proxies and target run repeat it differently.

    Unmatched repetition moves the best mixture of a proxy far from that of the target run; a
    proxy on a part of the corpus that repeats as often does not (arXiv 2606.07597).
    """
    low, high = sorted((proxy_epochs, target_epochs))
    if high > 1.5 and high > 2 * low:
        yield (
            f"At {share:.0%} '{name}' the proxies read that corpus {format_factor(proxy_epochs)} "
            f"times and the target run {format_factor(target_epochs)} times; ratios carry over "
            "badly between them unless the proxies repeat as often, on a part of the corpus."
        )


def _leaks(train: Mapping[str, TokenCorpus], held_out: Mapping[str, HeldOut]) -> Iterator[str]:
    for windows, corpus in product(held_out.values(), train.values()):
        n_windows = len(windows.windows)
        leaked = leaked_windows(windows, corpus)
        if leaked > NOTABLE * n_windows:
            yield (
                f"{leaked} of the {n_windows} held-out windows of '{windows.name}' stand almost "
                f"word for word in the training text of '{corpus.name}': their losses come out "
                "too low; remove near-duplicates from the corpora."
            )


def _shared(train: Mapping[str, TokenCorpus], end_of_text: int) -> Iterator[str]:
    for inner, outer in permutations(train.values(), 2):
        shared = shared_documents(inner, outer, end_of_text)
        if shared > NOTABLE * inner.n_documents:
            yield (
                f"About {shared} of the {inner.n_documents} documents of '{inner.name}' stand "
                f"almost word for word in '{outer.name}': a share of the one is partly a share of "
                "the other; remove them from one of the two."
            )


def _foreign(train: Mapping[str, TokenCorpus]) -> Iterator[str]:
    best = max(train.values(), key=lambda corpus: corpus.bytes_per_token)
    for corpus in train.values():
        if corpus.n_tokens and corpus.bytes_per_token < FOREIGN * best.bytes_per_token:
            yield (
                f"'{corpus.name}' has {corpus.bytes_per_token:.2f} bytes per token where "
                f"'{best.name}' has {best.bytes_per_token:.2f}: the tokenizer was made for another "
                "language or kind of text; its losses per token compare with no other's."
            )


def _few_documents(held_out: Mapping[str, HeldOut]) -> Iterator[str]:
    for windows in held_out.values():
        if 0 < windows.n_documents < FEW_DOCUMENTS:
            yield (
                f"The held-out set of '{windows.name}' is from {windows.n_documents} documents "
                "only: the standard errors of its losses are rough."
            )
