"""Memory while a part of a large corpus is tokenised: the whole of it never enters.

A corpus of JSONL files of shuffled paragraphs of the built-in pair is written, every document with
a number of its own, and prepared for a sweep that needs a part of it. Memory is that of all
processes together: what each holds alone and its part of what they share (PSS). Run with

    python -m pytest -m bench -s tests/bench/bench_memory.py

It needs 22 GB of disk under pytest's ``--basetemp``. Measured on two shared x86 cores, very busy
with other work. From about 2500 s on the tokens are there, and what grows are the pages of the
mapped token file (600 MB) that the search for near-duplicates reads; the system can take them back:

       0 s    2 MB      236 s  137 MB      498 s  150 MB      775 s  159 MB     1057 s  162 MB
    1392 s  167 MB     1705 s  183 MB     1965 s  194 MB     2292 s  197 MB     2522 s  277 MB
    2792 s  413 MB     3106 s  556 MB     3442 s  752 MB     at most 759 MB for 300,000,001 tokens
"""

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from mixlaw.corpora.builtin import gather

N_FILES, FILE_BYTES = 10, 2_000_000_000
TRAIN_TOKENS, HELD_OUT_TOKENS = 300_000_000, 256_000
N_ROWS = 12

PREPARE = """
import sys
from pathlib import Path
from mixlaw.corpora.prepare import prepare_corpora
from mixlaw.experiment import CorpusSource, TokenizerSource

n_train, n_held_out = map(int, sys.argv[2:])
corpora = prepare_corpora(
    {"text": CorpusSource(path=sys.argv[1])}, cache=Path("cache"), seq_len=128,
    train_tokens={"text": n_train}, held_out_tokens={"text": n_held_out},
    tokenizer=TokenizerSource(vocab_size=1024),
)
print(corpora.train["text"].n_tokens)
"""


def write_corpus(folder: Path, n_files: int, file_bytes: int) -> None:
    """Files of lines like no other: a number, and a text from a pool."""
    texts = [
        json.loads(line)["text"]
        for name in ("general", "domain")
        for line in gather(name, folder.parent).read_text().splitlines()
    ]
    paragraphs = [json.dumps(part)[1:-1] for text in texts for part in text.split("\n\n")]
    rng, number = random.Random(0), 0
    pool = ["\\n\\n".join(rng.choices(paragraphs, k=12)) for _ in range(20_000)]
    folder.mkdir()
    for index in range(n_files):
        with (folder / f"{index}.jsonl").open("w") as file:
            size = 0
            while size < file_bytes:
                size += file.write(f'{{"text": "{number}. {rng.choice(pool)}"}}\n')
                number += 1


def memory_of(process: psutil.Popen) -> Iterator[tuple[float, int]]:
    """Seconds since the start, and bytes of memory of a process and its children."""
    begun = time.monotonic()
    while process.poll() is None:
        total = 0
        for part in [process, *process.children(recursive=True)]:
            try:
                total += part.memory_full_info().pss
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
        yield time.monotonic() - begun, total
        time.sleep(0.5)


@pytest.mark.bench
def bench_memory(tmp_path: Path) -> None:
    text = tmp_path / "text"
    write_corpus(text, N_FILES, FILE_BYTES)
    size = sum(file.stat().st_size for file in text.iterdir())
    print(f"\n{size:,} bytes in {N_FILES} files; {TRAIN_TOKENS:,} tokens are needed")
    command = [sys.executable, "-c", PREPARE, str(text), str(TRAIN_TOKENS), str(HELD_OUT_TOKENS)]
    process = psutil.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    curve = list(memory_of(process))
    with process.stdout as printed:
        n_tokens = int(printed.read().split()[-1])
    for seconds, used in curve[:: max(1, len(curve) // N_ROWS)]:
        print(f"{seconds:8.0f} s {used / 1e6:8.0f} MB")
    print(f"{n_tokens:,} tokens; at most {max(used for _, used in curve) / 1e6:.0f} MB")
