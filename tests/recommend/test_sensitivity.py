"""What would change the answer is what the same question with those numbers answers."""

import pytest

from mixlaw.recommend.api import recommend_ratio

TARGET = {"n_params": 8e9, "tokens": 2e10}


@pytest.mark.parametrize("bound", [0.03, "1.5%"])
def test_other_numbers_give_the_answers_they_would_give(build, bound):
    fit = build()
    said = recommend_ratio(fit, **TARGET, max_general_rise=bound).would_change["ratios"]
    half, twice = ("0.75%", "3%") if isinstance(bound, str) else (0.015, 0.06)
    unit = "" if isinstance(bound, str) else " nats"
    others = {
        f"with {half}{unit} allowed": {"max_general_rise": half},
        f"with {twice}{unit} allowed": {"max_general_rise": twice},
        "at a risk of 30%": {"max_general_rise": bound, "risk": 0.3},
        "against the control": {"max_general_rise": bound, "reference": "control"},
    }
    for name, options in others.items():
        assert said.pop(name) == pytest.approx(
            recommend_ratio(fit, **TARGET, **options).recommended
        )
    assert not said


def test_a_bold_reader_is_shown_the_cautious_answer(build):
    fit = build()
    bold = recommend_ratio(fit, **TARGET, risk=0.4)
    cautious = bold.would_change["ratios"]["at a risk of 5%"]
    assert cautious < bold.recommended
    control = recommend_ratio(fit, **TARGET, reference="control").would_change["ratios"]
    assert control["against the base"] == pytest.approx(recommend_ratio(fit, **TARGET).recommended)


def test_a_bound_of_zero_has_no_half_and_other_rules_have_no_bound(build):
    fit = build()
    zero = recommend_ratio(fit, **TARGET, max_general_rise=0).would_change["ratios"]
    assert set(zero) == {"at a risk of 30%", "against the control"}
    other = recommend_ratio(fit, **TARGET, rule="limited-domain", domain_tokens=1e9)
    assert other.would_change == {}
