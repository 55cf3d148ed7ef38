"""The hf-datasets script, run as a user runs it: ``interleave_datasets`` on real documents."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from mixlaw import emitters
from mixlaw.emitters import EmitOptions

pytest.importorskip("datasets")

SHARES = {"domain": 0.3, "general": 0.7}
TOKENS_PER_DOC = {"domain": 200, "general": 50}

COUNT = """
from collections import Counter
tokens = Counter()
for row in train:
    tokens[row["corpus"]] += len(row["text"].split())
print("SHARE", tokens["domain"] / sum(tokens.values()), sorted(evaluation))
"""


def write_corpus(folder: Path, corpus: str, documents: int) -> None:
    """Documents of random length whose words are the tokens, around the corpus's mean length."""
    folder.mkdir()
    draw = random.Random(corpus)
    mean = TOKENS_PER_DOC[corpus]
    lines = [
        json.dumps({"corpus": corpus, "text": "w " * draw.randint(mean // 2, mean * 3 // 2)})
        for _ in range(documents)
    ]
    (folder / "part.jsonl").write_text("\n".join(lines))


def test_interleave_datasets_realises_the_token_share(tmp_path: Path) -> None:
    paths = {corpus: str(tmp_path / corpus) for corpus in SHARES}
    held_out = {corpus: str(tmp_path / f"{corpus}_val") for corpus in SHARES}
    for corpus, documents in (("domain", 1500), ("general", 20000)):
        write_corpus(Path(paths[corpus]), corpus, documents)
        write_corpus(Path(held_out[corpus]), corpus, 5)
    document = {
        "target": {"n_params": 8e9, "tokens": 2e10},
        "shares": {corpus: {"recommended": share} for corpus, share in SHARES.items()},
    }
    options = EmitOptions(TOKENS_PER_DOC, paths=paths, validation_paths=held_out)
    script = tmp_path / "mixture.py"
    script.write_text(emitters.emit("hf-datasets", document, options).text + COUNT)
    offline = {"HF_HOME": str(tmp_path / "hf"), "HF_DATASETS_OFFLINE": "1", "PATH": ""}
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, env=offline, check=False
    )
    assert done.returncode == 0, done.stderr
    share, names = done.stdout.split("SHARE ")[1].split(" ", 1)
    assert float(share) == pytest.approx(0.3, abs=0.01)
    assert names.strip() == "['domain', 'general']"
