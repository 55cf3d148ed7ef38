"""The choice of laws: weights from held-out errors, regret, the same rows, widening."""

from dataclasses import replace

import numpy as np
import pytest
from truths import Design, dcpt_truth, simulate_sweep

from mixlaw import laws
from mixlaw.errors import ConfigError, FitError
from mixlaw.fit.api import fit_laws
from mixlaw.fit.compare import Compared, candidates, compare, named, ratio_regret
from mixlaw.fit.held_out import Forecast, forecasts
from mixlaw.fit.row_fit import Settings
from mixlaw.fit.selection import Rows, Selection, select
from mixlaw.fit.stack import held_out_weights, stack_weights
from mixlaw.result.fit_result import FitResult
from mixlaw.result.screen import page
from mixlaw.result.types import Member, Status
from mixlaw.roles import Roles

MEASURED = np.array([2.0, 2.2, 2.4, 2.6])
MASK = np.ones(4, dtype=bool)


def compared(*errors: np.ndarray, note: str = "") -> Compared:
    """A law with these relative errors in one split each."""
    return Compared(
        laws.load("dcpt"),
        {f"split-{k}": Forecast(MASK, MEASURED * (1 + e), MEASURED) for k, e in enumerate(errors)},
        note=note,
    )


SCATTER = np.array([1.0, -1.0, 1.0, -1.0])


def test_opposite_biases_are_averaged_away():
    weights = held_out_weights([compared(np.full(4, 0.02)), compared(np.full(4, -0.01))])
    assert weights == pytest.approx([1 / 3, 2 / 3], abs=1e-6)


def test_a_law_that_only_adds_error_has_no_weight():
    weights = held_out_weights([compared(0.001 * SCATTER), compared(0.02 * SCATTER)])
    assert weights == pytest.approx([1.0, 0.0], abs=1e-6)


def test_splits_count_alike_whatever_their_size_of_error():
    """A split that every law misses by far must not decide alone."""
    near = compared(0.001 * SCATTER, 0.2 * np.ones(4))
    far = compared(0.01 * SCATTER, 0.19 * np.ones(4))
    weights = held_out_weights([near, far])
    assert weights[0] > 0.9


def test_few_runs_draw_the_weights_towards_equal():
    laws_ = {"a": compared(0.010 * SCATTER), "b": compared(0.012 * SCATTER)}
    many, few = stack_weights(laws_, 10_000), stack_weights(laws_, 2)
    assert many["a"] > 0.97
    assert few == pytest.approx({"a": 0.5, "b": 0.5}, abs=0.06)
    assert sum(few.values()) == pytest.approx(1)


def test_laws_that_miss_by_far_or_lack_a_prediction_take_no_part():
    laws_ = {
        "good": compared(0.01 * SCATTER),
        "bad": compared(0.04 * SCATTER),
        "silent": compared(np.array([0.0, 0.0, np.nan, 0.0])),
        "noted": compared(0.001 * SCATTER, note="a baseline"),
    }
    assert stack_weights(laws_, 10) == {"good": 1.0}


def test_no_comparable_law_is_an_error_in_words():
    with pytest.raises(FitError, match="needs r, which the rows lack"):
        stack_weights({"dcpt": compared(SCATTER, note="needs r, which the rows lack")}, 10)


def rows_of(loss: list[float], share: list[float], tokens: list[float] | None = None) -> Rows:
    n, h = len(loss), np.array([share, 1 - np.array(share)])
    x = {"N": np.full(n, 1e8), "D": np.array(tokens or [1e9] * n), "h": h, "R": h[0]}
    return Rows(x, np.array(loss), np.zeros(n), np.arange(n))


def test_regret_is_the_loss_given_away_by_the_preferred_mixture():
    share, measured = [0.1, 0.5, 0.9], [2.0, 1.8, 1.9]
    rows = rows_of(measured, share)
    mask = np.ones(3, dtype=bool)
    right = Forecast(mask, np.array([3.0, 2.0, 2.5]), rows.loss)
    wrong = Forecast(mask, np.array([3.0, 2.9, 2.5]), rows.loss)
    assert ratio_regret({"s": rows}, {"s": {"split": right}}) == 0
    assert ratio_regret({"s": rows}, {"s": {"split": wrong}}) == pytest.approx(np.log(1.9 / 1.8))


def test_regret_of_two_eval_sets_is_of_their_mean_and_none_without_a_choice():
    share, mask = [0.1, 0.9], np.ones(2, dtype=bool)
    domain, general = rows_of([2.0, 1.0], share), rows_of([1.0, 1.5], share)
    says = {
        "domain": {"split": Forecast(mask, np.array([1.0, 2.0]), domain.loss)},
        "general": {"split": Forecast(mask, np.array([1.0, 1.0]), general.loss)},
    }
    regret = ratio_regret({"domain": domain, "general": general}, says)
    assert regret == pytest.approx(0.5 * np.log(2.0) - 0.5 * np.log(1.5))
    alone = rows_of([2.0, 1.0], share, [1e9, 2e9])
    assert np.isnan(
        ratio_regret({"s": alone}, {"s": {"split": Forecast(mask, alone.loss, alone.loss)}})
    )


