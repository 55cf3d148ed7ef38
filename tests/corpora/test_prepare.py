"""From text to token files: what is split, cached, verified and refused."""

import json
import re

import numpy as np
import pytest

from mixlaw.corpora.prepare import load_corpora, prepare_corpora
from mixlaw.corpora.tokenizer import load_encoder
from mixlaw.errors import DataError
from mixlaw.experiment import CorpusSource, TokenizerSource

WORDS = ("river", "stone", "lamp", "paper", "cloud", "bread", "window", "garden", "letter")


def text(seed, n_words=120):
    rng = np.random.default_rng(seed)
    return " ".join(rng.choice(WORDS, n_words)) + f" number {seed}.\n"


def write_corpus(folder, seeds):
    folder.mkdir(parents=True)
    for seed in seeds:
        (folder / f"{seed}.txt").write_text(text(seed))
    return CorpusSource(path=str(folder))


@pytest.fixture
def sources(tmp_path):
    return {
        "domain": write_corpus(tmp_path / "domain", range(150)),
        "general": write_corpus(tmp_path / "general", range(1000, 1150)),
    }


def prepare(sources, cache, said=None, **changes):
    settings = {
        "seq_len": 16,
        "train_tokens": dict.fromkeys(sources, 3000),
        "held_out_tokens": dict.fromkeys(sources, 320),
        "tokenizer": TokenizerSource(vocab_size=300),
        "progress": None if said is None else said.append,
        **changes,
    }
    return prepare_corpora(sources, cache=cache, **settings)


def tree(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def decoded(corpora, tokens):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(corpora.tokenizer_path))
    return tokenizer.decode(tokens.tolist(), skip_special_tokens=False)


def test_the_tokens_are_the_text(sources, tmp_path):
    corpora = prepare(sources, tmp_path / "cache")
    tokens = corpora.train["domain"].tokens()
    assert len(tokens) == corpora.train["domain"].n_tokens == 3009  # 188 sequences of 16, and one
    documents = decoded(corpora, tokens).split("<|endoftext|>")
    assert all(doc == text(int(re.search(r"number (\d+)", doc)[1])) for doc in documents[:-1])


def test_nothing_held_out_is_in_train(sources, tmp_path):
    corpora = prepare(sources, tmp_path / "cache", train_tokens=dict.fromkeys(sources, 10**6))
    for name in sources:
        trained = decoded(corpora, corpora.train[name].tokens())
        numbers = set(re.findall(r"number (\d+)", trained))
        held = decoded(corpora, corpora.held_out[name].windows.ravel())
        assert not numbers & set(re.findall(r"number (\d+)\.", held))
        assert len(numbers) > 100


def test_held_out_windows_come_from_many_documents(sources, tmp_path):
    held_out = prepare(sources, tmp_path / "cache").held_out["general"]
    assert held_out.windows.shape == (20, 17)
    assert held_out.n_tokens == 320
    assert held_out.documents.shape == held_out.window_bytes.shape == (20,)
    assert held_out.n_documents >= 7


def test_bytes_are_those_of_the_scored_tokens(sources, tmp_path):
    corpora = prepare(sources, tmp_path / "cache")
    held_out = corpora.held_out["domain"]
    for window, n_bytes in zip(held_out.windows, held_out.window_bytes, strict=True):
        scored = decoded(corpora, window[1:]).replace("<|endoftext|>", "")
        assert len(scored.encode()) == n_bytes


def test_the_same_sources_give_the_same_bytes(sources, tmp_path):
    prepare(sources, tmp_path / "one")
    prepare(sources, tmp_path / "two")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_workers_load_what_was_prepared(sources, tmp_path):
    prepared = prepare(sources, tmp_path / "cache")
    loaded = load_corpora(tmp_path / "cache")
    assert loaded.train == prepared.train
    assert loaded.fingerprint == prepared.fingerprint
    for name in sources:
        assert (loaded.held_out[name].windows == prepared.held_out[name].windows).all()


def test_a_second_call_encodes_nothing(sources, tmp_path, monkeypatch):
    prepare(sources, tmp_path / "cache")
    monkeypatch.setattr("mixlaw.corpora.prepare.encode_corpus", None)
    prepare(sources, tmp_path / "cache")


def test_a_changed_file_changes_the_fingerprint(sources, tmp_path):
    before = prepare(sources, tmp_path / "cache")
    for file in (tmp_path / "domain").iterdir():
        file.write_text(file.read_text().replace("river", "ocean"))
    after = prepare(sources, tmp_path / "cache")
    assert before.train["domain"].fingerprint != after.train["domain"].fingerprint
    assert before.fingerprint != after.fingerprint


@pytest.mark.parametrize("file", ["train.npy", "held_out.npz", "corpus.json"])
def test_damaged_files_are_made_again_saying_so(sources, tmp_path, file):
    before = prepare(sources, tmp_path / "cache")
    sound = tree(tmp_path / "cache")
    damaged = before.train["domain"].path.with_name(file)
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    said = []
    prepare(sources, tmp_path / "cache", said)
    assert said[0] == "The token files of 'domain' are damaged; encoding them again."
    assert tree(tmp_path / "cache") == sound


