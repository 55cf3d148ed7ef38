"""Laws that start from what the base model knows, and laws of repeated tokens: known values."""

import numpy as np
import pytest

from mixlaw import laws
from mixlaw.fit.row_fit import Settings, fit_rows
from mixlaw.fit.selection import Rows
from mixlaw.laws._repetition import worth_of_repeats

TRANSFER = {"E": 1.1, "A": 0.3, "B": 0.6, "alpha": 0.2, "beta": 0.25, "eta": 0.7}
RECTIFIED = {
    "E": 1.1, "A": 0.3, "B": 0.6, "alpha": 0.2, "beta": 0.25, "eta": 0.7, "Db": 0.05, "k": 0.3,
}  # fmt: skip
OPTIMUM = {
    "E": 2.4, "A": 0.0, "B": 0.9, "k": 0.02, "alpha": 1.0, "beta": 0.3, "a": 1.1, "c": 0.35,
}  # fmt: skip


def _rows(sizes, budgets, ratios, unique=np.inf):
    N, D, r = (a.ravel() for a in np.meshgrid(sizes, budgets, ratios, indexing="ij"))
    L0 = 2.6 + 0.2 * (N / 1e9) ** -0.2
    return {"N": N, "D": D, "r": r, "L0": L0, "U": np.full(len(N), unique)}


def test_transfer_is_the_base_at_no_tokens_and_at_no_share_and_counts_from_its_tokens():
    law = laws.load("transfer")
    start = _rows([2e8, 3e9], [0.0], [0.0, 0.4, 1.0])
    np.testing.assert_allclose(law.predict(TRANSFER, start), start["L0"], rtol=1e-14)
    without = _rows([2e8, 3e9], [1e8, 1e11], [0.0])
    np.testing.assert_allclose(law.predict(TRANSFER, without), without["L0"], rtol=1e-14)
    x = _rows([2e8, 3e9], [1e8, 1e10], [0.2, 1.0])
    p, floor = TRANSFER, TRANSFER["E"] + TRANSFER["A"] * (x["N"] / 1e9) ** -TRANSFER["alpha"]
    known = ((x["L0"] - floor) / p["B"]) ** (-1 / p["beta"])
    written_out = floor + p["B"] * (x["r"] ** p["eta"] * x["D"] / 1e9 + known) ** -p["beta"]
    np.testing.assert_allclose(law.predict(p, x), written_out, rtol=1e-12)


def test_transfer_where_the_base_is_below_the_floor_stays_at_the_base():
    x = _rows([1e9], [1e8, 1e12], [0.5])
    above = TRANSFER | {"E": 3.0}
    np.testing.assert_array_equal(laws.load("transfer").predict(above, x), x["L0"])


def test_transfer_stays_a_number_where_the_base_knows_next_to_nothing():
    x = _rows([1e9], [1e8, 1e12], [0.5])
    steep = TRANSFER | {"B": 1e-4, "beta": 0.05} | {"E": 1e-3, "A": 0.0}
    loss = laws.load("transfer").predict(steep, x | {"L0": np.full(2, 1e12)})
    assert np.isfinite(loss).all()
    assert (loss < 1e-10 * 1e12).all()


def test_repeats_are_worth_what_the_paper_says():
    """One pass counts in full; with R* = 15.39 four passes count as 3.73, endless ones as 16.39."""
    x = {"r": np.full(4, 0.5), "D": np.array([1.0, 2.0, 8.0, 1e6]), "U": np.ones(4)}
    epochs = worth_of_repeats().value({"Rs": 15.39}, x) * x["r"] * x["D"]
    np.testing.assert_allclose(epochs, [0.5, 1.0, 3.727, 16.39], rtol=1e-3)
    unknown = worth_of_repeats().value({"Rs": 15.39}, {**x, "U": np.full(4, np.inf)})
    np.testing.assert_array_equal(unknown, 1.0)


@pytest.mark.parametrize(
    ("plain", "repeated"), [("rectified", "repeated"), ("dcpt", "dcpt-repeated")]
)
def test_without_repeats_a_repeated_law_is_the_plain_one(plain, repeated):
    params = RECTIFIED | {"C": 0.2, "eps": 0.1, "gamma": 0.6, "Rs": 9.0}
    x = _rows([2e8, 3e9], [1e8, 1e10], [0.2, 1.0])
    one, other = (laws.load(name).predict(params, x) for name in (plain, repeated))
    np.testing.assert_array_equal(one, other)


def test_repeats_put_the_best_domain_share_inside():
    """4B distinct tokens: more of them pays at 4B tokens in all, less than all at 200B."""
    law, shares = laws.load("repeated"), np.linspace(0.01, 1, 100)
    best = {}
    for budget in (4e9, 2e11):
        loss = law.predict(RECTIFIED | {"Rs": 6.0}, _rows([1e9], [budget], shares, unique=4e9))
        best[budget] = shares[loss.argmin()]
    assert best[4e9] == 1.0
    assert 0.05 < best[2e11] < 0.8


def test_a_drifting_optimum_is_predicted_at_a_horizon_that_was_not_run():
    """Four horizons with 0.1% noise; the best share of the fifth is 0.13 away from the fourth's."""
    law, horizons = laws.load("repeated-optimum"), np.array([2e9, 5e9, 1.2e10, 3e10, 7e10])
    known = _rows([1e9], horizons[:4], [0.08, 0.15, 0.3, 0.5, 0.8])
    true = OPTIMUM["a"] * (horizons / 1e9) ** -OPTIMUM["c"]
    for seed in range(5):
        noise = 1 + 1e-3 * np.random.default_rng(seed).standard_normal(20)
        loss = law.predict(OPTIMUM, known) * noise
        fitted = fit_rows(law, Rows(known, loss, np.zeros(20), np.arange(20)))
        p = dict(zip(fitted.names, fitted.parameters(fitted.theta)[0], strict=True))
        assert p["a"] * (horizons[4] / 1e9) ** -p["c"] == pytest.approx(true[4], abs=0.05)


def test_tied_exponents_are_a_switch_and_a_law():
    tied, free = laws.load("chinchilla-tied"), laws.load("chinchilla")
    x = _rows([1e8, 4e8, 2e9], [1e9, 1e10, 1e11], [1.0])
    truth = {"E": 1.8, "A": 0.3, "B": 0.6, "alpha": 0.33}
    rows = Rows(x, tied.predict(truth, x), np.zeros(9), np.arange(9))
    fitted = fit_rows(free, rows, Settings(constraints=("alpha=beta",)))
    p = dict(zip(fitted.names, fitted.parameters(fitted.theta)[0], strict=True))
    assert p["alpha"] == p["beta"] == pytest.approx(0.33, rel=1e-6)
    np.testing.assert_allclose(fitted.predict(x)[0], rows.loss, rtol=1e-9)
    one_size = fit_rows(free, rows.where(x["N"] == 4e8), Settings(constraints=("alpha=beta",)))
    assert one_size.parameters(one_size.theta)[0][-1] == pytest.approx(0.33, rel=1e-6)
