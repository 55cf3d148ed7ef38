"""What each status looks like, from rows that have just that trouble."""

import numpy as np
import pytest
from truths.parameters import CORPORA, typical
from truths.rows import grid, rows_of

from mixlaw import laws
from mixlaw.fit.diagnostics import default_target, of_fit, of_forecasts, ordered
from mixlaw.fit.held_out import Forecast
from mixlaw.fit.law_fit import fit_law
from mixlaw.fit.selection import Rows, Selection
from mixlaw.fit.shapes import rising_groups, violations, without_rising_edges
from mixlaw.laws import Claim

DCPT = laws.load("dcpt")


#: Falls with size, tokens and share everywhere on the grid.
TRUTH = typical(DCPT) | {"B": 0.1, "C": 0.3, "eta": 0.4}


def _codes(rows, law=DCPT, target=()):
    """Messages by code."""
    found = of_fit(fit_law(law, rows), rows, "domain", default_target(rows, dict(target)))
    return {s.code: " | ".join(f.message for f in found if f.code == s.code) for s in found}


def _rows(seed=0, noise=0.001, truth=None, **design):
    x, trunk = grid(**design)
    loss = DCPT.predict(TRUTH | (truth or {}), x)
    shake = noise * np.random.default_rng(seed).standard_normal(len(loss))
    return rows_of(loss * np.exp(shake), x, trunk)


def test_a_clean_sweep_has_no_status():
    assert _codes(_rows(noise=1e-4)) == {}


def test_one_size():
    codes = _codes(_rows(sizes=(1e8,), noise=1e-4))
    assert set(codes) == {"no-size-information", "too-few-levels"}
    assert "only the size 100M" in codes["no-size-information"]
    assert codes["too-few-levels"] == "size takes a single level, so A, alpha are held (at 100M)"


def test_two_sizes_are_two_slices():
    rows = _rows(sizes=(1e8, 4e8), noise=1e-4)
    assert [part.size for part in fit_law(DCPT, rows).parts] == [1e8, 4e8]
    assert "100M and 400M" in _codes(rows)["no-size-information"]


def test_few_ratios():
    codes = _codes(_rows(ratios=(0.2, 0.8), noise=1e-4))
    assert "only 2 levels of its share" in codes["too-few-levels"]


def test_losses_beyond_any_law_leave_nothing_to_tell_apart():
    """Every parameter ends at a bound: there is no direction left to be badly conditioned."""
    x, trunk = grid()
    rows = rows_of(np.full(len(trunk), 1e300), x, trunk)
    codes = _codes(rows)
    assert "at-bound" in codes
    assert "not-identified" not in codes


def test_at_bound():
    codes = _codes(_rows(truth={"eta": 0.0, "A": 0.0}, noise=0.002))
    assert "ends at its lower bound 0" in codes["at-bound"]


def test_not_identified_where_tokens_are_tied_to_the_share():
    """With D a function of r alone, nothing tells the data term from the share term."""
    x, trunk = grid(budgets=(1.0,))
    x["D"] = 5e8 / x["r"]
    codes = _codes(rows_of(DCPT.predict(TRUTH, x), x, trunk))
    assert "read curves and ratios, not these parameters" in codes["not-identified"]


def test_a_loss_that_rises_with_tokens():
    rows = _rows(noise=1e-4)
    low = rows.x["r"] < 0.1
    rising = rows.loss * np.where(low, (rows.x["D"] / 1e8) ** 0.1, 1.0)
    codes = _codes(Rows(rows.x, rising, rows.loss_se, rows.trunk))
    assert "rises with tokens in 4 of 24 comparable groups" in codes["shape-violated"]


def test_misfit_against_replicates():
    rows = _rows(noise=1e-4)
    twin = _rows(seed=1, noise=1e-4)
    twin = Rows(rows.x, twin.loss, rows.loss_se, rows.trunk + rows.trunk.max() + 1)
    both = Rows(
        {n: np.concatenate([v, v], axis=-1) for n, v in rows.x.items()},
        np.concatenate([rows.loss, twin.loss]),
        np.concatenate([rows.loss_se, twin.loss_se]),
        np.concatenate([rows.trunk, twin.trunk]),
    )
    assert "lack-of-fit" not in _codes(both)
    wave = 1 + 0.01 * np.sin(9 * both.x["r"]) * np.log(both.x["D"] / 1e9)
    codes = _codes(Rows(both.x, both.loss * wave, both.loss_se, both.trunk))
    assert "times the noise between seeds" in codes["lack-of-fit"]