def test_a_damaged_tokenizer_is_made_again(sources, tmp_path):
    path = prepare(sources, tmp_path / "cache").tokenizer_path
    sound = tree(tmp_path / "cache")
    path.write_text("{}")
    said = []
    prepare(sources, tmp_path / "cache", said)
    assert said[0] == f"The tokenizer '{path}' is damaged or missing; it is made again."
    assert tree(tmp_path / "cache") == sound


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_tokenizer_with_a_damaged_configuration_is_refused(sources, tmp_path, content):
    path = prepare(sources, tmp_path / "cache").tokenizer_path
    (folder := tmp_path / "tokenizer").mkdir()
    (folder / "tokenizer.json").write_bytes(path.read_bytes())
    (folder / "tokenizer_config.json").write_text(content)
    with pytest.raises(DataError, match="tokenizer_config.json' holds no JSON object"):
        load_encoder(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": "mixlaw.manifest/0"}'])
def test_a_damaged_manifest_is_made_again_saying_so(sources, tmp_path, content):
    prepare(sources, tmp_path / "cache")
    sound = tree(tmp_path / "cache")
    (tmp_path / "cache" / "corpora.json").write_text(content)
    said = []
    prepare(sources, tmp_path / "cache", said)
    assert "corpora.json' is damaged or of another version of mixlaw; it is made again" in said[0]
    assert tree(tmp_path / "cache") == sound


def test_a_longer_plan_keeps_the_held_out_set(sources, tmp_path):
    short = prepare(sources, tmp_path / "one", train_tokens=dict.fromkeys(sources, 1000))
    long = prepare(sources, tmp_path / "two", train_tokens=dict.fromkeys(sources, 9000))
    for name in sources:
        assert (short.held_out[name].windows == long.held_out[name].windows).all()
        n = short.train[name].n_tokens
        assert (short.train[name].tokens() == long.train[name].tokens()[:n]).all()


def test_room_that_earlier_token_files_take_is_told(sources, tmp_path, monkeypatch):
    monkeypatch.setattr("mixlaw.corpora.prepare.MUCH_ROOM", 1000)
    before = prepare(sources, tmp_path / "cache", train_tokens=dict.fromkeys(sources, 1000))
    said = []
    prepare(sources, tmp_path / "cache", said, train_tokens=dict.fromkeys(sources, 2000))
    assert said[-1].startswith("Token files of earlier settings take 0.0 GB; delete them unless")
    assert all(f"'{corpus.path.parent}'" in said[-1] for corpus in before.train.values())


def test_repeats_within_a_corpus_are_read_once(tmp_path):
    once = {"domain": write_corpus(tmp_path / "a", range(100))}
    prepared = prepare(once, tmp_path / "one", train_tokens={"domain": 10**6})
    for seed in range(50):
        (tmp_path / "a" / f"copy-{seed}.txt").write_text(text(seed))
    again = prepare(once, tmp_path / "two", train_tokens={"domain": 10**6})
    assert again.train["domain"].n_tokens == prepared.train["domain"].n_tokens


def test_the_same_document_in_both_corpora_is_refused(sources, tmp_path):
    (tmp_path / "general" / "copy.txt").write_text("  " + text(3).replace(" ", "\n"))
    with pytest.raises(DataError, match=r"in both 'domain' and 'general' .*copy\.txt"):
        prepare(sources, tmp_path / "cache", train_tokens=dict.fromkeys(sources, 10**6))
    assert not (tmp_path / "cache" / "corpora.json").exists()


def test_a_folder_of_mixed_formats_is_one_corpus(tmp_path):
    source = write_corpus(tmp_path / "mixed", range(60))
    lines = [json.dumps({"text": text(seed), "id": seed}) for seed in range(60, 150)]
    (tmp_path / "mixed" / "more.jsonl").write_text("\n".join(lines))
    (tmp_path / "mixed" / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0")
    (tmp_path / "mixed" / ".hidden").write_text("not this")
    corpora = prepare({"domain": source}, tmp_path / "cache", train_tokens={"domain": 10**6})
    trained = decoded(corpora, corpora.train["domain"].tokens())
    numbers = {int(n) for n in re.findall(r"number (\d+)", trained)}
    assert len(numbers) > 120
    assert numbers <= set(range(150))
    assert "not this" not in trained


def test_a_single_long_file_is_cut_at_blank_lines(tmp_path):
    (tmp_path / "book.txt").write_text("\n".join(text(seed) for seed in range(800)))
    source = CorpusSource(path=str(tmp_path / "book.txt"))
    corpora = prepare({"domain": source}, tmp_path / "cache", train_tokens={"domain": 10**6})
    documents = decoded(corpora, corpora.train["domain"].tokens()).split("<|endoftext|>")[:-1]
    assert len(documents) > 30
    assert all(document.startswith(tuple(WORDS)) for document in documents)


def test_a_hugging_face_tokenizer_by_path(sources, tmp_path):
    trained = prepare(sources, tmp_path / "one")
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    (folder / "tokenizer.json").write_bytes(trained.tokenizer_path.read_bytes())
    (folder / "tokenizer_config.json").write_text('{"eos_token": {"content": "<|endoftext|>"}}')
    loaded = prepare(sources, tmp_path / "two", tokenizer=TokenizerSource(path=str(folder)))
    assert loaded.fingerprint == trained.fingerprint
    assert loaded.tokenizer_hash == trained.tokenizer_hash


def test_a_tokenizer_that_is_not_there_or_is_none(sources, tmp_path):
    with pytest.raises(DataError, match="no tokenizer at"):
        prepare(sources, tmp_path / "c", tokenizer=TokenizerSource(path=str(tmp_path / "nowhere")))
    (tmp_path / "tokenizer.json").write_text("{}")
    file = TokenizerSource(path=str(tmp_path / "tokenizer.json"))
    with pytest.raises(DataError, match=r"is not a tokenizer\.json"):
        prepare(sources, tmp_path / "c", tokenizer=file)


def test_nothing_prepared_is_a_sentence(tmp_path):
    with pytest.raises(DataError, match="no prepared corpora"):
        load_corpora(tmp_path)
