"""The other rules against known optima: closed forms, scipy, and curves with a known turn."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from mixlaw import laws
from mixlaw.errors import FitError
from mixlaw.recommend.api import recommend_ratio
from mixlaw.recommend.context.regret import regrets
from mixlaw.recommend.mixture_path import MixturePath
from mixlaw.recommend.question import Question
from mixlaw.recommend.rules import allocation, turning_point
from mixlaw.result.fit_result import FitResult
from mixlaw.result.types import Member, Prediction, Status
from mixlaw.screen.explained import explained
from mixlaw.screen.layout import plain


def screen(answer):
    return plain(explained(answer))


#: The synthetic coefficients of D-CPT with C just above the C0 that makes the law fall with r.
USAGE_2 = {
    "E": 1.5, "A": 0.3, "B": 0.2, "C": 1.121316, "alpha": 0.4, "beta": 0.3, "eta": 1.5,
    "eps": 0.1, "gamma": 0.6,
}  # fmt: skip
HUMP = {
    "S": 0.35, "A": 0.5, "a": 3.0, "D1": 2.0, "beta": 1.5, "D0": 300.0, "alpha": 0.6,
    "kappa": 0.0, "lam": 0.0,
}  # fmt: skip


def single(law, params, n_draws=200, noise=0.0, size=None):
    """A member with draws whose first parameter is jittered."""
    estimate = np.array(list(params.values()))
    draws = np.tile(estimate, (n_draws, 1))
    draws[:, 0] += np.random.default_rng(1).normal(0, noise, n_draws)
    return Member(law, tuple(params), estimate, draws, size)


def fit_of(domain, general=None, base=None, corpora=("domain", "general"), **changes):
    """A fit of given members on two corpora swept from 0 to 1."""
    sets = {"domain": (domain,)} | ({"general": (general,)} if general else {})
    fit = FitResult(
        law=domain.law,
        eval_sets=tuple(sets),
        domain_set="domain",
        general_set="general",
        corpora=corpora,
        domain_corpora=("domain",),
        own={name: name for name in sets if name in corpora},
        stack=sets,
        base_stack=dict.fromkeys(sets, (base,)) if base else {},
        ranges={"n_params": (1e8, 1e10), "tokens": (1e8, 1e11), "tokens_per_param": (0.1, 100)}
        | {f"share.{corpus}": (0.0, 1.0) for corpus in corpora},
        levels={"n_params": [1e8, 1e9, 1e10], "tokens": [1e8, 1e9, 1e10, 1e11]},
        sigma=dict.fromkeys(sets, 0.002),
    )
    return replace(fit, **changes)


@pytest.mark.parametrize(("unique", "best"), [(0.1e9, 0.9076), (0.05e9, 0.8269), (5e9, 1.0)])
def test_limited_domain_is_usage_2(unique, best):
    """Optima of the paper's stationarity condition, solved independently."""
    answer = recommend_ratio(
        fit_of(single("dcpt", USAGE_2)), n_params=1.8e9, rule="limited-domain", domain_tokens=unique
    )
    assert answer.estimate == pytest.approx(best, abs=2e-4)
    assert answer.tokens == pytest.approx(unique / answer.recommended)
    assert answer.details["epochs"] == pytest.approx(1.0)
    assert answer.feasible is True


def test_limited_domain_with_repetition_and_a_fixed_budget():
    fit = fit_of(single("dcpt", USAGE_2))
    free = recommend_ratio(
        fit, n_params=1.8e9, rule="limited-domain", domain_tokens=0.05e9, max_epochs=2
    )
    assert free.estimate == pytest.approx(0.9076, abs=2e-4)  # as with twice the tokens
    assert free.details["without_repetition"]["estimate"] == pytest.approx(0.8269, abs=2e-4)
    assert free.details["epochs"] == pytest.approx(2.0)
    assert "extrapolation.epochs" in [w.code for w in free.warnings]
    fixed = recommend_ratio(
        fit, n_params=1.8e9, tokens=1e9, rule="limited-domain", domain_tokens=0.1e9, max_epochs=3
    )
    assert fixed.recommended == pytest.approx(0.3)
    assert fixed.tokens == 1e9
    assert fixed.details["epochs"] == pytest.approx(3.0)


