"""A law that the runs suggest for the domain loss, held against the forward test after the fact.

``python experiments/transfer_law.py FOLDER`` fits, to the same known rows as the forward test,

    L(N, D, r) = F(N) + B (r^η D + D_b)^-β,   F(N) = E + A/N^α,   F(N) + B D_b^-β = L0(N)

and writes its errors at the largest size to ``transfer_law.csv``. D_b is what the base is worth in
domain tokens: the "effective data transferred" of Hernandez et al. (2021, arXiv 2102.01293), read
off the base's own loss L0. It was thought of after the runs of the smaller sizes and fitted
without those of the largest, but its forecast was not committed before: evidence for a next
experiment, not of this one.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from forward_test import annealed, bases, known_part, measured_losses
from numpy.typing import NDArray
from scipy.optimize import least_squares

from mixlaw import read_runs

Array = NDArray[np.float64]

#: Boxes of the starts of log E, log A, alpha, log B, beta, eta (N in 100k, D in millions).
STARTS = ((-2, 1), (-2, 1.5), (0.05, 0.6), (-1, 1), (0.05, 0.5), (0.5, 1.2))
N_STARTS = 30
#: Width of the Huber loss on log residuals: about the spread between seeds.
DELTA = 0.003


def predict(theta: Array, x: dict[str, Array]) -> Array:
    """Domain loss by the law."""
    floor = np.exp(theta[0]) + np.exp(theta[1]) * x["N"] ** -theta[2]
    gain, beta, eta = np.exp(theta[3]), theta[4], theta[5]
    transferred = (np.maximum(x["L0"] - floor, 1e-6) / gain) ** (-1 / beta)
    return floor + gain * (x["r"] ** eta * x["D"] + transferred) ** -beta


def fit(x: dict[str, Array], loss: Array) -> Array:
    """The best of several searches."""
    random = np.random.default_rng(0)
    found = []
    for _ in range(N_STARTS):
        start = np.array([random.uniform(*box) for box in STARTS])
        with np.errstate(all="ignore"):
            found.append(
                least_squares(
                    lambda theta: np.nan_to_num(np.log(predict(theta, x) / loss), nan=9.0),
                    start,
                    loss="huber",
                    f_scale=DELTA,
                )
            )
    return min(found, key=lambda solution: solution.cost).x


def inputs(rows: pd.DataFrame, base: pd.DataFrame) -> dict[str, Array]:
    """Inputs of the law for annealed domain losses."""
    return {
        "N": rows["n_params"].to_numpy(float) / 1e5,
        "D": rows["tokens"].to_numpy(float) / 1e6,
        "r": rows["domain_ratio"].to_numpy(float),
        "L0": base.loc[rows["n_params"], "domain"].to_numpy(float),
    }


def main(folder: Path) -> None:
    """Fit, predict, score."""
    runs = read_runs(folder / "runs.csv")
    base, size = bases(runs), float(runs["n_params"].max())
    longest = runs["tokens"].max()
    known = annealed(known_part(runs, size, longest)).query("eval_set == 'domain'")
    wanted = measured_losses(runs, size).query("eval_set == 'domain'")
    theta = fit(inputs(known, base), known["loss"].to_numpy())
    relative = predict(theta, inputs(wanted, base)) / wanted["loss"] - 1
    budget = np.where(wanted["tokens"] < longest, "seen", "longest")
    table = relative.groupby(budget).agg(error=lambda e: e.abs().mean(), bias="mean", n="size")
    names = ["E", "A", "alpha", "B", "beta", "eta"]
    values = np.where([n in "EAB" for n in names], np.exp(theta), theta)
    table = (
        table.rename_axis("budget").reset_index().assign(**dict(zip(names, values, strict=True)))
    )
    table.to_csv(folder / "transfer_law.csv", index=False, float_format="%.4g")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
