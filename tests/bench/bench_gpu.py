"""On a GPU: proxies together and one after another, FLOPs used of the peak, and a bare loop beside.

    python -m pytest -m bench -s tests/bench/bench_gpu.py

Contestants take turns, and every time is that of a stretch of steps between two synchronisations.
The first stretch of each is thrown away.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from mixlaw.corpora.mixing import MixtureStream
from mixlaw.rundir.folder import RunFolder
from mixlaw.rundir.shape import choose_shape
from mixlaw.rundir.spec import ComputeSpec
from mixlaw.schedule import Schedule
from mixlaw.sweep.cost import token_flops
from mixlaw.train.checkpoint import State
from mixlaw.train.gradients import Gradients
from mixlaw.train.interrupts import CHECKPOINT_VARIABLE, Watch
from mixlaw.train.loop import Leg, train
from mixlaw.train.model import build_model, build_optimizer, configure, token_losses
from mixlaw.train.state import device, set_up_torch
from mixlaw.train.steps import take_steps

pytestmark = [
    pytest.mark.bench,
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"),
    pytest.mark.filterwarnings("default"),
]

ROUNDS = 5
SCHEDULE = Schedule(peak=1e-3, final=0.0, warmup=10)
#: Dense bfloat16 FLOP/s that NVIDIA states (H100 SXM and H200 data sheets).
PEAK = {"H100": 989e12, "H200": 989e12}


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    set_up_torch()
    monkeypatch.setenv(CHECKPOINT_VARIABLE, "1e9")  # bench_run_overhead has them


def stream(vocab_size: int, seq_len: int, batch_size: int) -> MixtureStream:
    """Two corpora of random tokens, as long as any stretch needs."""
    rng = np.random.default_rng(0)
    corpora = {n: rng.integers(vocab_size, size=2_000_000).astype(np.uint16) for n in ("a", "b")}
    shares = {"a": 0.3, "b": 0.7}
    return MixtureStream(
        corpora, shares, seq_len=seq_len, block=batch_size, seed=0, max_epochs={"a": 99, "b": 99}
    )


def new_state(n_params: int, vocab_size: int, seq_len: int, compute: ComputeSpec | None) -> State:
    model = build_model(choose_shape(n_params, vocab_size), seq_len, seed=0).to(device())
    configure(model, compute)
    return State(model, build_optimizer(model, 0.1))


def leg(folder: Path, name: str, data: MixtureStream, batch_size: int) -> Leg:
    (folder / name).mkdir()
    return Leg(
        folder=RunFolder(folder / name),
        name=name,
        stream=data,
        batch_size=batch_size,
        schedule=SCHEDULE,
        clip=1.0,
        watch=Watch(),
        total=10**6,
    )


def seconds(work: Callable[[], object]) -> float:
    torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def take(states: list[State], legs: list[Leg], steps: int) -> None:
    """All of them together; each of them must end as it should."""
    loops = [train(s, one, s.step + steps) for s, one in zip(states, legs, strict=True)]
    assert take_steps(loops, Gradients) == [None] * len(loops)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize(("batch_size", "steps"), [(8, 12), (32, 8)])
def bench_population(tmp_path: Path, precision: str, batch_size: int, steps: int) -> None:
    """Ten proxies of 1M parameters together, and the same ten one after another."""
    members, vocab_size, seq_len = 10, 8192, 256
    compute = ComputeSpec(precision="bfloat16") if precision == "bfloat16" else None
    data = stream(vocab_size, seq_len, batch_size)
    groups = [
        [new_state(1_000_000, vocab_size, seq_len, compute) for _ in range(members)]
        for _ in range(2)
    ]
    legs = [leg(tmp_path, str(k), data, batch_size) for k in range(members)]

    def alone() -> None:
        for state, one in zip(groups[0], legs, strict=True):
            take([state], [one], steps)

    def together() -> None:
        take(groups[1], legs, steps)

    alone(), together()
    rounds = [(seconds(alone), seconds(together)) for _ in range(ROUNDS)]
    tokens = members * steps * batch_size * seq_len
    low, middle, high = np.quantile([a / b for a, b in rounds], (0.25, 0.5, 0.75))
    a, b = (tokens / min(times) for times in zip(*rounds, strict=True))
    print(
        f"\n{torch.cuda.get_device_name()}, {precision}, {batch_size * seq_len:,} tokens a step: "
        f"alone {a:,.0f} tokens/s, together {b:,.0f}: {middle:.2f} x ({low:.2f} to {high:.2f})"
    )


@pytest.mark.parametrize(
    ("n_params", "batch_size", "seq_len", "steps"),
    [
        (1_000_000, 16, 512, 20),
        (10_000_000, 32, 512, 12),
        (100_000_000, 32, 1024, 6),
        (1_000_000_000, 16, 1024, 4),
    ],
)
def bench_loop_and_utilisation(
    tmp_path: Path, n_params: int, batch_size: int, seq_len: int, steps: int
) -> None:
    """mixlaw's loop beside a bare one on the same model, and what both use of the peak."""
    vocab_size = 32_768
    data = stream(vocab_size, seq_len, batch_size)
    state = new_state(n_params, vocab_size, seq_len, ComputeSpec(precision="bfloat16"))
    batches, one = ready(data, batch_size), leg(tmp_path, "one", data, batch_size)

    def bare() -> None:
        for batch in itertools.islice(batches, steps):
            token_losses(state.model, batch).mean().backward()
            torch.nn.utils.clip_grad_norm_(state.model.parameters(), 1.0)
            state.optimizer.step()
            state.optimizer.zero_grad(set_to_none=True)

    def ours() -> None:
        take([state], [one], steps)

    bare(), ours()
    rounds = [(seconds(bare), seconds(ours)) for _ in range(ROUNDS)]
    name = torch.cuda.get_device_name()
    peak = next((flops for card, flops in PEAK.items() if card in name), float("nan"))
    tokens = steps * batch_size * seq_len
    flops = token_flops(choose_shape(n_params, vocab_size), seq_len)
    low, middle, high = np.quantile([a / b for a, b in rounds], (0.25, 0.5, 0.75))
    print(f"\n{name}, bfloat16, {n_params:,} parameters, {batch_size * seq_len:,} tokens a step:")
    for loop, times in zip(("bare", "mixlaw"), zip(*rounds, strict=True), strict=True):
        rate = tokens / np.median(times)
        used = f"{rate * flops:.2e} FLOP/s, {rate * flops / peak:.1%} of the peak"
        print(f"  {loop:6} {rate:12,.0f} tokens/s, {used}")
    print(f"  mixlaw of bare: {middle:.1%} ({low:.1%} to {high:.1%})", flush=True)


def ready(data: MixtureStream, batch_size: int) -> Iterator[torch.Tensor]:
    """Batches cut beforehand and on the device: a bare loop's data cost nothing."""
    cut = [data.batch(k * batch_size, batch_size) for k in range(16)]
    return itertools.cycle([torch.from_numpy(rows).to(device()) for rows in cut])
