"""What a plan costs: tokens, FLOPs, time on this machine, disk."""

import time
from dataclasses import dataclass

import numpy as np

from mixlaw.experiment import Experiment
from mixlaw.rundir.shape import Shape
from mixlaw.rundir.spec import AnySpec, BaseSpec, RunSpec

#: Part of the speed of a small matrix product that a training step reaches (measured at 50k to
#: 200k parameters: 2.7e10 to 3.5e10 FLOP/s of 1.1e11).
EFFICIENCY = 0.3
#: CPU seconds until a worker process has imported torch and transformers.
START_SECONDS = 5.0
#: Bytes a parameter of a checkpoint: a weight and two moments of AdamW, all in float32.
CHECKPOINT_BYTES = 12
#: Checkpoints of one run that are on disk at the same time: of the trunk, of the branch that left
#: it, and the next one while it is being written.
CHECKPOINTS = 3


@dataclass(frozen=True)
class Cost:
    """Cost of one base or run.

    Attributes:
        tokens: trained on.
        flops: of training, estimated from the shape.
        eval_flops: of its evaluations.
        disk: bytes that stay.
        disk_running: bytes on top of these while it is in training.
    """

    tokens: int
    flops: float
    eval_flops: float
    disk: int
    disk_running: int

    @property
    def all_flops(self) -> float:
        """Training and evaluation."""
        return self.flops + self.eval_flops


def cost_of(spec: AnySpec, experiment: Experiment) -> Cost:
    """The cost of training and evaluating one base or run; an existing base is only evaluated."""
    tokens, evaluations = 0, 1
    if isinstance(spec, RunSpec):
        tokens = spec.total_steps * spec.data.step_tokens
        evaluations = len(spec.trunk_points) + len(spec.budgets)
    elif isinstance(spec, BaseSpec):
        tokens = spec.tokens
    held_out = sum(experiment.held_out_tokens().values())
    per_token = token_flops(spec.shape, experiment.training.seq_len)
    records = 300 * evaluations * len(experiment.corpora)
    weights = 4 * spec.shape.n_params_total if isinstance(spec, BaseSpec) else 0
    checkpoint = CHECKPOINT_BYTES * spec.shape.n_params_total if tokens else 0
    return Cost(
        tokens=tokens,
        flops=tokens * per_token,
        eval_flops=evaluations * held_out * per_token / 3,
        disk=records + weights,
        disk_running=CHECKPOINTS * checkpoint,
    )


def token_flops(shape: Shape, seq_len: int) -> float:
    """Training FLOPs a token: six per parameter that is multiplied, and the attention scores.

    What gradient checkpointing computes twice counts once, here and in ``executor.speed``.
    """
    multiplied = shape.n_params + shape.vocab_size * shape.width
    attention = 12 * shape.n_layers * shape.attention_width * seq_len
    return float(6 * multiplied + attention)


def run_speed(experiment: Experiment) -> float:
    """FLOP/s that one run trains with: its GPUs together, or one core of this machine."""
    executor = experiment.executor
    return (executor.speed or measure_speed()) * max(1, executor.gpus_per_run)


def measure_speed() -> float:
    """FLOP/s that one core of this machine trains proxies with; takes a tenth of a second."""
    matrix = np.ones((96, 96), dtype=np.float32)
    product = np.empty_like(matrix)
    done, start = 0, time.process_time()
    while (elapsed := time.process_time() - start) < 0.1:
        np.matmul(matrix, matrix, out=product)
        done += 1
    return EFFICIENCY * done * 2 * 96**3 / elapsed
