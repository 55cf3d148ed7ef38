"""Truths of repeated domain data: two corpora, runs of several horizons on the same few tokens."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar

from mixlaw import laws
from mixlaw.runs.table import validate_runs

#: One model size, four horizons that are run, and the fifth, which is asked about.
SIZE = 3.8e9
HORIZONS, HELD_OUT = (2.5e9, 5e9, 10e9, 20e9), 40e9
RATIOS = (0.1, 0.2, 0.3, 0.45, 0.6, 0.8)
#: Distinct domain tokens of all runs: up to 16 passes at the fourth horizon.
UNIQUE = 1e9

#: Parameters of the domain loss whose best share falls from two thirds to a third.
DOMAIN = {
    "repeated-optimum": {"E": 1.8, "A": 0.0, "B": 0.9, "k": 0.05, "alpha": 1.0, "beta": 0.3,
                         "a": 0.97, "c": 0.3},
    "repeated": {"E": 1.6, "A": 0.0, "B": 0.9, "alpha": 1.0, "beta": 0.35, "eta": 0.5, "Db": 0.3,
                 "k": 0.0, "Rs": 7.0},
}  # fmt: skip
GENERAL = {"E": 1.9, "A": 0.0, "B": 0.2, "C": 0.05, "alpha": 1.0, "beta": 0.3, "eta": 0.4,
           "eps": 0.1, "gamma": 0.6}  # fmt: skip


def domain_loss(law: str, tokens: np.ndarray, ratio: np.ndarray, unique: float = UNIQUE):
    """The true domain loss, nats per token."""
    tokens, ratio = np.broadcast_arrays(np.atleast_1d(tokens) * 1.0, np.atleast_1d(ratio) * 1.0)
    size = np.full(tokens.shape, SIZE)
    x = {"N": size, "D": tokens, "r": ratio, "U": np.full(tokens.shape, unique)}
    return laws.load(law).predict(DOMAIN[law], x)


def best_share(law: str, tokens: float, unique: float = UNIQUE) -> float:
    """The share of the least true domain loss."""
    return float(
        minimize_scalar(
            lambda ratio: domain_loss(law, tokens, ratio, unique)[0],
            bounds=(0.01, 1.0),
            method="bounded",
        ).x
    )


def repeating_runs(
    law: str,
    rng: np.random.Generator,
    horizons: Sequence[float] = HORIZONS,
    noise: float = 0.002,
) -> pd.DataFrame:
    """A runs table of this truth: every ratio at every horizon, with the noise of a run in nats."""
    tokens, ratio = (a.ravel() for a in np.meshgrid(horizons, RATIOS, indexing="ij"))
    x = {"N": np.full(len(tokens), SIZE), "D": tokens, "r": 1 - ratio}
    losses = {
        "domain": domain_loss(law, tokens, ratio),
        "general": laws.load("dcpt").predict(GENERAL, x),
    }
    frames = [
        pd.DataFrame(
            {
                "run_id": [f"d{t / 1e9:g}-r{r:g}" for t, r in zip(tokens, ratio, strict=True)],
                "n_params": SIZE,
                "tokens": tokens,
                "eval_set": eval_set,
                "domain_ratio": ratio,
                "loss": loss + rng.normal(0, noise, len(loss)),
                "annealed": True,
                "unique_tokens.domain": UNIQUE,
            }
        )
        for eval_set, loss in losses.items()
    ]
    return validate_runs(pd.concat(frames, ignore_index=True))