def test_losses_that_nothing_explains():
    """Chance alone; the same chance around a law is explained by all but its size."""
    x, trunk = grid()
    chance = np.random.default_rng(0).normal(0, 0.2, len(trunk))
    codes = _codes(rows_of(3 * np.exp(chance), x, trunk))
    assert "no closer to the losses than a single number" in codes["explains-nothing"]
    assert "explains-nothing" not in _codes(_rows(noise=0.05))


def test_several_basins_are_counted_with_their_spread():
    """Two budgets fix the data term at both and leave a family of laws for every other."""
    law = laws.load("chinchilla")
    x, trunk = grid(ratios=(0.5,), budgets=(1e9, 4e9))
    rows = rows_of(DCPT.predict(TRUTH, x), x, trunk)
    assert "several-basins" not in _codes(rows, law)
    codes = _codes(rows, law, target={"tokens": 1e12})
    assert "optima within 1% of the best differ by" in codes["several-basins"]


def test_the_fitted_curve_is_checked_against_the_shape_it_should_have():
    x, trunk = grid()
    rising = 2 + 0.2 / (x["N"] / 1e9) ** 0.3 + 0.3 * x["r"] ** 2 / (x["D"] / 1e9) ** 0.3
    codes = _codes(rows_of(rising, x, trunk))
    assert "the fitted curve rises with its share by up to" in codes["shape-violated"]


def test_worst_first_and_once():
    rows = _rows(sizes=(1e8,), ratios=(0.2, 0.8))
    fit = fit_law(DCPT, rows)
    found = of_fit(fit, rows, "domain", default_target(rows, {}))
    codes = [s.code for s in ordered([*found, *found])]
    assert codes[0] in {"not-identified", "no-size-information"}
    assert len(codes) == len(set(found))
    assert codes.index("no-size-information") < codes.index("too-few-levels")


@pytest.mark.parametrize("name", ["N", "D"])
def test_target_is_the_largest_setting_unless_given(name):
    rows = _rows()
    key = {"N": "n_params", "D": "tokens"}[name]
    assert default_target(rows, {})[name][0] == rows.x[name].max()
    assert default_target(rows, {key: 8e9})[name][0] == 8e9


def test_noise_alone_is_no_rise():
    """Flat in tokens at share 0 and noisy: neither a violation nor a row left out."""
    x, trunk = grid(ratios=(0.0, 0.2, 0.5, 0.8), budgets=np.geomspace(1e8, 1e10, 20))
    x = {n: np.concatenate([v, v], axis=-1) for n, v in x.items()}
    trunk = np.concatenate([trunk, trunk + trunk.max() + 1])
    noise = 0.002 * np.random.default_rng(1).standard_normal(len(trunk))
    rows = rows_of(DCPT.predict(TRUTH, x) * np.exp(noise), x, trunk)
    assert violations(DCPT, rows) == []
    assert not rising_groups(rows, Claim("decreasing", "D")).any()


def test_rows_without_the_own_corpus_that_rise_with_tokens_are_left_out_by_its_name():
    x, trunk = grid(ratios=(0.0, 0.2, 0.5, 0.8))
    rising = np.where(x["r"] == 0, 0.01 * np.log(x["D"] / 1e8), 0)
    rows = rows_of(DCPT.predict(TRUTH, x) * np.exp(rising), x, trunk)
    names = tuple(map(str, range(trunk.max() + 1)))
    selection = Selection({"code": rows}, {}, names, CORPORA, ("domain",), {"code": "domain"})
    kept = without_rising_edges(selection, DCPT)
    assert kept.rows["code"].x["r"].min() == 0.2
    reason = "without domain and rising with tokens, which dcpt cannot do"
    assert kept.left_out == {reason: len(rows) - len(kept.rows["code"])}
    (status,) = kept.statuses
    assert status.message.startswith("28 rows without domain rise with tokens and were left out")
    assert without_rising_edges(kept, DCPT) == kept


def test_held_out_rows_missed_by_more_than_a_single_number_are_a_status():
    rows = _rows(noise=1e-4)
    mask = rows.x["r"] == rows.x["r"].min()
    measured = rows.loss[mask]

    def codes(factor):
        forecast = Forecast(mask, factor * measured, measured)
        return of_forecasts(rows, {"lowest-ratio": forecast}, "domain", "dcpt")

    [failed] = codes(2.32)
    assert failed.code == "held-out-failed"
    assert "held-out rows (lowest-ratio) the fit misses by 132%, and a single number by" in (
        failed.message
    )
    assert codes(1.05) == []
    assert codes(np.nan) == []
