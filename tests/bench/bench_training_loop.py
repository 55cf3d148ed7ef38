"""Throughput of the training loop beside a bare PyTorch loop and ``transformers.Trainer``.

One model, one optimiser, the same batches. The contestants take turns in short stretches, in CPU
seconds of one thread, and every ratio is of neighbours in time: the machine may be busy.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from quiet_trainer import quiet_trainer
from transformers import TrainerCallback

from mixlaw.corpora.mixing import MixtureStream
from mixlaw.rundir.folder import RunFolder
from mixlaw.rundir.shape import choose_shape
from mixlaw.schedule import Schedule
from mixlaw.train.checkpoint import State
from mixlaw.train.gradients import Gradients
from mixlaw.train.interrupts import CHECKPOINT_VARIABLE, Watch
from mixlaw.train.loop import Leg, train
from mixlaw.train.model import build_model, build_optimizer, token_losses
from mixlaw.train.state import set_up_torch
from mixlaw.train.steps import take_steps

VOCAB_SIZE, SEQ_LEN, BATCH_SIZE, CLIP = 1024, 128, 8, 1.0
SIZES = {55_000: 16, 200_000: 8, 1_000_000: 3}  # parameters: steps a stretch
ROUNDS = 9
SCHEDULE = Schedule(peak=1e-3, final=0.0, warmup=10)

Stretch = Callable[[int], float]  #: steps -> CPU seconds they took


def stream() -> MixtureStream:
    rng = np.random.default_rng(0)
    corpora = {
        name: rng.integers(VOCAB_SIZE, size=500_000).astype(np.uint16) for name in ("code", "prose")
    }
    shares = {"code": 0.3, "prose": 0.7}
    return MixtureStream(
        corpora, shares, seq_len=SEQ_LEN, block=BATCH_SIZE, seed=0, max_epochs={"prose": 9}
    )


def new_state(n_params: int) -> State:
    model = build_model(choose_shape(n_params, VOCAB_SIZE), SEQ_LEN, seed=0)
    state = State(model, build_optimizer(model, 0.1))
    for group in state.optimizer.param_groups:
        group["lr"] = SCHEDULE.peak  # a model that stands still is no model in training
    return state


def mixlaw_loop(n_params: int, folder: Path) -> Stretch:
    state = new_state(n_params)
    leg = Leg(
        folder=RunFolder(folder),
        name="trunk",
        stream=stream(),
        batch_size=BATCH_SIZE,
        schedule=SCHEDULE,
        clip=CLIP,
        watch=Watch(),
        total=10**6,
    )
    return lambda steps: cpu_seconds(
        lambda: take_steps([train(state, leg, state.step + steps)], Gradients)
    )


def bare_loop(n_params: int, folder: Path) -> Stretch:
    state, batches = new_state(n_params), ready_batches()
    model, optimizer = state.model, state.optimizer

    def step_through(steps: int) -> None:
        for batch in itertools.islice(batches, steps):
            loss = token_losses(model, batch).mean()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    return lambda steps: cpu_seconds(lambda: step_through(steps))


def trainer_loop(n_params: int, folder: Path) -> Stretch:
    state = new_state(n_params)
    rows = list(itertools.chain.from_iterable(itertools.islice(ready_batches(), 64)))
    scheduler = torch.optim.lr_scheduler.LambdaLR(state.optimizer, lambda step: 1.0)

    def take(steps: int) -> float:
        clock = StepClock()
        trainer = quiet_trainer(
            state.model,
            rows,
            state.optimizer,
            scheduler,
            folder,
            [clock],
            per_device_train_batch_size=BATCH_SIZE,
            max_steps=steps + 1,
            max_grad_norm=CLIP,
        )
        trainer.train()
        return clock.ends[-1] - clock.ends[0]

    return take


class StepClock(TrainerCallback):
    """When steps end: what a Trainer does before its first step and after its last is left out."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, *_, **__) -> None:
        self.ends.append(time.process_time())


def ready_batches() -> Iterator[torch.Tensor]:
    """The stream's batches cut beforehand, over and over: a bare loop's data cost nothing."""
    source = stream()
    batches = [
        torch.from_numpy(source.batch(i * BATCH_SIZE, BATCH_SIZE)) for i in range(ROUNDS * 16)
    ]
    return itertools.cycle(batches)


CONTESTANTS = {"bare": bare_loop, "mixlaw": mixlaw_loop, "Trainer": trainer_loop}


def cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


@pytest.mark.bench
@pytest.mark.filterwarnings("default")
def bench_training_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Median of the ratios to the bare loop's stretch of the same round; best rate of each."""
    set_up_torch()
    # They are a matter of wall time, which a busy machine stretches; bench_run_overhead has them.
    monkeypatch.setenv(CHECKPOINT_VARIABLE, "1e9")
    print(f"\n{'parameters':>10} {'loop':8} {'tokens/CPU-s':>12} {'of bare':>8} {'quartiles':>13}")
    for n_params, steps in SIZES.items():
        stretches = {name: make(n_params, tmp_path) for name, make in CONTESTANTS.items()}
        for stretch in stretches.values():
            stretch(2)
        rounds = []
        for turn in range(ROUNDS):
            order = list(stretches)[turn % 3 :] + list(stretches)[: turn % 3]
            rounds.append({name: stretches[name](steps) for name in order})
        tokens = steps * BATCH_SIZE * SEQ_LEN
        for name in CONTESTANTS:
            ratios = np.array([taken["bare"] / taken[name] for taken in rounds])
            low, middle, high = np.quantile(ratios, (0.25, 0.5, 0.75))
            best = tokens / min(taken[name] for taken in rounds)
            print(f"{n_params:>10,} {name:8} {best:12,.0f} {middle:8.1%} {low:6.1%}-{high:5.1%}")
