"""What people do without trunks: ``transformers.Trainer`` trains every point of a grid by itself.

Run as ``python naive_grid.py EXPERIMENT SIZE OUT``: one base of this size and then, from that base,
one run for every mixture and budget; same model, optimiser, tokens and annealed end as mixlaw's.
Writes the losses of the ends and the CPU seconds of the base, and of all the runs, to ``OUT``.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from quiet_trainer import quiet_trainer
from tiny_sweep import planned

from mixlaw.corpora.mixing import MixtureStream
from mixlaw.corpora.prepare import Corpora, load_corpora
from mixlaw.rundir.spec import BaseSpec, RunSpec
from mixlaw.rundir.streams import base_stream, run_stream
from mixlaw.train.evaluate import evaluate
from mixlaw.train.model import build_model, build_optimizer
from mixlaw.train.state import set_up_torch


def train(model: Any, spec: BaseSpec | RunSpec, stream: MixtureStream, steps: int) -> None:
    """A whole run of this many steps, with its decay, in the order of the stream."""
    size, schedule = spec.data.batch_size, spec.optim.decayed(steps)
    rows = torch.from_numpy(stream.batch(0, steps * size))
    optimizer = build_optimizer(model, spec.optim.weight_decay)
    for group in optimizer.param_groups:
        group["lr"] = 1.0
    with tempfile.TemporaryDirectory() as folder:
        quiet_trainer(
            model,
            rows,
            optimizer,
            torch.optim.lr_scheduler.LambdaLR(optimizer, schedule.at),
            folder,
            per_device_train_batch_size=size,
            max_steps=steps,
            max_grad_norm=spec.optim.clip,
            train_sampling_strategy="sequential",
        ).train()


def new_model(spec: BaseSpec | RunSpec) -> Any:
    return build_model(spec.shape, spec.data.seq_len, spec.seed)


def losses(model: Any, corpora: Corpora) -> dict[str, float]:
    return {name: evaluate(model, held_out).loss for name, held_out in corpora.held_out.items()}


def main(experiment: Path, size: int, out: Path) -> None:
    set_up_torch()
    corpora = load_corpora(experiment / "corpora")
    runs = [run for run in planned(experiment).runs if run.shape.n_params == size]
    start = time.process_time()
    base = new_model(runs[0].base)
    train(base, runs[0].base, base_stream(runs[0].base, corpora), runs[0].base.steps)
    base_end, ends = time.process_time(), {}
    for run in runs:
        for budget in run.budgets:
            model = new_model(run)
            model.load_state_dict(base.state_dict())
            train(model, run, run_stream(run, corpora), budget)
            ends[run.branch_id(budget)] = losses(model, corpora)
    seconds = {"base": base_end - start, "runs": time.process_time() - base_end}
    out.write_text(json.dumps({"ends": ends, "seconds": seconds}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
