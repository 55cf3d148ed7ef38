"""Sample logs of consoles and exports: ``python make_console_samples.py [NAME ...]``.

The nanoGPT family comes from a training loop of our own, a bigram model that prints what these
scripts print; the rest is written to the formats of the trainers' own code from drawn losses.
"""

import csv
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from make_samples import (
    HERE,
    RUNS,
    SETS,
    STEPS,
    TOKENS_PER_STEP,
    Truth,
    jsonl,
    loss,
    named,
    single,
    unnamed,
    write_runs_yaml,
    write_truth,
)

BLOCK, BATCH, LAST, EVERY = 16, 8, 300, 100
TOKENS = BLOCK * BATCH


def trained(run: str, share: float) -> Iterator[tuple[int, float, float | None]]:
    """(step, training loss, validation loss or None) of a bigram model trained on a mixture."""
    import torch

    torch.manual_seed(0)
    draw = torch.Generator().manual_seed(int(run[1:]))
    network = torch.nn.Embedding(32, 32)
    optimiser = torch.optim.AdamW(network.parameters(), 3e-2)

    def batch(is_domain: float, source: torch.Generator) -> torch.Tensor:
        low = torch.where(torch.rand(BATCH, 1, generator=source) < is_domain, 0, 8)
        return low + torch.randint(0, 16, (BATCH, BLOCK + 1), generator=source)

    def measure(tokens: torch.Tensor) -> torch.Tensor:
        logits = network(tokens[:, :-1]).flatten(0, 1)
        return torch.nn.functional.cross_entropy(logits, tokens[:, 1:].flatten())

    fixed = torch.Generator().manual_seed(0)
    held_out = [batch(1.0, fixed) for _ in range(4)]
    for step in range(LAST + 1):
        with torch.no_grad():
            validation = sum(measure(tokens).item() for tokens in held_out) / len(held_out)
        value = measure(batch(share, draw))
        yield step, value.item(), validation if step % EVERY == 0 else None
        optimiser.zero_grad()
        value.backward()
        optimiser.step()


def from_loop(folder: Path, head: str, lines, **more: object) -> Truth:
    """Logs of the loop in a script's format, and the validation losses that it printed."""
    truth: Truth = []
    for run, share in RUNS.items():
        text = head
        for step, train, validation in trained(run, share):
            text += "".join(line + "\n" for line in lines(step, train, validation))
            if validation is not None:
                truth.append((run, step * TOKENS, "domain", float(f"{validation:.4f}")))
        (folder / f"{run}.log").write_text(text)
    write_runs_yaml(folder, {run: f"{run}.log" for run in RUNS}, unnamed_eval_set="domain", **more)
    return truth


def nanogpt(folder: Path) -> Truth:
    def lines(step: int, train: float, validation: float | None) -> Iterator[str]:
        if validation is not None:
            yield f"step {step}: train loss {train:.4f}, val loss {validation:.4f}"
            yield "saving checkpoint to out"
        if step % 50 == 0:
            yield f"iter {step}: loss {train:.4f}, time 31.20ms, mfu 30.10%"

    head = f"tokens per iteration will be: {TOKENS:,}\nnumber of parameters: 0.10M\n"
    return from_loop(folder, head, lines)


def modded_nanogpt(folder: Path) -> Truth:
    def lines(step: int, train: float, validation: float | None) -> Iterator[str]:
        clock = f"train_time:{step * 100}ms step_avg:100.10ms"
        if validation is not None:
            yield f"step:{step}/{LAST} val_loss:{validation:.4f} {clock}"
        if step % 50 == 0:
            yield f"step:{step + 1}/{LAST} {clock}" if step < LAST else "peak memory: 1 MiB"

    head = "import os\nimport torch\n" + "=" * 100 + "\nRunning Python 3.12\n" + "=" * 100 + "\n"
    return from_loop(folder, head, lines, tokens_per_step=TOKENS)


def llm_c(folder: Path) -> Truth:
    def lines(step: int, train: float, validation: float | None) -> Iterator[str]:
        if validation is not None:
            yield f"s:{step} tel:{validation:.4f}"
        if step < LAST and step % 20 == 0:
            yield f"s:{step} trl:{train:.4f} lr:{3e-4:.6f} norm:{0.5:.2f}"

    return from_loop(folder, "", lines, tokens_per_step=TOKENS)