def test_a_law_of_one_loss_is_judged_beside_the_best_law_of_the_other(monkeypatch):
    """Exact on the domain loss and upside down on the general one: no regret on the domain loss."""
    share, mask = [0.1, 0.9], np.ones(2, dtype=bool)
    rows = {"domain": rows_of([2.0, 1.9], share), "general": rows_of([1.0, 1.5], share)}
    says = {
        ("dcpt", "domain"): [1.0, 2.0],
        ("dcpt", "general"): [1.0, 1.5],
        ("hump", "domain"): [2.0, 1.9],
        ("hump", "general"): [1.5, 1.0],
    }
    named = {id(of_set): name for name, of_set in rows.items()}

    def forecast(law, of_set, settings):
        said = np.array(says[law.name, named[id(of_set)]])
        return Compared(law, {"split": Forecast(mask, said, of_set.loss)})

    monkeypatch.setattr("mixlaw.fit.compare._compared", forecast)
    selection = Selection(rows, {}, ("a", "b"), ("domain", "general"), ("domain",), {})
    found = compare(selection, [laws.load("dcpt"), laws.load("hump")], Settings())
    assert found["domain"]["hump"].regret == 0
    assert found["general"]["dcpt"].regret == 0
    assert found["general"]["hump"].regret > 0.1


def candidates_of(table):
    selection = select(table, laws.load("constant"), Roles(), None, ["schedule"])
    return {law.name for law in candidates(selection)}


def test_candidates_suit_the_mixture():
    pair = simulate_sweep(dcpt_truth(), np.random.default_rng(0), Design(sizes=(6e7, 12e7, 24e7)))
    of_pair = candidates_of(pair)
    assert {"constant", "dcpt", "dcpt-anchored", "log-share", "rectified", "transfer"} <= of_pair
    # Shares of two corpora are one number, and a law without any knows nothing of a mixture.
    assert not of_pair & {"exponential", "joint", "chinchilla", "dcpt-l4"}
    three = pair.assign(**{"share.web": pair["share.general"] / 2})
    three["share.general"] /= 2
    assert {"exponential", "joint", "dcpt"} <= candidates_of(three)
    one = pair.drop(columns=["share.domain", "share.general"])
    assert {"chinchilla", "chinchilla-tied"} <= candidates_of(one)


def test_a_formula_that_is_named_twice_is_compared_once():
    assert [law.name for law in named(["dcpt", "hump", "dcpt"])] == ["dcpt", "hump"]


@pytest.fixture(scope="module")
def stacked() -> FitResult:
    design = Design(sizes=(60e6, 120e6, 240e6, 480e6), ratios=(0.0, 0.2, 0.5, 0.8, 1.0))
    table = simulate_sweep(dcpt_truth(), np.random.default_rng(3), design)
    return fit_laws(table, "dcpt-l2,exponential,chinchilla,cmr", n_draws=40)


def test_laws_are_compared_on_the_same_rows(stacked):
    for by_law in stacked.law_scores.values():
        rows = {
            tuple((split, score["n"]) for split, score in found["splits"].items())
            for found in by_law.values()
            if found["splits"]
        }
        assert len(rows) == 1
        assert by_law["cmr"]["note"] == "describes trunk rows"


def test_a_law_that_cannot_take_some_rows_costs_no_other_law_them():
    """The table has rows without domain data, at which a power of the share is infinite."""
    design = Design(sizes=(60e6, 120e6), ratios=(0.0, 0.5, 1.0), checkpoints=2)
    table = simulate_sweep(dcpt_truth(), np.random.default_rng(3), design)
    fit = fit_laws(table, "exponential,bimix", n_draws=4)
    assert fit.rows_used == fit_laws(table, "exponential", n_draws=4).rows_used
    assert fit.law_scores["domain"]["bimix"]["note"] == "has no finite value on some of the rows"


def test_a_stack_predicts_saves_and_restricts_to_a_member(stacked, tmp_path):
    shares = {"domain": [0.3], "general": [0.7]}
    every = stacked.predict("general", 2e9, 2e10, shares)
    weights = {member.law: member.weight for member in stacked.members("general")}
    assert sum(weights.values()) == pytest.approx(1)
    each = [stacked.predict("general", 2e9, 2e10, shares, law=law) for law in weights]
    mean = sum(w * p.estimate for w, p in zip(weights.values(), each, strict=True))
    of_laws = replace(stacked, kriging={}).predict("general", 2e9, 2e10, shares)
    assert of_laws.estimate == pytest.approx(mean)
    stacked.save(tmp_path)
    again = FitResult.load(tmp_path)
    assert again.predict("general", 2e9, 2e10, shares).draws == pytest.approx(every.draws)
    lines = (tmp_path / "compare.csv").read_text().splitlines()
    assert any(line.startswith("general,cmr") and "trunk rows" in line for line in lines)


