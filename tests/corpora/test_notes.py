"""Near-duplicates, foreign text, precision: sentences where they are due, silence where not."""

import numpy as np
import pytest

from mixlaw.corpora import near
from mixlaw.corpora.held_out import HeldOut
from mixlaw.corpora.notes import notes, repetition_note
from mixlaw.corpora.precision import bigram_losses, standard_error, tokens_needed
from mixlaw.corpora.stored import TokenCorpus

END = 0
RNG = np.random.default_rng(0)


def document(n_tokens=1000):
    return RNG.integers(1, 1000, n_tokens)


def changed(tokens, every):
    """The tokens with one in so many replaced."""
    copy = tokens.copy()
    copy[::every] = 1001
    return copy


@pytest.fixture
def corpus(tmp_path):
    def make(name, documents, bytes_per_token=2.5):
        tokens = np.concatenate([np.append(document, END) for document in documents])
        np.save(tmp_path / f"{name}.npy", tokens.astype(np.uint16))
        path = tmp_path / f"{name}.npy"
        return TokenCorpus(name, path, len(tokens), "", len(documents), bytes_per_token)

    return make


def held_out(name, windows, n_documents=None):
    documents = np.arange(len(windows)) % (n_documents or len(windows))
    return HeldOut(name, np.stack(windows), documents, np.full(len(windows), 300), "")


# ------------------------------------------------------------------------------ near-duplicates


def test_shingles_are_equal_where_the_tokens_are():
    tokens = document(100)
    hashes = near.shingles(tokens)
    assert len(hashes) == 100 - near.WIDTH + 1
    assert (near.shingles(tokens[20:60]) == hashes[20 : 60 - near.WIDTH + 1]).all()
    other = tokens.copy()
    other[50] += 1
    differs = near.shingles(other) != hashes
    assert np.flatnonzero(differs).tolist() == list(range(50 - near.WIDTH + 1, 51))


@pytest.mark.parametrize("chunk", [100, 4_000_000])
def test_leaked_windows_are_counted(corpus, monkeypatch, chunk):
    monkeypatch.setattr(near, "CHUNK", chunk)
    documents = [document() for _ in range(20)]
    verbatim = [documents[i][37 * i : 37 * i + 129] for i in range(5)]
    edited = [changed(documents[9][:129], every=120)]
    unrelated = [document(129) for _ in range(10)]
    rewritten = [changed(documents[9][300:429], every=10)]
    windows = held_out("domain", [*verbatim, *edited, *unrelated, *rewritten])
    assert near.leaked_windows(windows, corpus("domain", documents)) == 6


@pytest.mark.parametrize("chunk", [1000, 4_000_000])
def test_shared_documents_are_counted(corpus, monkeypatch, chunk):
    monkeypatch.setattr(near, "CHUNK", chunk)
    theirs = [document(2000) for _ in range(30)]
    copies = [np.concatenate([document(50), changed(theirs[i], every=400)]) for i in range(7)]
    ours = [*(document(2000) for _ in range(30)), *copies]
    shared = near.shared_documents(corpus("ours", ours), corpus("theirs", theirs), END)
    assert 5 <= shared <= 7  # judged on a sample of about 30 shingles a document
    assert near.shared_documents(corpus("a", ours[:30]), corpus("b", theirs), END) == 0


# ---------------------------------------------------------------------------------------- notes


def test_clean_corpora_get_no_sentence(corpus):
    train = {name: corpus(name, [document() for _ in range(50)]) for name in ("a", "b")}
    windows = {name: held_out(name, [document(129) for _ in range(60)]) for name in train}
    assert list(notes(train, windows, END)) == []


def test_every_trouble_gets_its_sentence(corpus):
    documents = [document() for _ in range(50)]
    train = {
        "domain": corpus("domain", documents),
        "general": corpus("general", [*documents[:10], *(document() for _ in range(40))], 1.1),
    }
    windows = {"domain": held_out("domain", [d[:129] for d in documents[:40]], n_documents=5)}
    said = list(notes(train, windows, END))
    assert said[0].startswith("40 of the 40 held-out windows of 'domain' stand almost word for")
    assert said[1].startswith("10 of the 40 held-out windows of 'domain' stand")
    assert "training text of 'general'" in said[1]
    assert said[2].startswith("About 10 of the 50 documents of 'domain' stand")
    assert said[3].startswith("About 10 of the 50 documents of 'general' stand")
    assert said[4].startswith("'general' has 1.10 bytes per token where 'domain' has 2.50")
    assert said[5].startswith("The held-out set of 'domain' is from 5 documents only")
    assert len(said) == 6


def test_repetition_that_differs():
    (said,) = repetition_note("domain", 0.5, 0.2, 8)
    assert said.startswith("At 50% 'domain' the proxies read that corpus 0.2 times and the target")
    assert list(repetition_note("domain", 0.5, 4, 5)) == []
    assert list(repetition_note("domain", 0.5, 0.01, 1)) == []
    assert list(repetition_note("domain", 0.5, 6, 1)) != []


# ------------------------------------------------------------------------------------ precision


def test_bigram_losses_of_a_known_chain():
    tokens = np.tile([1, 2, 3], 100_000)
    losses = bigram_losses(np.array([[1, 2, 3, 1]]), tokens)
    assert losses == pytest.approx(0, abs=1e-3)
    surprising = bigram_losses(np.array([[1, 3]]), tokens)
    assert surprising[0, 0] > 5


def test_the_standard_error_is_that_of_document_means():
    # Losses of a window depend on its document alone: the error is that of a mean of documents.
    tokens = np.concatenate([np.tile([1, 2], 5000), np.tile([3, 4], 5000)])
    kinds = np.arange(100) % 2
    documents = np.repeat(np.arange(100), 5)
    rows = np.where(kinds[:, None], [3, 4, 3, 4, 3], [1, 4, 1, 4, 1])
    windows = rows[documents]
    losses = bigram_losses(windows, tokens).mean(axis=1)[::5]
    expected = losses.std(ddof=1) / 10
    assert standard_error(windows, documents, tokens) == pytest.approx(expected, rel=0.1)


def test_a_single_document_has_no_standard_error():
    windows, tokens = np.array([[1, 2, 1], [2, 1, 2]]), np.tile([1, 2], 500)
    assert standard_error(windows, np.zeros(2, int), tokens) is None


def test_tokens_needed_follow_the_square():
    assert tokens_needed(10_000, 0.04, 0.01) == 160_000
