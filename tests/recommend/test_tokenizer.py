"""A base measured with another tokenizer compares in bits per byte, or not at all."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mixlaw.errors import ConfigError, DataError, FitError
from mixlaw.fit.provenance import facts
from mixlaw.recommend.api import recommend_ratio
from mixlaw.roles import Roles
from mixlaw.runs.table import validate_runs

TARGET = {"n_params": 8e9, "tokens": 2e10, "max_general_rise": 0.05}
BYTES = {"domain": 3.1, "general": 4.4}
NATS_PER_BIT_PER_BYTE = math.log(2) * BYTES["general"]


@pytest.fixture
def fit(build):
    about = {"tokenizers": ["ours"], "bytes_per_token": BYTES}
    return replace(build(noise=0.02), about=about)


def test_bits_per_byte_are_nats_of_the_table(fit):
    loss = 2.4
    per_byte = f"{loss / NATS_PER_BIT_PER_BYTE}bpb"
    asked = {**TARGET, "max_general_rise": "2%"}
    nats = recommend_ratio(fit, **asked, base_general_loss=loss)
    bits = recommend_ratio(fit, **asked, base_general_loss=per_byte, base_tokenizer="theirs")
    assert bits.estimate == pytest.approx(nats.estimate, abs=1e-9)
    assert bits.losses["general"] == pytest.approx(nats.losses["general"])
    assert "other-tokenizer" in [w.code for w in bits.warnings]
    assert "other-tokenizer" not in [w.code for w in nats.warnings]


def test_losses_and_rise_are_said_in_bits_per_byte_too(fit):
    answer = recommend_ratio(fit, **TARGET, base_tokenizer="theirs")
    said = answer.details["bits_per_byte"]
    assert said["general"]["estimate"] == pytest.approx(
        answer.losses["general"]["estimate"] / NATS_PER_BIT_PER_BYTE
    )
    assert said["general rise"]["high"] == pytest.approx(
        answer.general_rise["high"] / NATS_PER_BIT_PER_BYTE
    )
    assert "bits_per_byte" not in recommend_ratio(fit, **TARGET, base_tokenizer="ours").details


def test_nats_of_another_tokenizer_do_not_compare(fit):
    with pytest.raises(ConfigError, match="'theirs'.*tokenizer is 'ours'.*0.61bpb") as caught:
        recommend_ratio(fit, **TARGET, base_general_loss=2.4, base_tokenizer="theirs")
    assert caught.value.exit_code == 2


def test_without_bpb_there_is_no_comparison(build):
    with pytest.raises(FitError, match="no bpb for 'general'") as caught:
        recommend_ratio(build(), **TARGET, base_general_loss="0.6bpb", base_tokenizer="theirs")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("text", ["0.6 bits", "-1bpb", "0bpb", "101bpb", "nanbpb", "bpb", "2,3"])
def test_a_loss_of_no_known_unit(fit, text):
    with pytest.raises(ConfigError, match="nats per token.*or bits per byte"):
        recommend_ratio(fit, **TARGET, base_general_loss=text)


def observed(fit, tokenizer, unit=1.0, **columns):
    """Rows on the fitted law, their losses in tokens that are ``unit`` times as long."""
    rows, shares = [], {"domain": [0.3], "general": [0.7]}
    for tokens in (0.0, 2e8, 4e8):
        loss = fit.base("general", 8e9) if not tokens else None
        loss = loss or fit.predict("general", 8e9, tokens, shares)
        value = loss.estimate[0]
        ratio = 0.3 if tokens else np.nan
        bpb = value / NATS_PER_BIT_PER_BYTE
        rows.append(("target", 8e9, tokens, ratio, "general", value * unit, bpb))
    names = ["run_id", "n_params", "tokens", "domain_ratio", "eval_set", "loss", "bpb"]
    return pd.DataFrame(rows, columns=names).assign(tokenizer=tokenizer, **columns)


def test_observed_rows_of_another_tokenizer_compare_by_their_bpb(fit):
    same = recommend_ratio(fit, **TARGET, observed=observed(fit, "ours"))
    other = recommend_ratio(fit, **TARGET, observed=observed(fit, "theirs", unit=1.3))
    assert other.estimate == pytest.approx(same.estimate, abs=1e-9)
    assert "other-tokenizer" in [w.code for w in other.warnings]
    with pytest.raises(DataError, match="lack bpb"):
        recommend_ratio(fit, **TARGET, observed=observed(fit, "theirs", bpb=np.nan))
    with pytest.raises(DataError, match="several tokenizers"):
        recommend_ratio(fit, **TARGET, observed=observed(fit, ["ours", "ours", "theirs"]))


def test_facts_of_the_table(fit):
    frame = validate_runs(observed(fit, "ours"))
    found = facts(frame, Roles())
    assert found["tokenizers"] == ["ours"]
    assert found["bytes_per_token"] == {"general": pytest.approx(BYTES["general"])}
    bare = facts(frame.drop(columns=["bpb", "tokenizer"]), Roles())
    assert (bare["tokenizers"], bare["bytes_per_token"]) == ([], {})
