"""A saved fit: whole, open, and readable by later versions."""

import json
from pathlib import Path

import numpy as np
import pytest

from mixlaw.errors import FitError, NotIdentifiedError
from mixlaw.recommend.api import recommend_ratio
from mixlaw.result.fit_result import FitResult
from mixlaw.result.types import Member

SHARES = {"domain": 0.3, "general": 0.7}
NAMES = ("E", "A", "B", "C", "alpha", "beta", "eta", "eps", "gamma")
VALUES = np.array([1.5, 0.3, 0.2, 0.25, 0.4, 0.3, 1.5, 0.1, 0.6])


def _member(size=None, tokens=None, weight=1.0, law="dcpt", shift=0.0, noise=0.01):
    draws = VALUES * (1 + noise * np.random.default_rng(0).standard_normal((40, 9)))
    moved = shift * (np.array(NAMES) == "E")
    return Member(law, NAMES, VALUES + moved, draws + moved, size, tokens, weight)


def _fit(*members, base=()):
    return FitResult(
        law="dcpt",
        eval_sets=("domain", "general"),
        domain_set="domain",
        general_set="general",
        corpora=("domain", "general"),
        domain_corpora=("domain",),
        own={},
        stack={"domain": members, "general": members},
        base_stack={"domain": tuple(base), "general": tuple(base)},
        ranges={"n_params": (1e8, 4e8), "tokens": (1e9, 1e10)},
        levels={"n_params": [1e8, 4e8], "tokens": [1e9, 1e10]},
        seed_std={"domain": float("nan")},
    )


def test_a_fit_loads_as_it_was_saved(tmp_path):
    fit = _fit(_member())
    fit.save(tmp_path)
    again = FitResult.load(tmp_path)
    one, two = (f.predict("general", 1.8e9, 1e10, SHARES) for f in (fit, again))
    np.testing.assert_array_equal(one.draws, two.draws)
    assert one.estimate == pytest.approx(two.estimate, rel=0, abs=0)
    assert again.ranges == fit.ranges
    assert again.eval_sets == fit.eval_sets


def test_parameters_are_written_in_full_precision_and_nothing_is_not_json(tmp_path):
    _fit(_member()).save(tmp_path)
    content = json.loads((tmp_path / "fit.json").read_text())
    assert content["schema"] == "mixlaw.fit/1"
    assert content["members"]["general"][0]["parameters"] == dict(zip(NAMES, VALUES, strict=True))
    assert content["seed_std"]["domain"] is None


def test_later_versions_may_add_keys(tmp_path):
    _fit(_member()).save(tmp_path)
    path = tmp_path / "fit.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"new": {"key": 1}}))
    assert FitResult.load(tmp_path).law == "dcpt"


def test_an_unknown_schema_is_refused_in_one_sentence(tmp_path):
    _fit(_member()).save(tmp_path)
    path = tmp_path / "fit.json"
    path.write_text(path.read_text().replace("mixlaw.fit/1", "mixlaw.fit/9"))
    with pytest.raises(FitError, match=r"schema 'mixlaw.fit/9'.*update mixlaw") as caught:
        FitResult.load(tmp_path)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"schema": "mixlaw.fit/1"}', "\x00\xff"])
def test_a_damaged_fit_is_refused_in_one_sentence(tmp_path, damage):
    _fit(_member()).save(tmp_path)
    (tmp_path / "fit.json").write_text(damage, encoding="latin-1")
    with pytest.raises(FitError, match="is not a fit|is damaged"):
        FitResult.load(tmp_path)


def test_missing_and_cut_draws_are_refused(tmp_path):
    with pytest.raises(FitError, match="There is no fit in"):
        FitResult.load(tmp_path)
    _fit(_member()).save(tmp_path)
    draws = tmp_path / "draws.npz"
    draws.write_bytes(draws.read_bytes()[:200])
    with pytest.raises(FitError, match="is damaged"):
        FitResult.load(tmp_path)


