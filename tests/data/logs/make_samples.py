"""Make the sample logs of this folder: ``python tests/data/logs/make_samples.py [IMPORTER ...]``.

What installs is really run (Hugging Face Trainer, its TensorBoard callback); the rest is written to
the trainer's documented format from losses drawn here. Beside every sample, ``truth.csv`` holds the
losses and token counts it was made with, which the tests compare exactly.
"""

import csv
import json
import os
import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent.resolve()
RUNS = {"r30": 0.3, "r70": 0.7}
STEPS = (0, 100, 200, 300)
SETS = ("domain", "general")
TOKENS_PER_STEP, SEQUENCE = 2048, 128

Truth = list[tuple[str, int, str, float]]


def loss(run: str, step: int, eval_set: str) -> float:
    """A loss with six decimals, which all of these loggers keep; at step 0, that of the base."""
    draw = random.Random(f"{run if step else 'base'} {step} {eval_set}")
    return round(4 - 0.5 * (step / 300) ** 0.5 - draw.uniform(0, 0.1), 6)


def single(run: str, step: int) -> float:
    return loss(run, step, "domain")


def named(run: str) -> Truth:
    return [(run, s * TOKENS_PER_STEP, name, loss(run, s, name)) for s in STEPS for name in SETS]


def unnamed(run: str) -> Truth:
    return [(run, s * TOKENS_PER_STEP, "domain", single(run, s)) for s in STEPS if s]


def write_runs_yaml(folder: Path, logs: dict[str, str | None], **more: object) -> None:
    lines = ["defaults:", "  n_params: 100k", "  base_id: base-100k"]
    lines += [f"  {key}: {value}" for key, value in more.items()]
    lines.append("runs:")
    for run, log in logs.items():
        share = RUNS[run]
        place = f"log: {log}, " if log else ""
        mix = f"shares: {{domain: {share}, general: {round(1 - share, 3)}}}"
        lines.append(f"  {run}: {{{place}{mix}}}")
    (folder / "runs.yaml").write_text("\n".join(lines) + "\n")


