"""Trunks and branches beside a naive grid of ``transformers.Trainer``: FLOPs, CPU seconds, losses.

3 sizes x 5 ratios x 5 budgets, annealed ends for all. Per size one process trains what mixlaw
plans, another the grid, taking turns; CPU seconds of the base and the runs, starts left out.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from tiny_sweep import YAML, planned, write_tiny

from mixlaw.experiment import load_experiment
from mixlaw.rundir.folder import RunFolder
from mixlaw.rundir.spec import RunSpec
from mixlaw.sweep.cost import cost_of
from mixlaw.sweep.jobs import ENVIRONMENT, run_folder
from mixlaw.sweep.plan import DataIdentity, Plan, plan_runs

TESTS = Path(__file__).parents[1]
GRID = YAML.replace("sizes: [8k, 16k]", "sizes: [8k, 16k, 32k]")
for old, new in {
    "[0.5, 1]": "[0, 0.25, 0.5, 0.75, 1]",
    "[1k, 2k]": "[2k, 4k, 8k, 16k, 32k]",
    "{tokens: 3k}": "{tokens: 16k}",
    "{seq_len: 16, batch_tokens: 64}": "{seq_len: 32, batch_tokens: 256}",
    "{held_out_tokens: 512,": "{held_out_tokens: 2000,",
}.items():
    assert old in GRID
    GRID = GRID.replace(old, new)
EXTRA = "seeds: {extra: [{size: 8k, mixture: 0.5, order: [1, 2]}]}\n"

#: The same grid at the sizes of a paper.
PAPER = {
    "sizes: [8k, 16k, 32k]": "sizes: [50M, 150M, 500M]",
    "[2k, 4k, 8k, 16k, 32k]": "[250M, 500M, 1B, 2B, 4B]",
    "base: {tokens: 16k}": "base: {tokens: 2B}",
    "seq_len: 32, batch_tokens: 256": "seq_len: 2048, batch_tokens: 512k",
    "vocab_size: 300": "vocab_size: 32000",
}

WORKER = """
import sys, time
from pathlib import Path
from mixlaw.sweep.worker import work
from mixlaw.train import base, evaluate, state
from mixlaw.train.interrupts import Watch
import mixlaw.recipes.cpt
start = time.process_time()
assert work([Path(path) for path in sys.argv[1:]], Watch()) == 0
print(time.process_time() - start)
"""


def run_python(*arguments: object) -> str:
    command = [sys.executable, *(str(argument) for argument in arguments)]
    path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": path}
    return subprocess.run(
        command, check=True, env=environment, stdout=subprocess.PIPE, text=True
    ).stdout


def mixlaw_seconds(folders: list[RunFolder]) -> float:
    """CPU seconds in which one worker trains these bases and runs."""
    return float(run_python("-c", WORKER, *(folder.path for folder in folders)).split()[-1])


def naive_seconds(experiment: Path, size: int) -> tuple[dict[str, float], dict[str, dict]]:
    out = experiment / f"naive-{size}.json"
    run_python(TESTS / "bench/naive_grid.py", experiment, size, out)
    found = json.loads(out.read_text())
    return found["seconds"], found["ends"]


def train_flops(plan: Plan, per_step: Mapping[int, float]) -> dict[str, float]:
    """Training FLOPs of the three ways; ``per_step`` by parameters of the model."""
    bases = sum(base.steps * per_step[base.shape.n_params] for base in plan.bases)
    ours = sum(run.total_steps * per_step[run.shape.n_params] for run in plan.runs)
    grid = sum(sum(run.budgets) * per_step[run.shape.n_params] for run in plan.runs)
    again = sum(
        len(run.budgets) * run.base.steps * per_step[run.shape.n_params] for run in plan.runs
    )
    return {"mixlaw": bases + ours, "shared bases": bases + grid, "repeated bases": again + grid}


def measured_step_flops(experiment: Path, plan: Plan) -> dict[int, float]:
    """FLOPs of a step by parameters, as the runs counted them."""
    found = {}
    for run in plan.runs:
        last = run_folder(experiment, run).records()[-1]
        found[run.shape.n_params] = last.flops / (last.tokens / run.data.step_tokens)
    return found


def paper_flops(experiment: Path) -> dict[str, float]:
    text = GRID
    for old, new in PAPER.items():
        assert old in text
        text = text.replace(old, new)
    (experiment / "experiment.yaml").write_text(text)
    large = load_experiment(experiment)
    plan = plan_runs(large, DataIdentity.unprepared(large, 32_000))
    per_step = {base.shape.n_params: cost_of(base, large).flops / base.steps for base in plan.bases}
    return train_flops(plan, per_step)


def end_losses(experiment: Path, runs: tuple[RunSpec, ...]) -> dict[tuple[str, str], float]:
    records = [record for run in runs for record in run_folder(experiment, run).records()]
    return {(r.run_id, r.eval_set): r.loss for r in records if r.annealed and r.loss}


def seed_noise(experiment: Path, plan: Plan) -> float:
    """Standard deviation between three orders of the data, pooled over budgets and eval sets."""
    extra = planned(write_tiny(experiment, GRID + EXTRA)).runs
    cell = [run for run in extra if run.shape == plan.runs[0].shape and run.domain_ratio == 0.5]
    mixlaw_seconds([run_folder(experiment, run) for run in cell])
    losses = np.array([list(end_losses(experiment, (run,)).values()) for run in cell])
    return float(np.sqrt(losses.var(axis=0, ddof=1).mean()))


def table(title: str, values: Mapping[str, float], unit: str) -> None:
    for name, value in values.items():
        print(f"{title:18} {name:15} {value:10.4g} {unit:5} {value / values['mixlaw']:6.2f} x")


@pytest.mark.bench
@pytest.mark.filterwarnings("default")
def bench_grid(tmp_path: Path) -> None:
    """Ratios to mixlaw's; the losses of all ends, mixlaw's minus the grid's."""
    experiment = write_tiny(tmp_path, GRID)
    plan = planned(experiment)
    seconds = dict.fromkeys(("mixlaw", "shared bases", "repeated bases"), 0.0)
    naive: dict[tuple[str, str], float] = {}
    for base in plan.bases:
        specs = [base, *(run for run in plan.runs if run.base == base)]
        seconds["mixlaw"] += mixlaw_seconds([run_folder(experiment, spec) for spec in specs])
        taken, ends = naive_seconds(experiment, base.shape.n_params)
        seconds["shared bases"] += taken["base"] + taken["runs"]
        seconds["repeated bases"] += 25 * taken["base"] + taken["runs"]
        naive |= {(run, name): loss for run, found in ends.items() for name, loss in found.items()}
    ours = end_losses(experiment, plan.runs)
    differences = np.array([ours[key] - naive[key] for key in naive])
    assert len(differences) == 150
    print()
    table("FLOPs", train_flops(plan, measured_step_flops(experiment, plan)), "")
    table("CPU seconds", seconds, "s")
    spread = seed_noise(experiment, plan)
    print(
        f"end-point losses: mean difference {differences.mean():+.5f}, rms "
        f"{np.sqrt((differences**2).mean()):.5f}, largest {np.abs(differences).max():.5f} nats; "
        f"between seeds of the data's order {spread:.5f} nats"
    )
    table("FLOPs, paper size", paper_flops(experiment), "")