def test_limited_domain_reports_a_flat_optimum():
    flat = USAGE_2 | {"B": 0.01, "C": 0.002}
    fit = fit_of(single("dcpt", flat), sigma={"domain": 0.003})
    answer = recommend_ratio(fit, n_params=1.8e9, rule="limited-domain", domain_tokens=1e8)
    assert "flat-optimum" in [w.code for w in answer.warnings]
    near = answer.details["near_equal"]
    assert near["high"] - near["low"] > 0.3


def test_search_stays_within_the_swept_ratios():
    fit = fit_of(single("dcpt", USAGE_2))
    fit = replace(fit, ranges={**fit.ranges, "share.domain": (0.1, 0.6)})
    answer = recommend_ratio(fit, n_params=1.8e9, rule="limited-domain", domain_tokens=5e9)
    assert answer.estimate == pytest.approx(0.6)
    assert "at-bound" in [w.code for w in answer.warnings]


def test_allocation_closed_form_agrees_with_a_search():
    member = single("dcpt", USAGE_2, noise=0.0)
    fit = fit_of(member)
    flops, r = 1e20, 0.4
    sizes, constants = allocation.closed_form(member, inputs(r), flops)
    law = laws.load("dcpt")

    def loss(log_n):
        n = np.exp(log_n)
        x = {"N": np.array([n]), "D": np.array([flops / 6 / n]), "r": np.array([r])}
        return law.predict(USAGE_2, x)[0]

    found = minimize_scalar(loss, bracket=(np.log(1e8), np.log(1e11)), tol=1e-12)
    assert sizes[0] == pytest.approx(np.exp(found.x), rel=1e-4)
    assert constants[0][0] == pytest.approx(0.3 / 0.7)
    answer = recommend_ratio(fit, rule="allocation", flops=flops, ratio=r)
    assert answer.n_params == pytest.approx(sizes[0])
    assert 6 * answer.n_params * answer.tokens == pytest.approx(flops)
    # A stack has no closed form and is searched; here of two laws that are equal at this share.
    same = USAGE_2 | {"B": USAGE_2["B"] * (r / (r + USAGE_2["eps"])) ** USAGE_2["eta"]}
    twice = replace(fit, stack={"domain": (member, single("dcpt-l7", same))})
    searched = recommend_ratio(twice, rule="allocation", flops=flops, ratio=r)
    assert searched.n_params == pytest.approx(sizes[0], rel=1e-3)


@pytest.mark.parametrize("name", ["dcpt-l1", "dcpt-l6", "dcpt-l7", "chinchilla", "exponential"])
def test_allocation_knows_laws_with_a_closed_form(name):
    assert _form(name) is not None


@pytest.mark.parametrize("name", ["dcpt-l2", "hump", "cmr"])
def test_allocation_knows_laws_without_a_closed_form(name):
    assert _form(name) is None


def inputs(r):
    return {"r": np.array([r]), "R": np.array([r]), "h": np.array([[r], [1 - r]])}


def _form(name):
    law = laws.load(name)
    member = single(name, {p.name: 0.3 for p in law.expand(("domain", "general"))}, n_draws=2)
    return allocation.closed_form(member, inputs(0.5), 1e20)


@pytest.mark.parametrize(("idle", "what"), [(1, "sizes"), (2, "budgets")])
def test_allocation_says_when_a_term_of_the_law_is_gone(build, idle, what):
    """Without a size (or data) term the best size is an end of what is tried, and no truth."""
    params = [1.20, 0.20, 0.25, 0.50, 0.30, 0.30, 0.8, 0.30, 0.60]
    params[idle] = 0.0
    answer = recommend_ratio(build(domain=params), rule="allocation", flops=1e20, ratio=0.3)
    assert any(f"sweep more {what}" in w.message for w in answer.warnings)
    assert answer.n_params > 1


def test_allocation_without_a_ratio_speaks_of_the_compute_asked_about(build):
    answer = recommend_ratio(build(noise=0.1), rule="allocation", flops=1e21, max_general_rise=0)
    assert answer.feasible is None
    assert 6 * answer.n_params * answer.tokens == pytest.approx(1e21)
    assert "The data cannot tell the best use of 1e+21 FLOPs: " in screen(answer)