def test_laws_with_weight_have_intervals_and_statuses_the_others_errors_alone(stacked):
    for name, by_law in stacked.law_scores.items():
        assert "at" not in by_law["cmr"]
        weighted = {member.law for member in stacked.members(name)}
        assert weighted == {law for law, c in by_law.items() if "at" in c}
        for law in weighted:
            at = by_law[law]["at"]
            assert at["low"] < at["high"]
            assert (at["n_params"], at["tokens"]) == (480e6, 8e9)
            assert isinstance(by_law[law]["statuses"], list)
    idle = stacked.law_scores["domain"]["chinchilla"]
    assert idle["weight"] == 0
    assert idle["splits"]
    leading = stacked.law_scores["general"][stacked.members("general")[0].law]
    printed = page(stacked)
    assert f"{leading['at']['low']:.3f}-{leading['at']['high']:.3f}" in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_statuses_that_differ_in_figures_are_one_line(stacked):
    found = [
        Status("shape-violated", f"the loss falls by {much}, which {law} cannot do", "general", law)
        for law, much in (("dcpt", "1.20%"), ("dcpt-l2", "2.3%"))
    ]
    printed = page(replace(stacked, statuses=tuple(found)))
    (line,) = [line for line in printed.splitlines() if line.startswith("shape-violated")]
    assert "(dcpt, and so with other figures dcpt-l2)" in line


def test_intervals_grow_beyond_the_sweep_and_not_inside(stacked):
    shares = {"domain": [0.3], "general": [0.7]}
    misfit = {"general": {"n_params": 0.01, "tokens": 0.01}}
    wide, bare = (replace(stacked, beyond=beyond) for beyond in (misfit, {}))
    for size, tokens, wider in ((1e8, 4e9, False), (2e9, 4e9, True), (1e8, 8e10, True)):
        width = np.ptp(wide.predict("general", size, tokens, shares).interval())
        without = np.ptp(bare.predict("general", size, tokens, shares).interval())
        assert (width > without) if wider else (width == without)


def test_a_drift_moves_intervals_the_other_way_and_leaves_the_estimate(stacked):
    """A law that says too much for longer budgets."""
    shares = {"domain": [0.3], "general": [0.7]}
    high = replace(stacked, beyond={"general": {"tokens": 0.0, "tokens.drift": 0.02}})
    bare = replace(stacked, beyond={})
    longest = bare.ranges["tokens"][1]
    for tokens, shift in ((longest / 2, 0.0), (longest, 0.0), (longest * np.e, 0.02)):
        moved, still = (fit.predict("general", 1e8, tokens, shares) for fit in (high, bare))
        change = np.log(still.draws / moved.draws)
        assert change.mean() == pytest.approx(shift, abs=1e-4)
        assert moved.estimate == pytest.approx(still.estimate)
        assert np.ptp(change) < 1e-9 or tokens > longest


def test_laws_of_a_stack_that_disagree_spread_its_draws_around_their_mean(stacked):
    def member(law, values, weight):
        estimate = np.array(list(values.values()))
        return Member(law, tuple(values), estimate, np.tile(estimate, (4000, 1)), weight=weight)

    flat = {"A": 0.0, "B": 0.0, "alpha": 0.3, "beta": 0.3}
    two = (member("constant", {"E": 2.0}, 0.75), member("chinchilla", {"E": 3.0, **flat}, 0.25))
    fit = replace(stacked, stack={"general": two}, beyond={}, kriging={})
    predicted = fit.predict("general", 1e8, 4e9, {"domain": [0.3], "general": [0.7]})
    assert predicted.estimate == pytest.approx([2.25])
    assert predicted.draws.mean() == pytest.approx(2.25, abs=0.02)
    assert predicted.draws.std() == pytest.approx(np.sqrt(0.75 * 0.25 / 5), rel=0.05)
    assert (predicted.draws >= 2 - 1e-9).all()
    assert (predicted.draws <= 3 + 1e-9).all()


def test_a_stack_of_few_draws_has_anchored_laws_too():
    """A law anchored at the base loss needs as many draws of it as it has itself."""
    design = Design(sizes=(60e6, 120e6, 240e6), budgets=(2e9, 8e9), checkpoints=2)
    table = simulate_sweep(dcpt_truth(), np.random.default_rng(0), design)
    fit = fit_laws(table, "dcpt,dcpt-anchored,chinchilla", n_draws=20)
    weighted = {member.law for member in fit.members("general")}
    assert all("at" in fit.law_scores["general"][law] for law in weighted)


def test_a_constraint_belongs_to_one_law():
    table = simulate_sweep(dcpt_truth(), np.random.default_rng(0), Design(sizes=(6e7, 12e7, 24e7)))
    with pytest.raises(ConfigError, match="one law"):
        fit_laws(table, "dcpt,chinchilla", constraints=["eta>1"])


def test_two_sizes_left_give_every_law_of_size_a_forecast():
    """Exponents of either sign have no geometric mean to be held at."""
    table = simulate_sweep(
        dcpt_truth(), np.random.default_rng(0), Design(sizes=(6e7, 12e7, 24e7), checkpoints=2)
    )
    law = laws.load("dcpt-anchored")
    rows = select(table, law, Roles(), ["general"], ["schedule"]).rows["general"]
    found = forecasts(law, rows)["largest-size"]
    assert np.isfinite(found.predicted).all()
    assert "two sizes left" in found.note
