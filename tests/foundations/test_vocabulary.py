"""Mixtures, ratios, quantities, roles and plugin names: what people write and what it means."""

import pandas as pd
import pytest

from mixlaw import plugins
from mixlaw.errors import ConfigError, DataError
from mixlaw.mixture import Mixture, parse_ratio
from mixlaw.quantities import format_factor, format_quantity, parse_quantity
from mixlaw.roles import Roles


@pytest.mark.parametrize(
    ("text", "value"),
    [("8B", 8e9), ("350M", 350e6), ("2e10", 2e10), ("20b", 2e10), ("1.5T", 1.5e12), (42, 42.0)],
)
def test_quantities_read_like_people_write_them(text: str | float, value: float) -> None:
    assert parse_quantity(text) == value


@pytest.mark.parametrize(
    "text", ["", "many", "-8B", "0", "8Q", "nan", "inf", "1e99", "8 B B", "0x10"]
)
def test_other_quantities_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="model size"):
        parse_quantity(text, "model size")


def test_a_quantity_is_written_as_it_is_read() -> None:
    assert [format_quantity(v) for v in (8e9, 227_120, 2e10, 999.9e6, 12)] == [
        "8B", "227k", "20B", "1B", "12"
    ]  # fmt: skip


def test_a_multiple_has_three_digits() -> None:
    assert [format_factor(v) for v in (40339.2, 0.0801, 2.0, 13.34)] == [
        "40,300", "0.0801", "2", "13.3"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "ratio"), [("0.3", 0.3), ("30%", 0.3), ("3:7", 0.3), (0, 0.0), ("1:0", 1.0)]
)
def test_ratios_are_domain_first(text: str | float, ratio: float) -> None:
    assert parse_ratio(text) == pytest.approx(ratio, abs=1e-15)


@pytest.mark.parametrize("text", ["", "1.2", "130%", "0:0", "3/7", "-0.1", "a:b", "nan"])
def test_other_ratios_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a domain ratio"):
        parse_ratio(text)


def test_a_mixture_sums_to_one_exactly_or_is_refused() -> None:
    assert sum(Mixture({"a": 0.3334, "b": 0.6663}).shares.values()) == pytest.approx(1, abs=1e-15)
    assert Mixture.of(0.25)["general"] == 0.75
    with pytest.raises(ConfigError, match=r"sum to 0\.9; they must sum to 1"):
        Mixture({"a": 0.4, "b": 0.5})
    with pytest.raises(ConfigError, match="share of 'a' is -0.5"):
        Mixture({"a": -0.5, "b": 1.5})


FRAME = pd.DataFrame({"share.code": [0.1], "share.math": [0.2], "share.web_text": [0.7]})


def test_roles_know_what_an_eval_set_stands_for() -> None:
    roles = Roles.parse("quiz", "web-text", "code,math", ["quiz=math"])
    assert roles.domain_ratio(FRAME).iloc[0] == pytest.approx(0.3)
    corpora = ("code", "math", "web_text")
    for eval_set, own, side in [
        ("quiz", "math", "domain"), ("Web-Text", "web_text", ""),
        ("web-text", "web_text", "general"), ("unrelated", None, ""),
    ]:  # fmt: skip
        assert roles.own_corpus(eval_set, corpora) == own
        assert roles.side(eval_set) == side


def test_the_general_loss_may_be_a_weighted_sum() -> None:
    roles = Roles.parse(general_set="web=7,books=3", domain_corpora="code")
    assert roles.general_sets == {"web": 0.7, "books": 0.3}
    assert roles.general_set == "web=0.7,books=0.3"
    assert [roles.side(name) for name in (roles.general_set, "books", "code")] == [
        "general", "general", "",
    ]  # fmt: skip


def test_roles_that_the_table_does_not_have_are_refused() -> None:
    with pytest.raises(DataError, match="no corpus 'law' .it has code, math, web_text"):
        Roles.parse(domain_corpora="law").domain_ratio(FRAME)
    with pytest.raises(ConfigError, match="Did you mean 'math'"):
        Roles.parse(own=["domain=maths"]).own_corpus("domain", ("code", "math"))
    with pytest.raises(ConfigError, match="must have the form NAME=VALUE"):
        Roles.parse(own=["domain"])
    with pytest.raises(ConfigError, match="'heavy' in --general-set is no weight|is not a weight"):
        Roles.parse(general_set="web=heavy,books=1")
    with pytest.raises(ConfigError, match="positive weights"):
        Roles.parse(general_set="web=nan,books=1")


def test_an_unknown_plugin_names_the_nearest_one() -> None:
    assert "dcpt" in plugins.available("laws")
    with pytest.raises(ConfigError, match="no law named 'dcptt'. Did you mean 'dcpt"):
        plugins.load("laws", "dcptt")
