"""The tolerance rule: its answer against the truth, and each way of having no answer."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq

from mixlaw.errors import ConfigError, FitError
from mixlaw.recommend.api import recommend_ratio
from mixlaw.recommend.loss_units import Tolerance
from mixlaw.recommend.rules.crossing import critical_ratios, ratio_at_risk
from mixlaw.result.types import EXPLAINS_NOTHING, Status

TARGET = {"n_params": 8e9, "tokens": 2e10}


def rise(fit, ratio, reference="base"):
    shares = {"domain": [ratio], "general": [1 - ratio]}
    general = fit.predict("general", 8e9, 2e10, shares)
    if reference == "control":
        return (
            general.estimate
            - fit.predict("general", 8e9, 2e10, {"domain": [0.0], "general": [1.0]}).estimate
        )
    return general.estimate - fit.base("general", 8e9).estimate


@pytest.mark.parametrize("reference", ["base", "control"])
@pytest.mark.parametrize("bound", [0.02, 0.08, 0.3])
def test_estimate_is_the_root_of_the_law(build, bound, reference):
    fit = build()
    answer = recommend_ratio(fit, **TARGET, max_general_rise=bound, reference=reference)
    root = brentq(lambda r: rise(fit, r, reference)[0] - bound, 0, 1)
    assert answer.estimate == pytest.approx(root, abs=1e-4)
    assert answer.feasible is True


def test_recommended_obeys_the_risk_and_the_next_share_does_not(build):
    fit = build(n_draws=1000)
    answer = recommend_ratio(fit, **TARGET, max_general_rise=0.05, risk=0.1)
    base = fit.base("general", 8e9).draws

    def broken(ratio):
        shares = {"domain": [ratio], "general": [1 - ratio]}
        return np.mean(fit.predict("general", 8e9, 2e10, shares).draws - base > 0.05)

    assert broken(answer.recommended) <= 0.1
    assert broken(answer.recommended + 0.005) > 0.1
    assert answer.recommended < answer.estimate


def test_less_risk_and_less_rise_mean_less_domain(build):
    fit = build()
    by_risk = [recommend_ratio(fit, **TARGET, risk=q).recommended for q in (0.05, 0.2, 0.5, 0.8)]
    by_rise = [
        recommend_ratio(fit, **TARGET, max_general_rise=t).recommended for t in (0.02, 0.05, 0.2)
    ]
    assert by_risk == sorted(by_risk)
    assert by_rise == sorted(by_rise)


def test_interval_is_that_of_one_root_per_draw(build):
    fit = build(n_draws=60)
    answer = recommend_ratio(fit, **TARGET, max_general_rise=0.05)
    ratios = np.linspace(0, 1, 20001)
    law = fit.predict("general", 8e9, 2e10, {"domain": ratios, "general": 1 - ratios}).draws
    allowed = law - fit.base("general", 8e9).draws <= 0.05
    roots = ratios[ratios.size - 1 - np.argmax(allowed[:, ::-1], axis=1)]
    assert answer.interval == pytest.approx(np.quantile(roots, [0.05, 0.95]), abs=2e-4)


def test_percentage_is_of_the_base_loss(build):
    fit = build()
    base = fit.base("general", 8e9).estimate[0]
    percent = recommend_ratio(fit, **TARGET, max_general_rise="3%")
    nats = recommend_ratio(fit, **TARGET, max_general_rise=0.03 * base)
    assert percent.estimate == pytest.approx(nats.estimate, abs=1e-9)
    assert percent.general_rise["tolerance"] == pytest.approx(0.03 * base)


def test_given_base_loss_moves_the_level_and_not_the_rise(build):
    fit = build()
    plain = recommend_ratio(fit, **TARGET, max_general_rise=0.05)
    moved = recommend_ratio(fit, **TARGET, max_general_rise=0.05, base_general_loss=3.0)
    # Nothing that the draws explain: 3.0 is far off the base law, so a run keeps its whole start.
    assert moved.estimate == pytest.approx(plain.estimate, abs=1e-3)
    assert moved.general_rise["estimate"] == pytest.approx(plain.general_rise["estimate"], abs=1e-3)
    level = moved.losses["general"]["estimate"] - moved.general_rise["estimate"]
    assert level == pytest.approx(3.0)


def test_without_base_rows_the_given_loss_is_the_reference(build):
    fit = build(base=False)
    law = build().base("general", 8e9).estimate[0]
    answer = recommend_ratio(fit, **TARGET, max_general_rise=0.05, base_general_loss=law)
    assert answer.estimate == pytest.approx(
        recommend_ratio(build(), **TARGET, max_general_rise=0.05).estimate, abs=1e-6
    )
    assert answer.warnings[0].code == "assumed-base-loss"
    with pytest.raises(FitError, match=r"--base-general-loss.*--reference control"):
        recommend_ratio(fit, **TARGET)
    control = recommend_ratio(fit, **TARGET, reference="control")
    assert control.feasible is True
    assert "assumed-base-loss" not in [w.code for w in control.warnings]


def test_no_feasible_ratio(build):
    answer = recommend_ratio(build(), n_params=8e9, tokens=1e9, max_general_rise=0.001)
    assert answer.feasible is False
    assert answer.exit_code == 3
    assert answer.recommended is None
    assert answer.estimate is None
    assert answer.warnings[0].code == "no-feasible-ratio"
    assert answer.general_rise["estimate"] > 0.001


def test_bound_that_never_binds(build):
    answer = recommend_ratio(build(), **TARGET, max_general_rise=1.0)
    assert (answer.recommended, answer.estimate, answer.interval) == (1.0, 1.0, (1.0, 1.0))
    assert answer.warnings[0].code == "bound-never-binds"


def test_data_that_cannot_tell(build):
    answer = recommend_ratio(build(noise=0.1), **TARGET)
    assert answer.feasible is None
    assert answer.exit_code == 0
    assert "not-identified" in [w.code for w in answer.warnings]
    assert answer.interval[1] - answer.interval[0] > 0.5


def test_one_size_is_carried_over_unchanged(build):
    fit = build(sizes=(3e8,))
    near, far = (recommend_ratio(fit, n_params=n, tokens=2e10) for n in (3e8, 8e9))
    assert near.estimate == far.estimate
    assert near.interval == far.interval
    assert "no-size-information" not in [w.code for w in near.warnings]
    assert "no-size-information" in [w.code for w in far.warnings]


def test_two_sizes_widen_the_interval(build):
    widths = {}
    for sizes in ((3e8,), (3e8, 1e9)):
        low, high = recommend_ratio(build(sizes=sizes), **TARGET, max_general_rise=0.05).interval
        widths[len(sizes)] = high - low
    assert widths[2] > widths[1]


def test_two_sizes_are_interpolated_in_between(build):
    fit = build(sizes=(3e8, 1e9))
    found = [
        recommend_ratio(fit, n_params=n, tokens=2e10, max_general_rise=0.05)
        for n in (3e8, 5.5e8, 1e9, 3e9, 3e10)
    ]
    small, middle, large, near, far = (answer.estimate for answer in found)
    assert min(small, large) < middle < max(small, large)
    assert near == far == large
    widths = [np.ptp(answer.interval) for answer in found]
    assert widths[2] < widths[3] < widths[4]
    codes = [[w.code for w in answer.warnings] for answer in found]
    assert ["no-size-information" in code for code in codes] == [False, True, False, True, True]


def test_table_without_tokens(build):
    answer = recommend_ratio(build(), n_params=8e9)
    assert answer.tokens == 2e10
    assert [other.tokens for other in answer.table] == [1e9, 5e9, 2e10, 1e11]
    assert answer.table[2].estimate == answer.estimate
    assert recommend_ratio(build(), **TARGET).table == ()


@pytest.mark.parametrize("text", ["-1", "abc", "nan", "inf", "3%%", "2000%", "21", "", "1e999"])
def test_bad_rise(text):
    with pytest.raises(ConfigError, match="allowed rise"):
        Tolerance.parse(text)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"risk": 0.0}, "--risk"),
        ({"risk": 1.5}, "--risk"),
        ({"risk": float("nan")}, "--risk"),
        ({"rule": "tolerence"}, "Did you mean 'tolerance'"),
        ({"reference": "bass"}, "Did you mean 'base'"),
        ({"base_general_loss": -1.0}, "--base-general-loss"),
        ({"base_domain_loss": float("nan")}, "--base-domain-loss"),
        ({"ratio": 1.2}, "--ratio"),
        ({"natural": {"web": 0.5}}, "natural mixture"),
    ],
)
def test_bad_options(build, changes, sentence):
    with pytest.raises(ConfigError, match=sentence):
        recommend_ratio(build(n_draws=5), **TARGET, **changes)


def test_critical_ratios_take_the_last_crossing_and_survive_infinities():
    ratios = np.linspace(0, 1, 5)
    excess = np.array(
        [
            [-1.0, 1.0, -1.0, 1.0, 3.0],
            [-1.0, -1.0, -1.0, -1.0, np.inf],
            [1.0, 1.0, 1.0, 1.0, np.nan],
            [np.inf, -1.0, -1.0, -1.0, -1.0],
        ]
    )
    np.testing.assert_allclose(critical_ratios(ratios, excess), [0.625, 0.75, np.nan, 1.0])


def test_ratio_at_risk_is_the_quantile_of_the_critical_ratios():
    ratios = np.linspace(0, 1, 11)
    roots = np.random.default_rng(0).uniform(0.2, 0.7, 500)
    excess = ratios - roots[:, None]
    assert ratio_at_risk(ratios, excess, 0.1) == pytest.approx(np.quantile(roots, 0.1), abs=5e-3)


def test_a_table_without_a_mixture_has_no_ratio(build):
    fit = replace(build(n_draws=5), corpora=(), domain_corpora=())
    with pytest.raises(FitError, match="no share columns"):
        recommend_ratio(fit, **TARGET)
    with pytest.raises(FitError, match="--domain-corpora"):
        recommend_ratio(replace(build(n_draws=5), domain_corpora=()), **TARGET)


def test_a_table_with_one_ratio_cannot_tell(build):
    fit = build(n_draws=20)
    fit = replace(
        fit,
        levels={**fit.levels, "share.domain": [0.3], "share.general": [0.7]},
        ranges={**fit.ranges, "share.domain": (0.3, 0.3), "share.general": (0.7, 0.7)},
    )
    answer = recommend_ratio(fit, **TARGET)
    assert (answer.feasible, answer.recommended, answer.exit_code) == (None, None, 0)
    assert answer.warnings[0].code == "not-identified"
    assert answer.interval[1] - answer.interval[0] > 0.85


def test_losses_by_chance_tell_no_ratio(build):
    """One number would describe the general losses as well: nothing can be recommended."""
    nothing = Status(EXPLAINS_NOTHING, "no closer", "general", "dcpt")
    noisy = replace(build(), statuses=(nothing,), sigma={"domain": 0.004, "general": 0.2})
    answer = recommend_ratio(noisy, **TARGET)
    assert (answer.feasible, answer.recommended, answer.estimate) == (None, None, None)
    assert "differ by chance more" in answer.warnings[0].message


def test_losses_that_stay_within_the_bound_need_no_law(build):
    nothing = Status(EXPLAINS_NOTHING, "no closer", "general", "dcpt")
    still = replace(build(), statuses=(nothing,), sigma={"domain": 0.004, "general": 1e-4})
    assert recommend_ratio(still, **TARGET).feasible is True
