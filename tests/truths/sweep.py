"""Simulated sweeps of a truth: a grid of sizes, ratios and budgets, trunks and branches.

Noise is that of real sweeps: every trunk has its own offset, its checkpoints wander around it, and
its branches inherit it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from mixlaw.runs.table import validate_runs
from truths.truth import EVAL_SETS, Truth

#: Bytes a token of either eval set carries.
BYTES_PER_TOKEN = {"domain": 3.1, "general": 4.4}


@dataclass(frozen=True)
class Design:
    """Which runs a simulated sweep has, and how noisy they are.

    Attributes:
        sizes: non-embedding parameters.
        ratios: domain ratios.
        budgets: branch lengths in tokens; the longest is the trunk's.
        checkpoints: trunk evaluations, log-spaced up to the longest budget; 0 for branches alone.
        replicated: number of ratios, from the first, that have a second seed at every size.
        seed_std: sd of a trunk's offset, nats.
        walk_std: sd of a checkpoint around its trunk, nats; neighbours are correlated.
        row_std: sd of a single evaluation, nats.
        anneal_gain: how much lower an annealed loss is, nats.
    """

    sizes: Sequence[float] = (60e6, 120e6, 240e6, 480e6)
    ratios: Sequence[float] = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
    budgets: Sequence[float] = (2e9, 4e9, 8e9)
    checkpoints: int = 8
    replicated: int = 2
    seed_std: float = 0.003
    walk_std: float = 0.002
    row_std: float = 0.0005
    anneal_gain: float = 0.05


def simulate_sweep(
    truth: Truth, rng: np.random.Generator, design: Design = Design()
) -> pd.DataFrame:
    """A validated runs table of this design, with every column that a careful sweep fills."""
    runs = [
        _run(truth, rng, design, size, ratio, seed, f"n{n}-r{k}-s{seed}")
        for (n, size), (k, ratio) in product(enumerate(design.sizes), enumerate(design.ratios))
        for seed in range(2 if k < design.replicated else 1)
    ]
    trained = _trained(pd.DataFrame({c: np.concatenate([run[c] for run in runs]) for c in runs[0]}))
    return validate_runs(pd.concat([_base_rows(truth, design), trained], ignore_index=True))


def _run(truth, rng, design, size, ratio, seed, name) -> dict[str, np.ndarray]:
    """One trunk and its branches, both eval sets: columns of equal length."""
    longest = max(design.budgets)
    trunk_tokens = np.geomspace(longest / 100, longest, design.checkpoints).round()
    tokens = np.concatenate([trunk_tokens, design.budgets])
    annealed = np.arange(len(tokens)) >= design.checkpoints
    run_id = [name] * design.checkpoints + [f"{name}-b{b:.0f}" for b in design.budgets]
    step = np.where(annealed, 0.0 if not truth.trajectory else -design.anneal_gain,
                    design.anneal_gain if not truth.trajectory else 0.0)  # fmt: skip
    losses = []
    for eval_set in EVAL_SETS:
        noise = _noise(rng, design, np.log(tokens))
        losses.append(truth.loss(eval_set, size, tokens, np.float64(ratio)) + step + noise)
    n, twice = len(tokens), len(EVAL_SETS)
    return {
        "run_id": np.tile(np.array(run_id, dtype=object), twice),
        "tokens": np.tile(tokens, twice),
        "annealed": np.tile(annealed, twice),
        "token_budget": np.tile(np.where(annealed, tokens, longest), twice),
        "eval_set": np.repeat(np.array(EVAL_SETS, dtype=object), n),
        "loss": np.concatenate(losses),
        "n_params": np.full(twice * n, size),
        "domain_ratio": np.full(twice * n, ratio),
        "seed": np.full(twice * n, seed),
        "trunk_id": np.full(twice * n, name, dtype=object),
    }


def _trained(frame: pd.DataFrame) -> pd.DataFrame:
    """The same columns beside what all runs share."""
    wsd = {"kind": "wsd", "peak": 3e-4, "final": 0.0}
    return frame.assign(
        recipe="simulated",
        schedule=[
            json.dumps({**wsd, "decay_start_tokens": 0.8 * budget}) if end
            else json.dumps({"kind": "constant", "peak": 3e-4})
            for end, budget in zip(frame["annealed"], frame["token_budget"], strict=True)
        ],
        lr_peak=3e-4, lr_rule="constant", batch_tokens=1e6, base_tokens=20 * frame["n_params"],
        eval_tokens=1e6, metric_version="1", tokenizer="t0", loss_se=0.0005,
        bpb=frame["loss"] / (np.log(2) * frame["eval_set"].map(BYTES_PER_TOKEN)),
        **{"unique_tokens.domain": 1e11},
    )  # fmt: skip


def _noise(rng: np.random.Generator, design: Design, log_tokens: np.ndarray) -> np.ndarray:
    """A trunk's offset, a walk correlated over about one e-fold of tokens, and single errors."""
    walk: np.ndarray | float = 0.0
    if design.walk_std:
        distance = np.abs(log_tokens[:, None] - log_tokens[None, :])
        walk = rng.multivariate_normal(np.zeros(len(log_tokens)), np.exp(-distance), method="eigh")
    return (
        rng.normal(0, design.seed_std)
        + design.walk_std * walk
        + rng.normal(0, design.row_std, len(log_tokens))
    )


def _base_rows(truth: Truth, design: Design) -> pd.DataFrame:
    sizes = np.asarray(design.sizes, dtype=float)
    frames = [
        pd.DataFrame({"run_id": [f"base-n{n}" for n in range(len(sizes))], "n_params": sizes,
                      "eval_set": eval_set, "loss": truth.base(eval_set, sizes)})
        for eval_set in EVAL_SETS
    ]  # fmt: skip
    frame = pd.concat(frames)
    return frame.assign(
        tokens=0.0, annealed=True, base_tokens=20 * frame["n_params"], eval_tokens=1e6,
        metric_version="1", tokenizer="t0", recipe="simulated", loss_se=0.0005,
        bpb=frame["loss"] / (np.log(2) * frame["eval_set"].map(BYTES_PER_TOKEN)),
    )  # fmt: skip