def gpt_neox(folder: Path) -> Truth:
    """Its lines are those of ``megatron/logging.py`` and ``evaluate_and_print_results``."""
    for run in RUNS:
        lines = []
        for step in range(50, 301, 50):
            lines.append(
                f" samples/sec: 51.234 | iteration {step:8d}/{300:8d} | elapsed time per iteration "
                f"(ms): 312.3 | learning rate: 3.000E-04 | approx flops per GPU: 50.3TFLOPS | "
                f"lm_loss: {3.1:.6E} | number of skipped iterations:   0 | number of nan "
                "iterations:   0 |"
            )
            if step in STEPS:
                value = single(run, step)
                text = (
                    f" validation results at iteration {step} | lm_loss value: {value:.6E} | "
                    f"lm_loss_ppl value: {2.718281828**value:.6E} | "
                )
                lines += ["-" * len(text), text, "-" * len(text)]
        lines.append(f" test results at iteration 300 | lm_loss value: {3.0:.6E} | ")
        (folder / f"{run}.log").write_text("\n".join(lines) + "\n")
    more = {"tokens_per_step": TOKENS_PER_STEP, "unnamed_eval_set": "domain"}
    write_runs_yaml(folder, {run: f"{run}.log" for run in RUNS}, **more)
    return [row for run in RUNS for row in unnamed(run)]


def composer(folder: Path) -> Truth:
    """Its blocks are those of ``composer/loggers/console_logger.py`` (0.32.1)."""
    truth: Truth = []
    for run in RUNS:
        lines = ["*" * 30, "Config:", "num_nodes: 1", "*" * 30]
        for step in range(50, 301, 50):
            lines += [
                f"[batch={step}/300]:",
                f"\t Train time/batch: {step - 1}",
                f"\t Train time/token: {(step - 1) * TOKENS_PER_STEP}",
                "\t Train loss/train/total: 3.1000",
                "\t Train metrics/train/LanguageCrossEntropy: 3.1000",
            ]
            if step not in STEPS:
                continue
            for name in SETS:
                value = round(loss(run, step, name), 4)
                truth.append((run, step * TOKENS_PER_STEP, name, value))
                lines += [
                    f"[Eval batch=2/4] Eval on eval/{name} data",
                    f"[Eval batch=4/4] Eval on eval/{name} data:",
                    f"\t Eval metrics/eval/{name}/LanguageCrossEntropy: {value:.4f}",
                    f"\t Eval metrics/eval/{name}/LanguagePerplexity: {2.718281828**value:.4f}",
                ]
        (folder / f"{run}.log").write_text("\n".join(lines) + "\n")
    write_runs_yaml(folder, {run: f"{run}.log" for run in RUNS})
    return truth


def olmo_console(folder: Path) -> Truth:
    """Its lines are those of OLMo-core's console logger and evaluator callback (3.0.0)."""
    truth: Truth = []
    clock = "2026-08-22 10:00:00.000\thost:0\tolmo_core.train.callbacks"
    for run in RUNS:
        lines = []
        for step in range(50, 301, 50):
            lines += [
                f"{clock}.console_logger:63\tINFO\t[step={step}/300,epoch=1,eta=0:01:00]",
                "    train/CE loss=3.100",
                "    train/PPL=22.20",
                "    throughput/device/TPS=5,000",
            ]
            if step not in STEPS:
                continue
            lines.append(f"{clock}.evaluator_callback:140\tINFO\tRunning lm evals...")
            done = "Finished lm evals in 1.2 seconds. Metrics:"
            lines.append(f"{clock}.evaluator_callback:184\tINFO\t{done}")
            for name in SETS:
                value = float(f"{loss(run, step, name):.4g}")
                truth.append((run, step * TOKENS_PER_STEP, name, value))
                lines += [f"    {name}/CE loss={value:.4g}", f"    {name}/PPL={2.718**value:.4g}"]
        (folder / f"{run}.log").write_text("\n".join(lines) + "\n")
    logs = {run: f"{run}.log" for run in RUNS}
    write_runs_yaml(folder, logs, tokens_per_step=TOKENS_PER_STEP)
    return truth