def test_allocation_at_a_free_ratio_keeps_the_bound(build):
    answer = recommend_ratio(build(), rule="allocation", flops=1e21, max_general_rise=0.05)
    assert answer.feasible is True
    assert 6 * answer.n_params * answer.tokens == pytest.approx(1e21)
    size = answer.details["n_params"]
    assert size["low"] < size["estimate"] == answer.n_params < size["high"]
    fixed = recommend_ratio(
        build(), n_params=answer.n_params, tokens=answer.tokens, max_general_rise=0.05
    )
    assert fixed.recommended == answer.recommended
    for factor in (0.5, 2.0):
        other = recommend_ratio(
            build(), n_params=answer.n_params * factor, tokens=answer.tokens / factor,
            max_general_rise=0.05,
        )  # fmt: skip
        if other.recommended is not None:
            assert other.losses["domain"]["estimate"] >= answer.losses["domain"]["estimate"]


def test_balance_is_the_minimum_of_the_weighted_losses(build):
    fit = build()
    answer = recommend_ratio(
        fit, n_params=1e9, tokens=5e9, rule="balance", weights={"domain": 0.6, "general": 1.4}
    )

    def objective(ratio):
        shares = {"domain": [ratio], "general": [1 - ratio]}
        domain, general = (
            fit.predict(name, 1e9, 5e9, shares).estimate[0] for name in ("domain", "general")
        )
        return 0.6 * domain + 1.4 * general

    found = minimize_scalar(objective, bounds=(0, 1), method="bounded", options={"xatol": 1e-8})
    assert answer.estimate == pytest.approx(found.x, abs=1e-3)
    frontier = answer.details["frontier"]
    domain = [point["domain"]["estimate"] for point in frontier]
    general = [point["general"]["estimate"] for point in frontier]
    assert domain == sorted(domain, reverse=True)
    assert general == sorted(general)


def hump_fit(noise=0.01, **changes):
    base = {"E": 2.0, "A": 0.0, "B": 0.0, "alpha": 1.0, "beta": 1.0}
    return fit_of(
        single("hump", HUMP), single("hump", HUMP, noise=noise), single("chinchilla", base),
        **changes,
    )  # fmt: skip


def turn_of(ratio):
    """Tokens where the general loss of the hump law has its maximum, by scipy."""
    law, params = laws.load("hump"), HUMP

    def loss(log_d):
        x = {"N": np.array([1e9]), "D": np.array([np.exp(log_d)]), "r": np.array([1 - ratio])}
        return -law.predict(params, {**x, "L0": np.array([2.0])})[0]

    found = minimize_scalar(loss, bounds=(np.log(1e7), np.log(1e13)), method="bounded",
                            options={"xatol": 1e-9})  # fmt: skip
    return np.exp(found.x)


def test_turning_point_is_where_the_peak_falls_on_the_budget():
    answer = recommend_ratio(hump_fit(), n_params=1e9, tokens=9e9, rule="turning-point")
    assert turn_of(answer.estimate) == pytest.approx(9e9, rel=0.01)
    assert answer.recommended <= answer.estimate
    assert answer.interval[0] < answer.estimate < answer.interval[1]
    assert answer.details["turning_tokens"] == pytest.approx(turn_of(answer.recommended), rel=0.01)
    longer = recommend_ratio(hump_fit(), n_params=1e9, tokens=1e10, rule="turning-point")
    assert longer.estimate > answer.estimate


class _KnownCurve:
    """A question whose general loss turns at ``top`` tokens, whatever the ratio: -(ln T/top)^2."""

    tokens, top = 9e9, 7e9

    def general(self, ratios, tokens):
        loss = -(np.log(tokens / self.top) ** 2)
        return Prediction(loss, loss[None, :])


def test_turn_of_a_known_curve_is_not_displaced_by_the_step():
    """A one-sided difference puts the turn half a step early, 0.05% of the tokens."""
    curve = _KnownCurve()
    assert turning_point.turns_at(curve, 0.5, np.inf) == pytest.approx(curve.top, rel=1e-9)


def test_slope_of_a_known_curve_is_exact():
    tokens = np.geomspace(1e9, 1e11, 7)
    slope, draws = turning_point._slope(_KnownCurve(), np.full(7, 0.5), tokens, np.inf)
    np.testing.assert_allclose(slope, -2 * np.log(tokens / 7e9), atol=1e-9)
    np.testing.assert_array_equal(draws, slope[None, :])


