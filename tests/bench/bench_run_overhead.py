"""What a run costs beside its training: files, checkpoints, the driver, the start of a process.

CPU seconds of one thread, the best of several turns.
"""

import itertools
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_sweep import YAML, folders, planned, write_tiny

from mixlaw.rundir.folder import RunFolder
from mixlaw.rundir.shape import choose_shape
from mixlaw.sweep.api import run_sweep
from mixlaw.sweep.worker import work
from mixlaw.train.checkpoint import State, load_checkpoint, save_checkpoint
from mixlaw.train.interrupts import Watch
from mixlaw.train.model import build_model, build_optimizer
from mixlaw.train.state import set_up_torch

VOCAB_SIZE, SEQ_LEN, TURNS = 1024, 128, 5
IMPORTS = "import mixlaw.recipes.cpt, mixlaw.train.pretrain, mixlaw.train.gradients"


def best(work: Callable[[], object]) -> float:
    """CPU seconds."""
    taken = []
    for _ in range(TURNS):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def state_of(n_params: int) -> State:
    model = build_model(choose_shape(n_params, VOCAB_SIZE), SEQ_LEN, seed=0)
    state = State(model, build_optimizer(model, 0.1))
    for weight in model.parameters():
        weight.grad = weight.detach().clone()
    state.optimizer.step()  # which gives the optimiser its state
    return state


def process_seconds(code: str) -> float:
    """CPU seconds of a whole process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def evaluation_appended(run: RunFolder, scratch: Path) -> float:
    """Seconds to add the records of one more evaluation to those of a whole run."""
    folder = RunFolder(scratch / "run")
    folder.plan(run.spec())
    folder.append(run.records())
    last = run.records()[-2:]
    turns = itertools.count(10**6)

    def append() -> None:
        tokens = next(turns)
        folder.append([record.model_copy(update={"tokens": tokens}) for record in last])

    return best(append)


@pytest.mark.bench
def bench_run_overhead(tmp_path: Path) -> None:
    """Milliseconds by cause; how often each occurs is said beside it."""
    set_up_torch()
    experiment = write_tiny(tmp_path / "tiny", YAML)
    all_folders = folders(experiment, planned(experiment))
    assert work([folder.path for folder in all_folders], Watch()) == 0
    rows = {
        "process started, torch imported; once a job": min(
            process_seconds(IMPORTS) for _ in range(2)
        ),
        "driver, table collected; per base or run": best(lambda: run_sweep(experiment))
        / len(all_folders),
        "records kept; per evaluation": evaluation_appended(all_folders[-1], tmp_path),
    }
    for n_params in (55_000, 200_000, 1_000_000):
        state, path = state_of(n_params), tmp_path / "checkpoint.safetensors"
        rows[f"checkpoint saved, {n_params:,}; per branch, and every 20 s"] = best(
            lambda state=state, path=path: save_checkpoint(state, path)
        )
        rows[f"checkpoint loaded, {n_params:,}; per branch"] = best(
            lambda state=state, path=path: load_checkpoint(state, path)
        )
    print()
    for cause, seconds in rows.items():
        print(f"{cause:58} {1e3 * seconds:9.1f} ms")
