"""What a plan costs: tokens, FLOPs, time on this machine, disk."""

import time
from dataclasses import dataclass

import numpy as np

from mixlaw.experiment import Experiment
from mixlaw.train.shape import ModelShape
from mixlaw.train.spec import BaseSpec, RunSpec

#: Part of the speed of a small matrix product that a training step reaches (measured at 50k to
#: 200k parameters: 2.7e10 to 3.5e10 FLOP/s of 1.1e11).
EFFICIENCY = 0.3
#: CPU seconds until a worker process has imported torch and transformers.
START_SECONDS = 5.0


@dataclass(frozen=True)
class Cost:
    """Cost of one base or run.

    Attributes:
        tokens: trained on.
        flops: of training, estimated from the shape.
        eval_flops: of its evaluations.
        disk: bytes that stay.
    """

    tokens: int
    flops: float
    eval_flops: float
    disk: int

    @property
    def all_flops(self) -> float:
        """Training and evaluation."""
        return self.flops + self.eval_flops


def cost_of(spec: BaseSpec | RunSpec, experiment: Experiment) -> Cost:
    """The cost of training and evaluating one base or run."""
    if isinstance(spec, RunSpec):
        steps, evaluations = spec.total_steps, len(spec.trunk_points) + len(spec.budgets)
    else:
        steps, evaluations = spec.steps, 1
    held_out = sum(experiment.held_out_tokens().values())
    per_token = token_flops(spec.shape, spec.data.seq_len)
    tokens = steps * spec.data.step_tokens
    records = 300 * evaluations * len(experiment.corpora)
    weights = 0 if isinstance(spec, RunSpec) else 4 * spec.shape.n_params_total
    return Cost(
        tokens, tokens * per_token, evaluations * held_out * per_token / 3, records + weights
    )


def token_flops(shape: ModelShape, seq_len: int) -> float:
    """Training FLOPs a token: six per parameter that is multiplied, and the attention scores."""
    multiplied = shape.n_params + shape.vocab_size * shape.width
    attention = 12 * shape.n_layers * shape.width * seq_len
    return float(6 * multiplied + attention)


def measure_speed() -> float:
    """FLOP/s that one core of this machine trains proxies with; takes a tenth of a second."""
    matrix = np.ones((96, 96), dtype=np.float32)
    product = np.empty_like(matrix)
    done, start = 0, time.process_time()
    while (elapsed := time.process_time() - start) < 0.1:
        np.matmul(matrix, matrix, out=product)
        done += 1
    return EFFICIENCY * done * 2 * 96**3 / elapsed
