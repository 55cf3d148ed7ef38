"""The first rows of the target run recalibrate: level from the shift, shape from the weights."""

import numpy as np
import pandas as pd
import pytest

from mixlaw.errors import DataError
from mixlaw.recommend.api import recommend_ratio

TARGET = {"n_params": 8e9, "tokens": 2e10, "max_general_rise": 0.05}
TOKENS = (2e8, 4e8, 8e8)
RATIO = 0.3


def rows(fit, level=0.0, base_level=0.0, base=True, n_params=8e9):
    """Rows of a target run whose general loss lies off the law by a level."""
    shares = {"domain": [RATIO], "general": [1 - RATIO]}
    found = []
    if base:
        loss = fit.base("general", n_params).estimate[0] + base_level
        found.append(("target", n_params, 0.0, np.nan, "general", loss))
    for tokens in TOKENS:
        for name in ("general", "domain"):
            loss = fit.predict(name, n_params, tokens, shares).estimate[0]
            loss += level if name == "general" else 0.0
            found.append(("target", n_params, tokens, RATIO, name, loss))
    names = ["run_id", "n_params", "tokens", "domain_ratio", "eval_set", "loss"]
    return pd.DataFrame(found, columns=names)


def test_rows_on_the_law_narrow_the_interval_and_keep_the_estimate(build):
    fit = build(noise=0.02)
    plain = recommend_ratio(fit, **TARGET)
    seen = recommend_ratio(fit, **TARGET, observed=rows(fit))
    assert seen.estimate == pytest.approx(plain.estimate, abs=1e-6)
    assert any("observed rows are annealed" in text for text in seen.assumptions)
    assert np.ptp(seen.interval) < 0.7 * np.ptp(plain.interval)
    assert seen.recommended > plain.recommended


def test_a_level_shared_with_the_base_leaves_the_ratio(build):
    fit = build(noise=0.02)
    seen = recommend_ratio(fit, **TARGET, observed=rows(fit, level=0.1, base_level=0.1))
    assert seen.estimate == pytest.approx(recommend_ratio(fit, **TARGET).estimate, abs=1e-3)


def test_a_run_above_the_law_lowers_the_ratio(build):
    fit = build(noise=0.02)
    seen = recommend_ratio(fit, **TARGET, observed=rows(fit, level=0.03))
    moved = recommend_ratio(fit, **{**TARGET, "max_general_rise": 0.02})
    assert seen.estimate == pytest.approx(moved.estimate, abs=1e-6)


def test_shape_that_disagrees_reweighs_the_draws(build):
    fit = build(noise=0.02)
    frame = rows(fit)
    draw = 7
    shares = {"domain": [RATIO], "general": [1 - RATIO]}
    for i, row in frame.iterrows():
        if row["tokens"] > 0:
            prediction = fit.predict(row["eval_set"], 8e9, row["tokens"], shares)
            frame.loc[i, "loss"] = prediction.draws[draw, 0]
    seen = recommend_ratio(fit, **TARGET, observed=frame)
    assert seen.feasible is not None
    assert np.ptp(seen.interval) < np.ptp(recommend_ratio(fit, **TARGET).interval)


def test_given_base_loss_stands_in_for_the_base_row(build):
    fit = build()
    base = fit.base("general", 8e9).estimate[0]
    frame = rows(fit, base=False)
    seen = recommend_ratio(fit, **TARGET, observed=frame, base_general_loss=base)
    assert seen.estimate == pytest.approx(recommend_ratio(fit, **TARGET).estimate, abs=1e-6)
    with pytest.raises(DataError, match="tokens = 0"):
        recommend_ratio(fit, **TARGET, observed=frame)


def test_rows_of_another_model_or_of_nothing(build):
    fit = build()
    with pytest.raises(DataError, match="target run itself"):
        recommend_ratio(fit, **TARGET, observed=rows(fit, n_params=1e9))
    with pytest.raises(DataError, match="no rows after tokens = 0"):
        recommend_ratio(fit, **TARGET, observed=rows(fit).query("tokens == 0"))


def test_a_run_that_has_not_decayed_says_nothing_to_a_law_of_annealed_losses(build):
    fit = build(noise=0.02)
    frame = rows(fit)
    with pytest.raises(DataError, match="trunk rows, and the fit describes annealed rows"):
        recommend_ratio(fit, **TARGET, observed=frame.assign(annealed=False))
    # A decay branch among the trunk rows is what counts.
    branch = frame[frame["tokens"].isin([0, TOKENS[-1]])].assign(annealed=True, run_id="branch")
    trunk = frame.assign(annealed=False, loss=frame["loss"] + 0.2 * (frame["tokens"] > 0))
    both = pd.concat([branch, trunk[trunk["tokens"] > 0]])
    seen = recommend_ratio(fit, **TARGET, observed=both)
    assert seen.estimate == recommend_ratio(fit, **TARGET, observed=branch).estimate