def test_slices_of_one_size_refuse_others_unless_carried():
    fit = _fit(_member(size=1e8))
    assert fit.predict("general", 1e8, 1e10, SHARES).draws.shape == (40, 1)
    with pytest.raises(NotIdentifiedError, match="at 8B parameters: it knows only 100M"):
        fit.predict("general", 8e9, 1e10, SHARES)
    carried = fit.predict("general", 8e9, 1e10, SHARES, carry_size=True)
    law_without_size = fit.predict("general", 1e8, 1e10, SHARES).estimate
    assert carried.estimate != pytest.approx(law_without_size)


def test_two_slices_are_interpolated_and_their_difference_spreads_the_draws():
    fit = _fit(_member(size=1e8, noise=0), _member(size=4e8, shift=0.2, noise=0))
    level, spread = {}, {}
    for size in (1e8, 2e8, 4e8, 8e8, 8e9):
        both = fit.predict("general", size, 1e10, SHARES, carry_size=True)
        alone = _fit(_member(size=1e8)).predict("general", size, 1e10, SHARES, carry_size=True)
        level[size] = both.estimate[0] - alone.estimate[0]
        spread[size] = np.ptp(both.draws)
    assert level == pytest.approx({1e8: 0.0, 2e8: 0.1, 4e8: 0.2, 8e8: 0.2, 8e9: 0.2})
    assert spread[1e8] == pytest.approx(0)
    assert spread[4e8] == pytest.approx(0)
    assert 0 < spread[2e8] < spread[8e8] < spread[8e9]


def test_one_budget_refuses_others():
    fit = _fit(_member(tokens=2e9))
    fit.predict("general", 8e9, 2e9, SHARES)
    with pytest.raises(NotIdentifiedError, match="after 20B tokens: all its rows are at 2B"):
        fit.predict("general", 8e9, 2e10, SHARES)


def test_a_stack_shares_its_draws_out_by_weight():
    fit = _fit(_member(weight=0.75), _member(weight=0.25, law="dcpt-l7", shift=1.0))
    stacked = fit.predict("general", 1e9, 1e10, SHARES)
    one, other = (fit.predict("general", 1e9, 1e10, SHARES, law=n) for n in ("dcpt", "dcpt-l7"))
    assert stacked.estimate == pytest.approx(0.75 * one.estimate + 0.25 * other.estimate)
    alone = _fit(_member(law="dcpt-l7", shift=1.0)).predict("general", 1e9, 1e10, SHARES)
    assert other.estimate == pytest.approx(alone.estimate)
    assert other.estimate > one.estimate + 1.0


def test_unknown_names_are_named():
    fit = _fit(_member())
    with pytest.raises(FitError, match="no fitted eval set named 'genral'.*'general'"):
        fit.predict("genral", 1e9, 1e10, SHARES)
    with pytest.raises(FitError, match="no law in this fit named 'cmr'"):
        fit.predict("general", 1e9, 1e10, SHARES, law="cmr")
    with pytest.raises(FitError, match="share of 'general' is missing"):
        fit.predict("general", 1e9, 1e10, {"domain": 0.3})
    with pytest.raises(FitError, match="no base loss of 'general'"):
        fit.base("general", 1e9)


def test_a_fit_of_the_first_version_still_loads_predicts_and_recommends():
    """tests/data/fit-1 was written by mixlaw 0.1.0 and is never written again."""
    fit = FitResult.load(Path(__file__).parent.parent / "data" / "fit-1")
    prediction = fit.predict("general", 4.1e8, 4e9, SHARES)
    # The law that its sweep was drawn from, with 0.2% noise.
    truth = 1.6 + 0.27 / 0.41**0.33 + 0.24 * 0.7**0.35 / 4**0.3 + 0.08 / 0.75**0.6
    assert prediction.estimate == pytest.approx(truth, rel=0.002)
    assert prediction.draws.shape == (40, 1)
    assert fit.base("general", 4.1e8).draws.shape == (40, 1)
    # Where the base loses as much as a share of 0.3 does, 0.02 nats more allow a larger share.
    answer = recommend_ratio(
        fit, n_params=4.1e8, tokens=4e9, base_general_loss=float(prediction.estimate[0])
    )
    assert 0.3 < answer.estimate < 1
    assert answer.interval[0] < answer.estimate < answer.interval[1]
