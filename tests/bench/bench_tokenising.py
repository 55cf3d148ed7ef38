"""Text file to tokens on disk: mixlaw beside ``datasets.map`` with the same tokenizer.

Both read one JSONL file of shuffled paragraphs of the built-in pair and write the ids of all its
training documents. CPU seconds are those of a whole process with its children, imports included.
Run with

    python -m pytest -m bench -s tests/bench/bench_tokenising.py

Measured on two shared x86 cores, very busy with other work, datasets 5.2.0, transformers 5.24.0:

    datasets.map   23,173,750 tokens   32.1 CPU s      722,195 tokens/CPU s  1.00 x
    mixlaw         20,823,358 tokens   10.6 CPU s    1,969,891 tokens/CPU s  2.73 x
"""

import json
import random
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from mixlaw.corpora.builtin import gather
from mixlaw.corpora.tokenizer import train_encoder

N_BYTES = 60_000_000

MIXLAW = """
import sys
from pathlib import Path
from mixlaw.corpora.prepare import prepare_corpora
from mixlaw.experiment import CorpusSource, TokenizerSource

corpora = prepare_corpora(
    {"text": CorpusSource(path=sys.argv[1])}, cache=Path("mixlaw"), seq_len=128,
    train_tokens={"text": 10**9}, held_out_tokens={"text": 24_000},
    tokenizer=TokenizerSource(path=sys.argv[2]),
)
print(corpora.train["text"].n_tokens)
"""
DATASETS = """
import sys
import datasets
from transformers import AutoTokenizer

datasets.disable_progress_bars()
tokenizer = AutoTokenizer.from_pretrained(sys.argv[2])
data = datasets.load_dataset("json", data_files=sys.argv[1], split="train", cache_dir="cache")
data = data.map(
    lambda batch: {"input_ids": tokenizer(batch["text"])["input_ids"]},
    batched=True, remove_columns=data.column_names,
)
data.save_to_disk("datasets")
print(sum(len(chunk.values) for chunk in data.data["input_ids"].chunks))
"""


def write_inputs(folder: Path) -> tuple[Path, Path]:
    """The text file and the tokenizer's folder."""
    texts = [
        json.loads(line)["text"]
        for name in ("general", "domain")
        for line in gather(name, folder).read_text().splitlines()
    ]
    (folder / "tokenizer").mkdir()
    train_encoder(texts[::10], 1024).tokenizer.save(str(folder / "tokenizer" / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>"}
    (folder / "tokenizer" / "tokenizer_config.json").write_text(json.dumps(config))
    paragraphs = [part for text in texts for part in text.split("\n\n") if len(part) > 40]
    rng, size = random.Random(0), 0
    with (folder / "text.jsonl").open("w") as file:
        while size < N_BYTES:
            text = "\n\n".join(rng.choices(paragraphs, k=rng.randint(3, 20)))
            size += file.write(json.dumps({"text": text}) + "\n")
    return folder / "text.jsonl", folder / "tokenizer"


def run(script: str, *arguments: Path, cwd: Path) -> tuple[int, float]:
    """Tokens made, and CPU seconds of the process and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return int(done.stdout.split()[-1]), seconds


@pytest.mark.bench
def bench_tokenising(tmp_path: Path) -> None:
    inputs = write_inputs(tmp_path)
    rates = {}
    for name, script in (("datasets.map", DATASETS), ("mixlaw", MIXLAW)):
        n_tokens, seconds = run(script, *inputs, cwd=tmp_path)
        rates[name] = n_tokens / seconds
        ratio = rates[name] / rates["datasets.map"]
        print(f"{name:12} {n_tokens:12,} tokens {seconds:6.1f} CPU s", end=" ")
        print(f"{rates[name]:12,.0f} tokens/CPU s {ratio:5.2f} x")
