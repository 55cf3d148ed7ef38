"""``next-smaller-size``: the look-up, by hand."""

import numpy as np
from truths.rows import grid, rows_of

from mixlaw import laws
from mixlaw.fit import held_out
from mixlaw.fit.held_out import next_smaller_size
from mixlaw.fit.selection import Rows


def _rows(sizes, tokens, shares, losses):
    h = np.array([shares, 1 - np.array(shares)])
    x = {"N": np.array(sizes, dtype=float), "D": np.array(tokens, dtype=float), "h": h, "R": h[0]}
    return Rows(x, np.array(losses, dtype=float), np.zeros(len(losses)), np.arange(len(losses)))


KNOWN = _rows(
    [1e8, 1e8, 2e8, 2e8, 2e8], [1e9, 4e9, 1e9, 4e9, 4e9], [0.3, 0.3, 0.3, 0.3, 0.7],
    [4.0, 3.6, 3.5, 3.1, 2.9],
)  # fmt: skip


def test_interpolates_in_log_tokens_at_the_next_smaller_size():
    found = next_smaller_size(KNOWN, _rows([4e8], [2e9], [0.3], [0.0]))
    np.testing.assert_allclose(found.loss, [3.3])
    assert not found.nearest.any()


def test_the_mixture_must_be_the_same():
    found = next_smaller_size(KNOWN, _rows([4e8, 4e8], [4e9, 4e9], [0.7, 0.5], [0.0, 0.0]))
    np.testing.assert_allclose(found.loss, [2.9, np.nan])


def test_a_budget_out_of_reach_takes_the_nearest_and_says_so():
    found = next_smaller_size(KNOWN, _rows([2e8, 1e8], [9e9, 9e9], [0.3, 0.3], [0.0, 0.0]))
    np.testing.assert_allclose(found.loss, [3.6, 3.6])
    assert found.nearest.all()


def _held_out(law, rows):
    return held_out.held_out(held_out.forecasts(law, rows))


def test_splits_are_extrapolations():
    x, trunk = grid(sizes=(1e8, 2e8, 4e8), ratios=(0.1, 0.5, 0.9), budgets=(1e9, 2e9, 8e9))
    splits = held_out.splits(rows_of(np.ones(27), x, trunk))
    assert set(x["N"][splits["largest-size"]]) == {4e8}
    assert set(x["D"][splits["longest-budget"]]) == {8e9}
    assert set(x["R"][splits["highest-ratio"]]) == {0.9}
    assert set(x["R"][splits["lowest-ratio"]]) == {0.1}


def test_the_right_law_beats_the_look_up():
    law = laws.load("chinchilla")
    x, trunk = grid(sizes=(1e8, 2e8, 4e8, 8e8))
    rows = rows_of(1.7 + 400 / x["N"] ** 0.34 + 410 / x["D"] ** 0.28, x, trunk)
    ours, naive = _held_out(law, rows), held_out.baseline(rows)
    for split in ("largest-size", "longest-budget"):
        assert ours[split].error < 1e-6
        assert naive[split].bias > 0.01


def test_two_sizes_left_hold_the_exponent_of_size_and_say_so():
    law = laws.load("dcpt")
    x, trunk = grid(sizes=(1e8, 2e8, 4e8))
    loss = 1.5 + 0.3 / (x["N"] / 1e9) ** 0.3 + 0.2 / (x["D"] / 1e9) ** 0.3
    loss += 0.05 / (x["r"] + 0.1)
    score = _held_out(law, rows_of(loss, x, trunk))["largest-size"]
    assert score.note == "two sizes left: alpha held at 0.22"
    assert 0 < score.error < 0.02


def test_one_size_left_gives_no_number():
    law = laws.load("dcpt")
    x, trunk = grid(sizes=(1e8, 2e8))
    loss = 1.5 + 0.3 / (x["N"] / 1e9) ** 0.3 + 0.2 / (x["D"] / 1e9) ** 0.3
    loss += 0.05 / (x["r"] + 0.1)
    score = _held_out(law, rows_of(loss, x, trunk))["largest-size"]
    assert (score.n, score.note) == (0, "the sizes left do not reach this one")