def write_truth(folder: Path, truth: Truth) -> None:
    with (folder / "truth.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("run_id", "tokens", "eval_set", "loss"))
        writer.writerows((run, tokens, name, repr(value)) for run, tokens, name, value in truth)


def jsonl(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


# Really run -------------------------------------------------------------------------------------


def train(folder: Path, run: str, share: float, report_to: str) -> Truth:
    """A tiny GPT-2 in transformers.Trainer, with two named eval sets; what it measured."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback
    from transformers import TrainingArguments as Arguments

    def rows(corpus: str, count: int) -> list[dict[str, list[int]]]:
        draw = random.Random(f"{corpus} {count}")
        low, high = (0, 16) if corpus == "domain" else (8, 32)
        tokens = [[draw.randrange(low, high) for _ in range(16)] for _ in range(count)]
        return [{"input_ids": row, "labels": row} for row in tokens]

    truth: Truth = []

    class Recorder(TrainerCallback):
        """Writes down what the Trainer measured, where it measured it."""

        def on_evaluate(self, args, state, control, metrics, **kwargs):
            for name in SETS:
                if (value := metrics.get(f"eval_{name}_loss")) is not None:
                    truth.append((run, state.num_input_tokens_seen, name, value))

    os.chdir(folder)  # the logs hold the output folder, and are to hold no path of this machine
    os.environ["TENSORBOARD_LOGGING_DIR"] = run
    torch.manual_seed(0)
    model = GPT2LMHeadModel(
        GPT2Config(vocab_size=32, n_positions=16, n_embd=16, n_layer=1, n_head=2,
                   bos_token_id=0, eos_token_id=0)
    )  # fmt: skip
    domain = rows("domain", round(160 * share))
    mixture = domain + rows("general", 160 - len(domain))
    random.Random(0).shuffle(mixture)
    arguments = Arguments(
        output_dir=run, max_steps=40, eval_steps=10, eval_strategy="steps",
        per_device_train_batch_size=4, logging_steps=10, save_strategy="no", learning_rate=1e-2,
        include_num_input_tokens_seen="all", report_to=report_to, use_cpu=True, disable_tqdm=True,
        eval_on_start=True, lr_scheduler_type="constant",
    )  # fmt: skip
    evaluation = {name: rows(name, 8) for name in SETS}
    trainer = Trainer(model, arguments, train_dataset=mixture, eval_dataset=evaluation,
                      callbacks=[Recorder()])  # fmt: skip
    trainer.train()
    trainer.save_state()
    return truth


def hf_trainer(folder: Path) -> Truth:
    truth = [row for run, share in RUNS.items() for row in train(folder, run, share, "none")]
    write_runs_yaml(folder, {run: f"{run}/trainer_state.json" for run in RUNS})
    return truth


def tensorboard(folder: Path) -> Truth:
    """The event files of the Trainer's own TensorBoard callback; they hold 32-bit floats."""
    import numpy as np

    truth = [row for run, share in RUNS.items() for row in train(folder, run, share, "tensorboard")]
    for run in RUNS:
        (folder / run / "trainer_state.json").unlink()
        (events,) = (folder / run).glob("events.out.tfevents.*")
        events.rename(events.with_name("events.out.tfevents.0.sample"))  # was: time, host, process
    write_runs_yaml(folder, {run: run for run in RUNS})
    return [(run, tokens, name, float(np.float32(value))) for run, tokens, name, value in truth]


# Written by hand to the documented format -------------------------------------------------------


def megatron_lines(run: str) -> Iterator[str]:
    for step in range(0, 301, 50):
        if step:
            yield (
                f" [2026-08-22 10:00:00.000000] iteration {step:8d}/{300:8d} | "
                f"consumed samples: {step * 16:12d} | elapsed time per iteration (ms): 12.3 | "
                f"learning rate: 3.000000E-04 | global batch size: {16:5d} | "
                f"lm loss: {3.1:.6E} | loss scale: 1.0 | grad norm: 0.512 | "
                "number of skipped iterations:   0 | number of nan iterations:   0 |"
            )
        if step in STEPS:
            for name in SETS:
                value = loss(run, step, name)
                text = (
                    f" validation-{name} loss at iteration {step} | lm loss value: {value:.6E} | "
                    f"lm loss PPL: {2.718281828**value:.6E} | "
                )
                yield from ("-" * len(text), text, "-" * len(text))
    yield f" validation-domain loss at iteration 300 on test set | lm loss value: {3.0:.6E} | "


def megatron(folder: Path) -> Truth:
    for run in RUNS:
        (folder / f"{run}.log").write_text("\n".join(megatron_lines(run)) + "\n")
    write_runs_yaml(folder, {run: f"{run}.log" for run in RUNS}, sequence_length=SEQUENCE)
    return [row for run in RUNS for row in named(run)]


def llama_factory(folder: Path) -> Truth:
    for run in RUNS:
        rows: list[dict[str, object]] = []
        for step in range(50, 301, 50):
            clock = {"elapsed_time": "0:00:10", "remaining_time": "0:00:20"}
            place = {"epoch": 0.1, "percentage": round(step / 3, 2), **clock,
                     "total_tokens": step * TOKENS_PER_STEP}  # fmt: skip
            counts = {"current_steps": step, "total_steps": 300}
            rows.append({**counts, "loss": 3.1, "lr": 3e-4, **place})
            if step in STEPS:
                rows.append({**counts, "eval_loss": single(run, step), **place})
        jsonl(folder / f"{run}.jsonl", rows)
    logs = {run: f"{run}.jsonl" for run in RUNS}
    write_runs_yaml(folder, logs, unnamed_eval_set="domain")
    return [row for run in RUNS for row in unnamed(run)]


def wandb_csv(folder: Path) -> Truth:
    header = ["train/global_step"]
    for run in RUNS:
        for name in SETS:
            metric = f"{run} - eval/{name}_loss"
            header += [metric, f"{metric}__MIN", f"{metric}__MAX"]
    lines = [",".join(f'"{name}"' for name in header)]
    for step in STEPS:
        values = [str(loss(run, step, name)) for run in RUNS for name in SETS]
        cells = [str(step), *(cell for value in values for cell in (value,) * 3)]
        lines.append(",".join(f'"{cell}"' for cell in cells))
    (folder / "wandb_export.csv").write_text("\n".join(lines) + "\n")
    write_runs_yaml(folder, dict.fromkeys(RUNS), tokens_per_step=TOKENS_PER_STEP)
    return [row for run in RUNS for row in named(run)]


def wandb_parquet(folder: Path) -> Truth:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for run in RUNS:
        rows = []
        for index, step in enumerate(STEPS):
            clock = {"_runtime": 10.0 * index, "_timestamp": 1.7e9 + index}
            rows.append({"_step": 2 * index, **clock, "train/global_step": step, "train/loss": 3.1})
            losses = {f"eval/{name}_loss": loss(run, step, name) for name in SETS}
            place = {"train/global_step": step}
            rows.append({"_step": 2 * index + 1, **clock, **place, **losses})
        columns = list(dict.fromkeys(key for row in rows for key in row))
        table = {column: [row.get(column) for row in rows] for column in columns}
        pq.write_table(pa.table(table), folder / f"{run}.parquet")
    logs = {run: f"{run}.parquet" for run in RUNS}
    write_runs_yaml(folder, logs, tokens_per_step=TOKENS_PER_STEP)
    return [row for run in RUNS for row in named(run)]


def olmo_core(folder: Path) -> Truth:
    for run in RUNS:
        (folder / run).mkdir()
        for step in STEPS:
            metrics = {"train/CE loss": 3.1, "throughput/total tokens": step * TOKENS_PER_STEP}
            for name in SETS:
                metrics[f"eval/lm/{name}/CE loss"] = loss(run, step, name)
                metrics[f"eval/lm/{name}/PPL"] = 2.718281828 ** loss(run, step, name)
            (folder / run / f"metrics_step{step}.json").write_text(json.dumps(metrics))
        (folder / run / "metrics.json").write_text(json.dumps(metrics))
    write_runs_yaml(folder, {run: run for run in RUNS})
    return [row for run in RUNS for row in named(run)]


def litgpt(folder: Path) -> Truth:
    header = ["epoch", "iter", "iter_time", "learning_rate", "loss", "remaining_time", "step",
              "tokens", "total_tokens", "val_loss", "val_ppl"]  # fmt: skip
    for run in RUNS:
        rows = []
        for step in range(50, 301, 50):
            tokens = step * TOKENS_PER_STEP
            rows.append({"epoch": 0, "iter": step, "iter_time": 0.01, "learning_rate": 3e-4,
                         "loss": 3.1, "remaining_time": 1.0, "step": step - 1,
                         "tokens": tokens // 2, "total_tokens": tokens})  # fmt: skip
            if step in STEPS:
                at = step - 1 if step < 300 else step  # the final validation logs the iteration
                value = single(run, step)
                rows.append({"step": at, "val_loss": value, "val_ppl": 2.718281828**value})
        with (folder / f"{run}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, header, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    write_runs_yaml(folder, {run: f"{run}.csv" for run in RUNS}, unnamed_eval_set="domain")
    return [row for run in RUNS for row in unnamed(run)]


def nanotron(folder: Path) -> Truth:
    """nanotron prints three digits of the training loss; so does the truth."""
    truth: Truth = []
    for run in RUNS:
        lines = []
        for step in STEPS[1:]:
            value = float(f"{single(run, step):.3g}")
            tokens = step * TOKENS_PER_STEP
            truth.append((run, tokens, "domain", value))
            lines.append(
                f"\x1b[2;3m08/22 10:00:00 [INFO|DP=0]\x1b[0m: iteration: {step} / 300 | "
                f"consumed_tokens: {tokens / 1000:.3g}K | elapsed_time_per_iteration_ms: 12 | "
                f"global_batch_size: 16 | lm_loss: {value:g} | lr: 0.0003 | grad_norm: 0.5"
            )
        (folder / f"{run}.log").write_text("\n".join(lines) + "\n")
    logs = {run: f"{run}.log" for run in RUNS}
    more = {"tokens_per_step": TOKENS_PER_STEP, "unnamed_eval_set": "domain"}
    write_runs_yaml(folder, logs, **more)
    return truth


def torchtitan(folder: Path) -> Truth:
    """torchtitan prints four decimals of the validation loss; so does the truth."""
    red, green, blue, reset = "\x1b[31m", "\x1b[32m", "\x1b[34m", "\x1b[0m"
    truth: Truth = []
    for run in RUNS:
        lines = []
        for step in range(50, 301, 50):
            lines.append(
                f"[titan] 2026-08-22 10:00:00 - root - INFO - {red}step: {step:2}  {green}loss: "
                f"{3.1:8.5f}  {red}grad_norm: {0.5:7.4f}  {blue}memory:  1.20GiB(1.50%)  "
                f"tps: 5,000  tflops: 1.00  mfu: 0.10%{reset}"
            )
            if step in STEPS:
                value = round(single(run, step), 4)
                truth.append((run, step * TOKENS_PER_STEP, "domain", value))
                lines.append(
                    f"[titan] 2026-08-22 10:00:01 - root - INFO - {red}validate step: {step:2}  "
                    f"{green}loss: {value:7.4f}  {blue}memory:  1.20GiB(1.50%)  tps: 5,000{reset}"
                )
        (folder / f"{run}.log").write_text("\n".join(lines) + "\n")
    logs = {run: f"{run}.log" for run in RUNS}
    more = {"tokens_per_step": TOKENS_PER_STEP, "unnamed_eval_set": "domain"}
    write_runs_yaml(folder, logs, **more)
    return truth


def nemo(folder: Path) -> Truth:
    truth: Truth = []
    clock = {"epoch": 0, "timestamp": "2026-08-22T10:00:00.000Z"}
    for run in RUNS:
        (folder / run).mkdir()
        rows: list[dict[str, object]] = []
        for step in range(0, 31):
            counts = {"num_tokens_per_step": TOKENS_PER_STEP, "num_label_tokens": 2000}
            rows.append({"step": step, **clock, "loss": 3.1, "grad_norm": 0.5, "lr": 3e-4,
                         "mem": 1.2, "tps": 5000.0, **counts})  # fmt: skip
        jsonl(folder / run / "training.jsonl", rows)
        for name in SETS:
            steps = (10, 20, 30)
            truth += [(run, (s + 1) * TOKENS_PER_STEP, name, loss(run, s, name)) for s in steps]
            rows = [{"step": s, **clock, "val_loss": loss(run, s, name), "lr": 3e-4,
                     "num_label_tokens": 4000, "mem": 1.2} for s in steps]  # fmt: skip
            jsonl(folder / run / f"validation_{name}.jsonl", rows)
        jsonl(folder / run / "validation_weighted.jsonl",
              [{"step": 10, **clock, "val_loss": 3.3}])  # fmt: skip
    write_runs_yaml(folder, {run: run for run in RUNS})
    return truth


def table(folder: Path) -> Truth:
    """A wide table in rows of no particular order, with names of its own."""
    rows = [
        (run, step, *(loss(run, step, name) for name in SETS)) for run in RUNS for step in STEPS
    ]
    random.Random(0).shuffle(rows)
    with (folder / "sweep.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("experiment", "iteration", "val_code", "val_web", "remark"))
        writer.writerows((*row, "fine, so far") for row in rows)
    write_runs_yaml(folder, dict.fromkeys(RUNS), tokens_per_step=TOKENS_PER_STEP)
    with (folder / "runs.yaml").open("a") as file:
        file.write("columns: {run_id: experiment, step: iteration}\n")
        file.write("eval_sets: {val_code: domain, val_web: general}\n")
    return [row for run in RUNS for row in named(run)]


SAMPLES = (hf_trainer, tensorboard, megatron, llama_factory, wandb_csv, wandb_parquet, olmo_core,
           litgpt, nanotron, torchtitan, nemo, table)  # fmt: skip


def main(names: list[str]) -> None:
    for make in SAMPLES:
        name = make.__name__.replace("_", "-")
        if names and name not in names:
            continue
        folder = HERE / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        write_truth(folder, make(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