def test_finite_lambda_weighs_the_domain_loss_in():
    fit = hump_fit()
    by_lambda = [
        recommend_ratio(fit, n_params=1e9, tokens=9e9, rule="turning-point", lambda_=x).estimate
        for x in (1.0, 10.0, 1e6, np.inf)
    ]
    assert by_lambda == sorted(by_lambda, reverse=True)
    assert by_lambda[2] == pytest.approx(by_lambda[3], abs=1e-4)


def test_both_critical_ratios_are_shown_and_differ():
    fit = hump_fit()
    tolerance = recommend_ratio(fit, n_params=1e9, tokens=9e9, max_general_rise=0.05)
    turning = recommend_ratio(
        fit, n_params=1e9, tokens=9e9, rule="turning-point", max_general_rise=0.05
    )
    assert tolerance.also["turning-point"]["estimate"] == turning.estimate
    assert turning.also["tolerance"]["estimate"] == tolerance.estimate
    assert tolerance.estimate != pytest.approx(turning.estimate, abs=0.01)


def test_turning_point_needs_a_law_that_can_rise(build):
    with pytest.raises(FitError, match="fit --law .*cmr.*hump"):
        recommend_ratio(build(), n_params=1e9, tokens=5e9, rule="turning-point")


def test_no_share_turns_in_time():
    answer = recommend_ratio(hump_fit(), n_params=1e9, tokens=2e7, rule="turning-point")
    assert answer.feasible is False
    assert answer.exit_code == 3


def test_return_to_the_base_is_the_root_in_tokens():
    fit = hump_fit()
    answer = recommend_ratio(fit, n_params=1e9, tokens=2e10, max_general_rise=0.05, ratio=0.4)
    returned = answer.details["return_to_base"]
    shares = {"domain": [0.4], "general": [0.6]}
    loss = fit.predict("general", 1e9, returned["tokens"], shares).estimate[0]
    assert loss == pytest.approx(2.0, abs=1e-4)
    assert returned["low"] < returned["tokens"] < returned["high"]


def test_a_loss_that_never_returns(build):
    answer = recommend_ratio(build(), n_params=1e9, tokens=5e9, ratio=0.9)
    returned = answer.details["return_to_base"]
    assert returned["tokens"] is None
    assert returned["probability_never"] > 0.9


def test_implied_bound_recommends_the_same_ratio(build):
    fit = build()
    asked = recommend_ratio(fit, n_params=1e9, tokens=5e9, ratio=0.35)
    bound = asked.details["implied_bound"]["bound"]
    back = recommend_ratio(fit, n_params=1e9, tokens=5e9, max_general_rise=bound)
    assert back.recommended == pytest.approx(0.35, abs=0.003)


def test_tokens_to_reach_a_domain_loss(build):
    fit = build()
    bound = {"max_general_rise": 0.08}
    now = recommend_ratio(fit, n_params=1e9, tokens=5e9, **bound)
    aim = now.losses["domain"]["estimate"] - 0.05
    asked = recommend_ratio(fit, n_params=1e9, tokens=5e9, reach_domain_loss=aim, **bound)
    tokens = asked.details["tokens_to_reach"]["tokens"]
    assert tokens > 5e9
    there = recommend_ratio(fit, n_params=1e9, tokens=tokens, **bound)
    assert there.losses["domain"]["estimate"] <= aim
    never = recommend_ratio(fit, n_params=1e9, tokens=5e9, reach_domain_loss=0.1, **bound)
    assert never.details["tokens_to_reach"]["tokens"] is None


def test_regret_prices_both_sides(build):
    fit = build(n_draws=3)
    question = Question(fit, 1e9, 5e9, MixturePath.of(fit))
    loss = question.domain(np.array([0.3, 0.4, 0.5])).draws
    found = regrets(question, 0.4, np.array([0.3, 0.4, 0.5]), risk=0.1)
    assert found[0] == pytest.approx(9 * (loss[0, 0] - loss[0, 1]), rel=1e-4)
    assert found[1] == pytest.approx(0.0, abs=1e-12)
    assert found[2] == pytest.approx(loss[2, 1] - loss[2, 2], rel=1e-4)


def test_recommended_has_less_expected_regret_than_the_estimate(build):
    regret = recommend_ratio(build(), n_params=8e9, tokens=2e10, max_general_rise=0.05).regret
    assert regret["mean"] < regret["plug_in"]["mean"]


