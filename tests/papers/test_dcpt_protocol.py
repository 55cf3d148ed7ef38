"""The D-CPT paper's generalisation tests (its section 4): 36 ratio, 15 domain and 3 size splits.

Its losses are not published, so the protocol runs on a simulated sweep of its shape: 3 sizes, 9
ratios, budgets up to 26B tokens.
"""

from itertools import combinations
from math import comb

import numpy as np
import pytest

from mixlaw import laws
from mixlaw.fit.held_out import Score, forecast
from mixlaw.fit.law_fit import levels
from mixlaw.fit.row_fit import Settings
from mixlaw.fit.selection import Rows
from mixlaw.laws import dcpt

RATIOS = (0.0, 0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 0.9, 1.0)
SIZES = (0.5e9, 1.8e9, 4e9)
#: Made up: the paper publishes no coefficients.
TRUTH = {
    "E": 1.2, "A": 0.35, "B": 0.3, "C": 0.06, "alpha": 0.3, "beta": 0.35, "eta": 0.8, "eps": 0.1,
    "gamma": 0.7,
}  # fmt: skip
NOISE = 1e-3
QUICK = Settings(n_starts=64, n_polish=4)


def _rows():
    tokens = np.geomspace(0.1311e9, 26.2e9, 8)
    N, r, D = (grid.ravel() for grid in np.meshgrid(SIZES, RATIOS, tokens, indexing="ij"))
    x = {"N": N, "D": D, "r": r, "R": r}
    noise = NOISE * np.random.default_rng(0).standard_normal(len(N))
    trunk = np.repeat(np.arange(len(SIZES) * len(RATIOS)), len(tokens))
    return Rows(x, dcpt.LAW.predict(TRUTH, x) * np.exp(noise), np.zeros(len(N)), trunk)


def _leaving_out(values, n):
    """Masks that hold out n of the levels in every possible way."""
    return [np.isin(values, out) for out in combinations(levels(values), n)]


def test_counts_of_the_paper():
    rows = _rows()
    assert len(_leaving_out(rows.x["r"], 2)) == comb(9, 2) == 36
    assert len(_leaving_out(np.arange(6.0), 2)) == comb(6, 4) == 15
    assert len(_leaving_out(rows.x["N"], 1)) == 3


@pytest.mark.parametrize(("name", "n", "at_most"), [("r", 2, 0.003), ("N", 1, 0.01)])
def test_every_split_is_predicted(name, n, at_most):
    rows, law = _rows(), laws.load("dcpt")
    for mask in _leaving_out(rows.x[name], n):
        found = forecast(law, rows, mask, QUICK)
        score = Score.of(found.predicted, found.measured)
        held_out = np.unique(rows.x[name][mask])
        if name == "N" and held_out[0] != max(SIZES):
            # Two sizes left: a law of size says nothing about a smaller or a middle one.
            assert score.n == 0
            continue
        assert score.n == mask.sum()
        if 0.0 not in held_out:
            # The law jumps at share zero, which the others tell nothing about.
            assert score.error < at_most
