"""Workers and kills: whatever happens on the way, the same files come out."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from mixlaw.corpora import encode, workers
from mixlaw.corpora.documents import Document, KeySet
from mixlaw.corpora.prepare import prepare_corpora
from mixlaw.corpora.tokenizer import train_encoder
from mixlaw.errors import RunError
from mixlaw.experiment import CorpusSource, TokenizerSource

TEXTS = [f"Document {i} is about the number {i} and its square {i * i}.\n" for i in range(400)]
SETTINGS = {
    "seq_len": 16,
    "train_tokens": {"domain": 6_000},
    "held_out_tokens": {"domain": 320},
    "tokenizer": TokenizerSource(vocab_size=300),
}


@pytest.fixture
def sources(tmp_path):
    (tmp_path / "text").mkdir()
    for i, text in enumerate(TEXTS):
        (tmp_path / "text" / f"{i}.txt").write_text(text)
    return {"domain": CorpusSource(path=str(tmp_path / "text"))}


def tree(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def batches(n=20):
    return [[Document(text, "") for text in TEXTS[i :: 400 // n]] for i in range(400 // n)]


# ------------------------------------------------------------------------------------- workers


def test_workers_give_the_same_tokens_in_the_same_order():
    encoder = train_encoder(TEXTS, 300)
    alone = list(workers.encode_in_order(batches(), encoder, 1))
    together = list(workers.encode_in_order(batches(), encoder, 3))
    assert [batch for batch, _ in together] == [batch for batch, _ in alone]
    for (_, some), (_, others) in zip(alone, together, strict=True):
        assert all((one == other).all() for one, other in zip(some, others, strict=True))


def test_large_batches_block_no_pipe():
    encoder = train_encoder(TEXTS, 300)
    large = [[Document(" ".join(TEXTS) * 20, "")] for _ in range(6)]
    encoded = list(workers.encode_in_order(large, encoder, 2))
    assert len({ids[0].tobytes() for _, ids in encoded}) == 1


def test_a_dead_worker_is_a_sentence():
    encoder = train_encoder(TEXTS, 300)
    stream = workers.encode_in_order(batches(1), encoder, 2)
    next(stream)
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=True
    )
    for pid in map(int, children.stdout.split()):
        command = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True)
        if b"mixlaw.corpora.workers" in command.stdout:
            os.kill(pid, signal.SIGKILL)
    with pytest.raises(RunError, match="ended with code -9"):
        list(stream)


def test_workers_end_with_their_parent():
    script = (
        "import sys, time\n"
        "from mixlaw.corpora.tokenizer import train_encoder\n"
        "from mixlaw.corpora import workers\n"
        "with workers._running(train_encoder(['some text'], 260)) as worker:\n"
        "    print(worker.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 30
    while is_running(pid):
        assert time.monotonic() < deadline, "the worker outlived its parent"
        time.sleep(0.05)


def is_running(pid):
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return state.stdout.strip()[:1] not in ("", "Z")


# --------------------------------------------------------------------------------------- kills


def test_an_interrupted_encoding_goes_on_where_it_stopped(sources, tmp_path, monkeypatch):
    prepare_corpora(sources, cache=tmp_path / "whole", **SETTINGS)
    monkeypatch.setattr(encode, "BATCH", 1000)
    monkeypatch.setattr(encode, "NOTE_EVERY", 1000)
    encoded = []

    def encode_some(batches, encoder, n_workers):
        for batch, ids in workers.encode_in_order(batches, encoder, n_workers):
            if len(encoded) == 4:
                encoded.append("interrupted")
                raise KeyboardInterrupt
            encoded.append(len(batch))
            yield batch, ids

    monkeypatch.setattr(encode, "encode_in_order", encode_some)
    with pytest.raises(KeyboardInterrupt):
        prepare_corpora(sources, cache=tmp_path / "cache", **SETTINGS)
    first = len(encoded)
    prepare_corpora(sources, cache=tmp_path / "cache", **SETTINGS)
    assert tree(tmp_path / "cache") == tree(tmp_path / "whole")
    n_documents = sum(n for n in encoded if n != "interrupted")
    assert n_documents < 400 * 0.9 + 2 * encoded[0]
    assert len(encoded) > first


def test_a_kill_after_the_last_token_keeps_all_keys(sources, tmp_path, monkeypatch):
    prepare_corpora(sources, cache=tmp_path / "whole", **SETTINGS)
    monkeypatch.setattr(encode, "NOTE_EVERY", 1)

    def die(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(encode, "save_windows", die)
        with pytest.raises(KeyboardInterrupt):
            prepare_corpora(sources, cache=tmp_path / "cache", **SETTINGS)
    monkeypatch.setattr(encode.TextEncoder, "encode", None)  # nothing is encoded again
    prepare_corpora(sources, cache=tmp_path / "cache", **SETTINGS)
    assert tree(tmp_path / "cache") == tree(tmp_path / "whole")


@pytest.mark.parametrize("seed", range(3))
def test_kills_at_any_moment_change_nothing(sources, tmp_path, seed):
    prepare_corpora(sources, cache=tmp_path / "whole", **SETTINGS)
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from mixlaw.corpora import encode\n"
        "from mixlaw.corpora.prepare import prepare_corpora\n"
        "from mixlaw.experiment import CorpusSource, TokenizerSource\n"
        "encode.BATCH = encode.NOTE_EVERY = 300\n"
        "print('ready', flush=True)\n"
        "prepare_corpora({'domain': CorpusSource(path=sys.argv[1])}, cache=Path(sys.argv[2]),\n"
        "    seq_len=16, train_tokens={'domain': 6_000}, held_out_tokens={'domain': 320},\n"
        "    tokenizer=TokenizerSource(vocab_size=300))\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "text"), str(tmp_path / "cache")]
    rng = random.Random(seed)
    for _ in range(3):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            time.sleep(rng.uniform(0, 0.5))
            process.kill()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert tree(tmp_path / "cache") == tree(tmp_path / "whole")


# ----------------------------------------------------------------------------------------- keys


def test_a_key_set_is_a_set():
    rng = random.Random(0)
    keys = [rng.getrandbits(64) for _ in range(500)] * 2 + [0, 2**64 - 1, 0]
    rng.shuffle(keys)
    compact, plain = KeySet(n_waiting=7), set()
    for key in keys:
        assert compact.add(key) == (key not in plain)
        plain.add(key)