def test_distances_from_the_data(build):
    answer = recommend_ratio(build(), n_params=8e9, tokens=2e10)
    assert answer.extrapolation == pytest.approx(
        {"n_params": 8.0, "tokens": 2.0, "tokens_per_param": 1.0, "share": 0.0}
    )
    codes = [w.code for w in answer.warnings]
    assert "extrapolation.n_params" in codes
    assert "extrapolation.tokens_per_param" not in codes
    small = recommend_ratio(build(), n_params=1e7, tokens=1e9)
    assert small.extrapolation["n_params"] == pytest.approx(0.1)


def test_each_law_of_a_stack_speaks_alone(build):
    fit = build()
    lower = replace(fit.stack["general"][0], law="dcpt-l7", weight=0.5)
    e, shift = lower.params.index("E"), 0.02
    lower = replace(
        lower,
        estimate=lower.estimate + shift * np.eye(len(lower.params))[e],
        draws=lower.draws + shift * np.eye(len(lower.params))[e],
    )
    general = (replace(fit.stack["general"][0], weight=0.5), lower)
    stack = replace(fit, law="auto", stack={**fit.stack, "general": general})
    asked = {"n_params": 1e9, "tokens": 5e9, "max_general_rise": 0.08}
    answer = recommend_ratio(stack, **asked)
    alone = {law: said["estimate"] for law, said in answer.by_law.items()}
    assert alone["dcpt"] == recommend_ratio(fit, **asked).estimate
    assert alone["dcpt-l7"] < answer.estimate < alone["dcpt"]
    single_law = recommend_ratio(fit, **asked).interval
    assert np.ptp(answer.interval) > np.ptp(single_law)
    assert recommend_ratio(fit, **asked).by_law == {}
    assert "Each law alone: dcpt " in screen(answer)
    same = replace(answer, by_law=dict.fromkeys(("dcpt", "dcpt-l7"), answer.by_law["dcpt"]))
    assert "Each law alone" not in screen(same)


def test_laws_of_a_stack_share_a_doubt_in_one_line(build):
    answer = recommend_ratio(build(), n_params=1e9, tokens=5e9, max_general_rise=0.08)
    found = [
        Status("lack-of-fit", f"residuals are {times} times the noise", "general", law)
        for law, times in (("dcpt", 4.0), ("dcpt-l5", 4.8), ("dcpt-l5", 5.0))
    ]
    text = " ".join(screen(replace(answer, warnings=(*answer.warnings, *found))).split())
    assert (
        "! lack-of-fit (general): residuals are 4.0 times the noise (so dcpt; with other figures "
        "dcpt-l5)" in text
    )
    assert "4.8 times" not in text


def test_a_domain_loss_that_rises_before_the_bound_is_said(build):
    rising = USAGE_2 | {"B": 1.5, "C": 0.05, "eta": 2.0}
    fit = build(n_draws=50)
    fit = replace(fit, stack={**fit.stack, "domain": (single("dcpt", rising, n_draws=50),)})
    asked = {"n_params": 1e9, "tokens": 5e9, "max_general_rise": 0.4}
    codes = [w.code for w in recommend_ratio(fit, **asked).warnings]
    assert "interior-optimum" in codes
    assert "interior-optimum" not in [w.code for w in recommend_ratio(build(), **asked).warnings]


def test_passes_over_the_data_are_counted_and_compared(build):
    fit = replace(build(n_draws=50), about={"epochs": {"domain": 2.0}})
    asked = {"n_params": 1e9, "tokens": 1e10, "max_general_rise": 0.05}
    answer = recommend_ratio(fit, **asked, unique_tokens={"domain": 5e8, "general": 1e11})
    passes = answer.details["epochs_by_corpus"]
    assert passes["domain"] == pytest.approx(answer.recommended * 20)
    assert passes["general"] == pytest.approx((1 - answer.recommended) / 10)
    assert answer.extrapolation["epochs"] == pytest.approx(passes["domain"] / 2)
    assert "extrapolation.epochs" in [w.code for w in answer.warnings]
    plenty = recommend_ratio(fit, **asked, unique_tokens={"domain": 1e11})
    assert plenty.extrapolation["epochs"] == 1.0
    assert "extrapolation.epochs" not in [w.code for w in plenty.warnings]
