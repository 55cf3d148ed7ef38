"""What is assumed of how the target is trained: stated on the screen and in JSON, and an option."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from truths.fits import build_fit
from truths.repeats import HELD_OUT, SIZE, repeating_runs

import mixlaw.recommend
from mixlaw import fit_laws
from mixlaw.cli import main
from mixlaw.errors import ConfigError
from mixlaw.recommend.api import recommend_ratio
from mixlaw.runs.table import read_runs
from mixlaw.screen import screen

SCHEMA = json.loads(
    (Path(mixlaw.recommend.__file__).parent / "recommendation.schema.json").read_text()
)
QUICKSTART = Path(__file__).parents[1] / "data" / "quickstart" / "runs.csv"
TARGET = {"n_params": 198320, "tokens": 128000}
ASSUMED = {"schedule": "wsd", "base_tokens": 1000448, "lr_ratio": pytest.approx(0.3, rel=1e-3)}


@pytest.fixture(scope="module")
def fit():
    return fit_laws(read_runs(QUICKSTART), "dcpt", n_draws=40)


def test_what_is_assumed_stands_on_one_line_and_under_one_key(fit):
    answer = recommend_ratio(fit, **TARGET)
    assert answer.assumes == ASSUMED
    assert answer.document()["assumes"] == ASSUMED
    text = " ".join(screen(answer).split())
    assert (
        "Assumed: the target is trained as the longest runs of the largest size: schedule wsd, "
        "base of 1M tokens (--base-tokens), peak learning rate 0.3 times the base's (--lr-ratio)."
    ) in text
    # No law reads the distinct tokens of the runs, so nothing is assumed of those of the target.
    assert "distinct tokens" not in text


def test_what_is_told_is_assumed_no_more_and_what_no_law_reads_is_said(fit, tmp_path, capsys):
    fit.save(tmp_path)
    target = ["--model-size", "198320", "--tokens", "128k", "--fit", str(tmp_path), "--json"]
    with pytest.raises(SystemExit, match="0"):
        main(["recommend", *target, "--base-tokens", "1B", "--lr-ratio", "0.1"])
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    assert document["assumes"] == {"schedule": "wsd", "base_tokens": 1e9, "lr_ratio": 0.1}
    assert not any("lr-ratio" in text for text in document["assumptions"])
    said = [w["message"] for w in document["warnings"] if w["code"] == "not-in-the-laws"]
    assert len(said) == 2
    assert "do not depend on lr_ratio: what they say is true of 0.3" in said[1]
    told = recommend_ratio(fit, **TARGET, base_tokens=1000448, lr_ratio=fit.assumes["lr_ratio"])
    assert "not-in-the-laws" not in {warning.code for warning in told.warnings}


def test_distinct_tokens_are_assumed_where_a_law_reads_them():
    runs = repeating_runs("repeated", np.random.default_rng(0))
    fit = fit_laws(runs, "repeated,dcpt", n_draws=40)
    target = {"n_params": SIZE, "tokens": HELD_OUT, "rule": "balance"}
    answer = recommend_ratio(fit, **target)
    assert answer.assumes == {"unique_tokens.domain": 1e9}
    assert "1B distinct tokens of domain (--unique-tokens)" in " ".join(screen(answer).split())
    told = recommend_ratio(fit, **target, unique_tokens={"domain": 1e12})
    assert told.assumes == {"unique_tokens.domain": 1e12}
    assert told.recommended > answer.recommended + 0.1


def test_fits_of_earlier_versions_assume_nothing(fit):
    answer = recommend_ratio(replace(fit, assumes={}), **TARGET)
    assert answer.assumes == {}
    assert "the target is trained as" not in screen(answer)
    assert recommend_ratio(build_fit(), n_params=1e9, tokens=1e10).assumes == {}


@pytest.mark.parametrize("option", [{"lr_ratio": 0.0}, {"lr_ratio": 1e4}])
def test_what_no_run_can_be_is_refused(fit, option):
    with pytest.raises(ConfigError, match="--lr-ratio is"):
        recommend_ratio(fit, **TARGET, **option)
