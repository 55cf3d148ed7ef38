"""Run trainers for their sample logs: ``python tests/data/logs/make_real_samples.py [NAME ...]``.

Every function here really trains (or evaluates) a tiny model with the library of its name, lets it
write its own log, and records the losses where the library measured them. Installed beside the
packages of mixlaw: accelerate, trl, lightning, lm-eval, ai2-olmo-core.
"""

import contextlib
import json
import os
import random
import shutil
import sys
from pathlib import Path
from typing import Any

from make_samples import HERE, RUNS, SETS, Truth, write_runs_yaml, write_truth

WORDS, LENGTH, BATCH, STEPS = 32, 16, 4, 40


def rows(corpus: str, count: int) -> list[dict[str, list[int]]]:
    """Random rows of a corpus."""
    draw = random.Random(f"{corpus} {count}")
    low, high = (0, 16) if corpus == "domain" else (8, WORDS)
    tokens = [[draw.randrange(low, high) for _ in range(LENGTH)] for _ in range(count)]
    return [{"input_ids": row, "labels": row, "attention_mask": [1] * LENGTH} for row in tokens]


def mixture(share: float) -> list[dict[str, list[int]]]:
    """Training rows of both corpora."""
    domain = rows("domain", round(BATCH * STEPS * share))
    mixed = domain + rows("general", BATCH * STEPS - len(domain))
    random.Random(0).shuffle(mixed)
    return mixed


def gpt2() -> Any:
    """A GPT-2 of one layer."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    return GPT2LMHeadModel(
        GPT2Config(vocab_size=WORDS, n_positions=LENGTH, n_embd=16, n_layer=1, n_head=2,
                   bos_token_id=0, eos_token_id=0)
    )  # fmt: skip


def arguments(folder: str, **more: Any) -> dict[str, Any]:
    """What every Trainer here is told."""
    return {
        "output_dir": folder, "max_steps": STEPS, "eval_steps": 10, "eval_strategy": "steps",
        "per_device_train_batch_size": BATCH, "logging_steps": 10, "save_strategy": "no",
        "learning_rate": 1e-2, "report_to": "none", "use_cpu": True,
        "lr_scheduler_type": "constant", **more,
    }  # fmt: skip


def recorder(run: str, truth: Truth) -> Any:
    """A callback that writes down what the Trainer measured, at the tokens of its steps."""
    from transformers import TrainerCallback

    class Recorder(TrainerCallback):
        def on_evaluate(self, args, state, control, metrics, **kwargs):
            tokens = state.global_step * BATCH * LENGTH
            for name in SETS:
                if (value := metrics.get(f"eval_{name}_loss")) is not None:
                    truth.append((run, tokens, name, value))

    return Recorder()


def hf_stdout(folder: Path) -> Truth:
    """What the Trainer prints to a file: dictionaries, beside its progress bars."""
    from transformers import Trainer, TrainingArguments

    truth: Truth = []
    for run, share in RUNS.items():
        with (
            (folder / f"{run}.log").open("w", buffering=1) as log,
            contextlib.redirect_stdout(log),
            contextlib.redirect_stderr(log),
        ):
            Trainer(
                gpt2(), TrainingArguments(**arguments("out")), train_dataset=mixture(share),
                eval_dataset={name: rows(name, 8) for name in SETS},
                callbacks=[recorder(run, truth)],
            ).train()  # fmt: skip
    write_runs_yaml(folder, {run: f"{run}.log" for run in RUNS}, tokens_per_step=BATCH * LENGTH)
    return [(*row[:3], float(f"{row[3]:.4g}")) for row in truth]  # it prints four digits


def trl(folder: Path) -> Truth:
    """TRL's SFTTrainer: its own count of tokens in the Trainer's state."""
    from datasets import Dataset
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast
    from trl import SFTConfig, SFTTrainer

    words = Tokenizer(models.WordLevel({str(i): i for i in range(WORDS)}, unk_token="0"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="0", pad_token="1")
    truth: Truth = []
    for run, share in RUNS.items():
        more = {"dataset_kwargs": {"skip_prepare_dataset": True}, "remove_unused_columns": False}
        config = SFTConfig(**arguments(run, disable_tqdm=True, bf16=False, **more))
        trainer = SFTTrainer(
            gpt2(), config, train_dataset=Dataset.from_list(mixture(share)),
            eval_dataset={name: Dataset.from_list(rows(name, 8)) for name in SETS},
            processing_class=tokenizer, callbacks=[recorder(run, truth)],
        )  # fmt: skip
        trainer.train()
        trainer.save_state()
    write_runs_yaml(folder, {run: f"{run}/trainer_state.json" for run in RUNS})
    return truth


def lightning(folder: Path) -> Truth:
    """Lightning's CSV logger."""
    import lightning
    import torch
    from lightning.pytorch.loggers import CSVLogger
    from torch.utils.data import DataLoader

    truth: Truth = []

    def batches(data: list[dict[str, list[int]]]) -> Any:
        return DataLoader([torch.tensor(row["input_ids"]) for row in data], batch_size=BATCH)

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = gpt2()

        def training_step(self, batch, index):
            loss = self.network(input_ids=batch, labels=batch).loss
            self.log("train_loss", loss)
            return loss

        def validation_step(self, batch, index, dataloader_idx=0):
            loss = self.network(input_ids=batch, labels=batch).loss
            name = SETS[dataloader_idx]
            self.log(f"val_{name}_loss", loss, add_dataloader_idx=False)

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), 1e-2)

    class Recorder(lightning.Callback):
        def on_validation_end(self, trainer, module):
            tokens = trainer.global_step * BATCH * LENGTH
            for name in SETS:
                loss = float(trainer.callback_metrics[f"val_{name}_loss"])
                truth.append((run, tokens, name, loss))

    for run, share in RUNS.items():
        held_out = [batches(rows(name, 8)) for name in SETS]
        logger = CSVLogger(str(folder), name=run, version="")
        lightning.Trainer(
            max_steps=STEPS, val_check_interval=10, log_every_n_steps=5, logger=logger,
            callbacks=[Recorder()], enable_checkpointing=False, num_sanity_val_steps=0,
            enable_progress_bar=False, accelerator="cpu",
        ).fit(Module(), batches(mixture(share)), held_out)  # fmt: skip
        (folder / run / "hparams.yaml").unlink(missing_ok=True)
    write_runs_yaml(folder, {run: run for run in RUNS}, tokens_per_step=BATCH * LENGTH)
    return truth


