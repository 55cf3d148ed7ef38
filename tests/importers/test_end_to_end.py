"""All the way: Trainer logs in, a ratio out, and a Trainer that trains on it.

Tiny language models are pre-trained on a general corpus and continued on mixtures with a domain by
``transformers.Trainer``, with two named eval sets. Their ``trainer_state.json`` are imported and
fitted, and the recommendation is written as a ``datasets`` script and trained on. The
corpora are word chains whose documents differ in length, so that a share of documents is not one of
tokens.
"""

import json
import random
import runpy
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mixlaw import emitters
from mixlaw.emitters import EmitOptions
from mixlaw.fit.api import fit_laws
from mixlaw.importers.assembly.api import import_runs
from mixlaw.recommend.api import recommend_ratio
from mixlaw.runs.table import base_rows

pytest.importorskip("accelerate")
pytest.importorskip("datasets")
pytestmark = pytest.mark.filterwarnings("default")  # libraries of others may warn as they like

VOCABULARY, LENGTH, BATCH, STEPS = 64, 32, 16, 80
WIDTH = 32
RATIOS = (0.125, 0.25, 0.5, 0.8125)  # whole blocks of every batch
MEAN_WORDS = {"domain": 30, "general": 12}

Block = dict[str, list[int]]


def document(corpus: str, draw: random.Random) -> list[int]:
    """Words of a chain: each corpus has its own rule for the next word, and much noise."""
    stride, low = (7, 0) if corpus == "domain" else (3, 16)
    words = [draw.randrange(low, low + 48)]
    for _ in range(draw.randint(MEAN_WORDS[corpus] // 2, MEAN_WORDS[corpus] * 3 // 2) - 1):
        follows = low + (words[-1] * stride + 1) % 48
        words.append(follows if draw.random() < 0.7 else draw.randrange(low, low + 48))
    return words


def blocks(corpus: str, count: int, seed: str) -> list[Block]:
    """Packed blocks of one corpus."""
    draw = random.Random(f"{corpus} {seed}")
    stream: list[int] = []
    while len(stream) < count * LENGTH:
        stream += document(corpus, draw)
    rows = [stream[i * LENGTH : (i + 1) * LENGTH] for i in range(count)]
    return [{"input_ids": row, "labels": row} for row in rows]


def mixture(ratio: float, steps: int) -> list[Block]:
    """Exact counts of each corpus in every batch; only the order within a batch is shuffled."""
    per_batch = round(ratio * BATCH)
    domain = blocks("domain", per_batch * steps, "train")
    general = blocks("general", (BATCH - per_batch) * steps, "train")
    return [
        row
        for i in range(steps)
        for row in (
            *domain[i * per_batch : (i + 1) * per_batch],
            *general[i * (BATCH - per_batch) : (i + 1) * (BATCH - per_batch)],
        )
    ]


def model() -> Any:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.set_num_threads(1)  # models this small only wait for each other's threads
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=VOCABULARY, n_positions=LENGTH + 64, n_embd=WIDTH, n_layer=2,
                        n_head=2, bos_token_id=0, eos_token_id=0)  # fmt: skip
    return GPT2LMHeadModel(config)


def train(network: Any, folder: Path, data: Any, steps: int, **more: Any) -> None:
    """One Trainer run at constant learning rate; it writes trainer_state.json into the folder."""
    from transformers import Trainer, TrainingArguments

    class InOrder(Trainer):
        """The mixture is laid out batch by batch, and is read like that."""

        def _get_train_sampler(self, *_: Any) -> Any:
            from torch.utils.data import SequentialSampler

            return SequentialSampler(self.train_dataset)

    arguments = TrainingArguments(
        output_dir=str(folder), max_steps=steps, per_device_train_batch_size=BATCH,
        per_device_eval_batch_size=64, learning_rate=1e-2, lr_scheduler_type="constant",
        logging_steps=steps, save_strategy="no", report_to="none", use_cpu=True,
        disable_tqdm=True, remove_unused_columns=False, seed=0,
        **({"eval_strategy": "steps", "eval_steps": STEPS // 8, "eval_on_start": True,
            "include_num_input_tokens_seen": "all"} if "eval_dataset" in more else {}),
    )  # fmt: skip
    trainer = InOrder(network, arguments, train_dataset=data, **more)
    trainer.train()
    trainer.save_state()


def sweep(folder: Path) -> Path:
    """Bases, CPT runs and the description of the runs."""
    held_out = {name: blocks(name, 128, "held out") for name in MEAN_WORDS}
    network = model()
    n_params = sum(p.numel() for p in network.transformer.h.parameters())
    train(network, folder / "base", mixture(0.0, 150), 150)
    base = {name: value.clone() for name, value in network.state_dict().items()}
    lines = [f"defaults: {{n_params: {n_params}, base_id: base, annealed: false}}", "runs:"]
    for ratio in RATIOS:
        network.load_state_dict(base)
        train(network, folder / f"r{ratio}", mixture(ratio, STEPS), STEPS, eval_dataset=held_out)
        lines.append(f"  r{ratio}: {{log: r{ratio}, shares: {ratio}}}")
    (folder / "runs.yaml").write_text("\n".join(lines) + "\n")
    return folder / "runs.yaml"


def write_documents(folder: Path, corpus: str, count: int) -> float:
    """A JSONL corpus of single documents; returns their mean length."""
    folder.mkdir()
    draw = random.Random(f"{corpus} documents")
    rows = [{"corpus": corpus, "input_ids": document(corpus, draw)} for _ in range(count)]
    (folder / "part.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return sum(len(row["input_ids"]) for row in rows) / count


class CountingCollator:
    """Pads documents to a batch, and counts the tokens of each corpus that are trained on."""

    def __init__(self) -> None:
        self.tokens: Counter[str] = Counter()

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        import torch

        longest = max(len(row["input_ids"]) for row in rows)
        inputs = torch.zeros(len(rows), longest, dtype=torch.long)
        labels = torch.full_like(inputs, -100)
        for i, row in enumerate(rows):
            words = torch.tensor(row["input_ids"])
            inputs[i, : len(words)] = labels[i, : len(words)] = words
            self.tokens[row["corpus"]] += len(words)
        return {"input_ids": inputs, "labels": labels, "attention_mask": (labels != -100).long()}


def test_from_trainer_logs_to_training_on_the_recommended_mixture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    imported = import_runs("hf-trainer", [], sweep(tmp_path)).frame
    assert len(imported) == len(RATIOS) * 9 * 2
    assert imported["tokens"].max() == STEPS * BATCH * LENGTH
    assert set(imported["flag"]) <= {"", "duplicate row"}
    assert len(base_rows(imported)) > 0

    fit = fit_laws(imported, law="hump", n_draws=60)  # trajectories: a rise, then a fall
    target = {column: float(imported[column].max()) for column in ("n_params", "tokens")}
    recommendation = recommend_ratio(fit, **target, max_general_rise=0.15).document()
    share = recommendation["shares"]["domain"]["recommended"]
    assert recommendation["feasible"] is True
    assert 0.02 < share < 0.98

    paths = {name: str(tmp_path / name) for name in MEAN_WORDS}
    held_out = {name: str(tmp_path / f"{name}_val") for name in MEAN_WORDS}
    lengths = {name: write_documents(Path(paths[name]), name, 12_000) for name in MEAN_WORDS}
    for name in MEAN_WORDS:
        write_documents(Path(held_out[name]), name, 20)
    options = EmitOptions(lengths, paths=paths, validation_paths=held_out)
    script = tmp_path / "mixture.py"
    script.write_text(emitters.emit("hf-datasets", recommendation, options).text)
    emitted = runpy.run_path(str(script))

    collator = CountingCollator()
    train(model(), tmp_path / "final", emitted["train"], 700, data_collator=collator)
    assert sorted(emitted["evaluation"]) == ["domain", "general"]
    realised = collator.tokens["domain"] / collator.tokens.total()
    assert realised == pytest.approx(share, abs=0.01)
