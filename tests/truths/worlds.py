"""Worlds: D-CPT truths drawn at random, whose critical ratio, rise and regret are known.

A sweep of a world measures annealed ends alone, with a part of the noise that is shared by all
budgets of a run and a part of each row. The base has none of its own: it is the very checkpoint
that the runs start from, measured on the same windows.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from truths.sweep import Design, simulate_sweep
from truths.truth import Truth, dcpt_truth

TOLERANCE, RISK = 0.03, 0.1
#: Standard deviation in nats: of a whole run, and of each row (the spread between seeds of ordinary
#: sizes lies between .001 and .004).
NOISE_RUN, NOISE_ROW = 0.0015, 0.0015
DESIGN = Design(
    ratios=(0.0, 0.1, 0.25, 0.5, 0.75, 1.0),
    budgets=(1e9, 2e9, 5e9, 1e10),
    checkpoints=0,
    replicated=0,
    seed_std=NOISE_RUN,
    walk_std=0.0,
    row_std=NOISE_ROW,
)


@dataclass(frozen=True)
class World:
    """A truth to compare answers with; ratios, sizes and tokens are scalars here."""

    truth: Truth

    @classmethod
    def draw(cls, rng: np.random.Generator, targets: Iterable[tuple[float, float]]) -> "World":
        """A world whose critical ratio lies between 0.15 and 0.85 at every target (N, D)."""
        targets = list(targets)
        while True:
            common = {"eta": 1.0, "eps": rng.uniform(0.1, 0.3), "gamma": rng.uniform(0.4, 0.9)}
            powers = {"alpha": rng.uniform(0.2, 0.4), "beta": rng.uniform(0.2, 0.4)}
            general = {"E": 1.9, "A": 0.3, "B": 0.1, "C": rng.uniform(0.15, 0.3)}
            domain = {"E": 1.2, "A": 0.2, "B": 0.25, "C": 0.5}
            base = _power(
                general["E"] + rng.uniform(0.2, 0.4),
                general["A"] * rng.uniform(0.95, 1.05),
                powers["alpha"] + rng.uniform(-0.02, 0.02),
            )
            parameters = {
                "domain": {**domain, **common, **powers},
                "general": {**general, **common, **powers},
            }
            world = cls(dcpt_truth(parameters, base=base))
            if all(0.15 < (world.critical(*target) or 0) < 0.85 for target in targets):
                return world

    def loss(self, eval_set: str, N: float, D: float, ratio: float) -> float:
        """Loss without noise."""
        return float(self.truth.loss(eval_set, N, D, ratio)[0])

    def rise(self, N: float, D: float, ratio: float) -> float:
        """Rise of the general loss over the base."""
        return self.loss("general", N, D, ratio) - float(self.truth.base("general", N))

    def critical(self, N: float, D: float) -> float | None:
        """The true critical ratio; None if it is not inside."""
        ends = [self.rise(N, D, ratio) - TOLERANCE for ratio in (0.0, 1.0)]
        if not ends[0] < 0 < ends[1]:
            return None
        return float(brentq(lambda ratio: self.rise(N, D, ratio) - TOLERANCE, 0, 1))

    def regret(self, N: float, D: float, ratio: float) -> float:
        """True regret of a ratio, nats of domain loss."""
        critical = self.critical(N, D)
        lost = self.loss("domain", N, D, ratio) - self.loss("domain", N, D, critical)
        return lost if ratio <= critical else -lost * (1 - RISK) / RISK

    def sweep(self, sizes: tuple[float, ...], rng: np.random.Generator) -> pd.DataFrame:
        """The runs table of a sweep that says no more than it must, runs named by their setting."""
        table = simulate_sweep(self.truth, rng, replace(DESIGN, sizes=sizes))
        table = table.sort_values("n_params", kind="stable", ignore_index=True)
        size = table["n_params"].map("{:g}".format)
        trunk = size + "-" + table["share.domain"].astype(str)
        run = trunk + "-" + table["tokens"].map("{:g}".format)
        frame = table[["n_params", "tokens", "eval_set", "loss"]].assign(
            run_id=run.where(table["tokens"] > 0, "base-" + size),
            domain_ratio=table["share.domain"],
            annealed=True,
            trunk_id=trunk,
        )
        names = ["run_id", "n_params", "tokens", "domain_ratio", "eval_set", "loss", "annealed",
                 "trunk_id"]  # fmt: skip
        return frame[names]


def _power(E, A, alpha):
    """Losses of the bases: a power of the size, whose critical ratio moves with size."""

    def base(eval_set, N):
        return E + A * (np.asarray(N) / 1e9) ** -alpha

    return base