def nemo2(folder: Path) -> Truth:
    """Its lines are those of NeMo 2's progress printer, as public logs of runs show them."""
    truth: Truth = []
    for run in RUNS:
        lines, last = [], ""
        for step in range(49, 351, 50):
            lines.append(
                f"Training epoch 0, iteration {step}/349 | lr: 0.0003 | global_batch_size: 16 | "
                f"global_step: {step} | reduced_train_loss: 3.1 | train_step_timing in s: 0.19 | "
                f"consumed_samples: {(step + 1) * 16}{last}"
            )
            if step + 1 in STEPS:
                value = float(f"{single(run, step + 1):.4g}")
                truth.append((run, (step + 1) * TOKENS_PER_STEP, "domain", value))
                lines.append("Validation: iteration 1/1")
                last = f" | val_loss: {value:.4g}"
        (folder / f"{run}.log").write_text("\n".join(lines) + "\n")
    more = {"sequence_length": 128, "unnamed_eval_set": "domain"}
    write_runs_yaml(folder, {run: f"{run}.log" for run in RUNS}, **more)
    return truth


def ms_swift(folder: Path) -> Truth:
    """Its lines are those of ``swift/trainers/patcher.py`` (4.6.0): eight decimals."""
    for run in RUNS:
        rows: list[dict[str, object]] = []
        for step in range(50, 301, 50):
            clock = {"global_step/max_steps": f"{step}/300", "elapsed_time": "10s",
                     "remaining_time": "20s", "train_speed(s/it)": 0.2}  # fmt: skip
            rows.append({"loss": 3.1, "grad_norm": 0.5, "learning_rate": 3e-4, "epoch": step / 300,
                         **clock})  # fmt: skip
            if step in STEPS:
                losses = {f"eval_{name}_loss": loss(run, step, name) for name in SETS}
                rows.append({**losses, "epoch": step / 300, **clock})
        rows.append({"best_metric": None, "global_step": 300, "log_history": []})
        (folder / run).mkdir()
        jsonl(folder / run / "logging.jsonl", rows)
    write_runs_yaml(folder, {run: run for run in RUNS}, tokens_per_step=TOKENS_PER_STEP)
    return [row for run in RUNS for row in named(run) if row[1]]


def tensorboard_csv(folder: Path) -> Truth:
    """The CSV of TensorBoard's web page, one a scalar, under the names that it gives them."""
    logs = {}
    for run in RUNS:
        files = []
        for name in SETS:
            path = folder / f"run-{run}-tag-eval_{name}_loss.csv"
            with path.open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(("Wall time", "Step", "Value"))
                writer.writerows((1.7e9 + step, step, loss(run, step, name)) for step in STEPS)
            files.append(path.name)
        logs[run] = f"[{', '.join(files)}]"
    write_runs_yaml(folder, logs, tokens_per_step=TOKENS_PER_STEP)
    return [row for run in RUNS for row in named(run)]


def wandb_runs(folder: Path) -> Truth:
    """The runs table that W&B's web page exports: all cells quoted, no last line end."""
    header = ["Name", "State", "Notes", "User", "Tags", "Created", "Runtime", "Sweep",
              "train/global_step", "eval/domain_loss", "eval/general_loss"]  # fmt: skip
    rows = [header]
    for run in RUNS:
        losses = [str(loss(run, 300, name)) for name in SETS]
        rows.append([run, "finished", "-", "me", "", "2026-08-22T10:00:00.000Z", "61", "", "300",
                     *losses])  # fmt: skip
    lines = [",".join(json.dumps(cell) for cell in row) for row in rows]
    (folder / "wandb_export_2026-08-22.csv").write_text("\n".join(lines))
    write_runs_yaml(folder, dict.fromkeys(RUNS), tokens_per_step=TOKENS_PER_STEP)
    return [row for run in RUNS for row in named(run) if row[1] == 300 * TOKENS_PER_STEP]


SAMPLES = (nanogpt, modded_nanogpt, llm_c, gpt_neox, composer, olmo_console, nemo2, ms_swift,
           tensorboard_csv, wandb_runs)  # fmt: skip


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