def lm_eval(folder: Path) -> Truth:
    """lm-evaluation-harness on two local texts: bits per byte, and what the harness writes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    work = folder / "work"
    work.mkdir()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytes_ = Tokenizer(models.BPE({mark: i for i, mark in enumerate([*alphabet, "<end>"])}, []))
    bytes_.pre_tokenizer, bytes_.decoder = pre_tokenizers.ByteLevel(False), decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bytes_, eos_token="<end>")
    tasks = work / "tasks"
    tasks.mkdir()
    texts = {"domain": "def f(x):\n    return x + 1\n", "general": "It was a dark night.\n"}
    for name in SETS:
        lines = [json.dumps({"text": texts[name] * 3}) for _ in range(4)]
        (tasks / f"{name}.jsonl").write_text("\n".join(lines))
        (tasks / f"{name}.yaml").write_text(
            f"task: {name}\ndataset_path: json\ndataset_kwargs: {{data_files: {{test: "
            f"{tasks / f'{name}.jsonl'}}}}}\ntest_split: test\noutput_type: loglikelihood_rolling\n"
            'doc_to_text: ""\ndoc_to_target: "{{text}}"\nmetric_list:\n'
            "  - metric: bits_per_byte\n  - metric: byte_perplexity\n  - metric: word_perplexity\n"
        )
    truth: Truth = []
    for run in RUNS:
        checkpoint = work / run / "checkpoint-100"
        import torch

        torch.manual_seed(int(run[1:]))
        ends = {"bos_token_id": 256, "eos_token_id": 256}
        network = GPT2LMHeadModel(
            GPT2Config(vocab_size=257, n_positions=128, n_embd=16, n_layer=1, n_head=2, **ends)
        )
        network.save_pretrained(checkpoint)
        tokenizer.save_pretrained(checkpoint)
        truth += _evaluate(folder, run, checkpoint, tasks)
    shutil.rmtree(work)
    write_runs_yaml(folder, {run: f"{run}/results.json" for run in RUNS}, tokens_per_step=2048,
                    bytes_per_token="{domain: 1, general: 1}")  # fmt: skip
    return truth


def _evaluate(folder: Path, run: str, checkpoint: Path, tasks: Path) -> Truth:
    """Losses in nats per token of one checkpoint; a token is a byte."""
    import math

    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager
    from lm_eval.utils import handle_non_serializable

    manager = TaskManager(include_path=str(tasks), include_defaults=False)
    found = simple_evaluate(
        model="hf", model_args=f"pretrained={checkpoint},dtype=float32", tasks=list(SETS),
        device="cpu", task_manager=manager, log_samples=False, bootstrap_iters=0,
    )  # fmt: skip
    assert found is not None
    text = json.dumps(found, indent=2, default=handle_non_serializable)
    kept = {key: value for key, value in json.loads(text).items() if key in
            ("results", "group_subtasks", "configs", "versions", "n-shot", "config")}  # fmt: skip
    (folder / run).mkdir()
    clean = json.dumps(kept, indent=2).replace(str(checkpoint.parent.parent), "work")
    (folder / run / "results.json").write_text(clean + "\n")
    return [
        (run, 100 * 2048, name, found["results"][name]["bits_per_byte,none"] * math.log(2))
        for name in SETS
    ]


SAMPLES = (hf_stdout, trl, lightning, lm_eval)


def main(names: list[str]) -> None:
    for make in SAMPLES:
        name = make.__name__.replace("_", "-")
        if names and name not in names:
            continue
        folder = HERE / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        os.chdir(folder)
        write_truth(folder, make(folder))
        shutil.rmtree(folder / "out", ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
