"""Inputs of laws: one table of them, used to fit and to predict."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mixlaw import FitResult, fit_laws
from mixlaw.laws import Inputs
from mixlaw.result.inputs import INPUTS, MixtureRoles, RowSettings, law_inputs
from mixlaw.roles import Roles
from mixlaw.runs.table import read_runs

QUICKSTART = Path(__file__).parents[1] / "data" / "quickstart" / "runs.csv"
CORPORA = ("code", "math", "web")
COLUMNS = {"n_params": 1e8, "tokens": [1e9, 2e9], "share.code": 0.1, "share.math": 0.2}


def inputs(roles: MixtureRoles, **more: float) -> Inputs:
    return law_inputs(RowSettings.of({**COLUMNS, "share.web": 0.7, **more}, roles))


@pytest.mark.parametrize(
    ("own", "side", "share"),
    [
        ("math", "domain", 0.2),
        ("web", "general", 0.7),
        (None, "domain", 0.3),
        (None, "general", 0.7),
        (None, "", None),
    ],
)
def test_the_share_of_a_loss_is_that_of_its_own_corpus_or_of_its_side(own, side, share):
    x = inputs(MixtureRoles(CORPORA, ("code", "math"), own, side))
    np.testing.assert_allclose(x["R"], [0.3, 0.3])
    np.testing.assert_allclose(x["h"], [[0.1] * 2, [0.2] * 2, [0.7] * 2])
    if share is None:
        assert "r" not in x
    else:
        np.testing.assert_allclose(x["r"], [share, share])


def test_inputs_whose_columns_are_absent_are_absent():
    assert list(inputs(MixtureRoles())) == ["N", "D"]
    assert list(inputs(MixtureRoles(), base_loss=3.0)) == ["N", "D", "L0"]
    assert list(inputs(MixtureRoles(CORPORA, (), "math"))) == ["N", "D", "h", "r"]


def test_an_input_is_an_entry_of_one_table(monkeypatch):
    monkeypatch.setitem(INPUTS, "P", lambda settings: settings.columns.get("base_tokens"))
    np.testing.assert_allclose(inputs(MixtureRoles(), base_tokens=4e9)["P"], [4e9, 4e9])
    assert "P" not in inputs(MixtureRoles())


@pytest.fixture(scope="module")
def fit_of_a_part() -> FitResult:
    """A fit of one of two general eval sets, neither of which has a corpus of its own."""
    frame = read_runs(QUICKSTART)
    general = frame[frame["eval_set"] == "general"]
    parts = [general.assign(eval_set=name) for name in ("news", "forum")]
    frame = frame[frame["eval_set"] == "domain"]
    roles = Roles.parse(general_set="news=0.5,forum=0.5")
    return fit_laws(pd.concat([frame, *parts]), "dcpt", roles, ["domain", "news"], n_draws=20)


def test_a_part_of_the_general_loss_is_predicted_with_the_share_it_was_fitted_with(fit_of_a_part):
    """It was fitted with r = 1 - domain ratio, and then predicted without any r: KeyError."""
    size, tokens = (fit_of_a_part.levels[name][-1] for name in ("n_params", "tokens"))
    predicted = fit_of_a_part.predict("news", size, tokens, {"domain": 0.25, "general": 0.75})
    x = {"N": np.array([size]), "D": np.array([tokens]), "r": np.array([0.75])}
    law_alone = fit_of_a_part.stack["news"][0].predict(x)
    np.testing.assert_allclose(predicted.estimate, law_alone.estimate, rtol=0.02)


def test_a_saved_fit_knows_the_parts_of_its_general_loss(fit_of_a_part, tmp_path):
    fit_of_a_part.save(tmp_path)
    again = FitResult.load(tmp_path)
    assert again.general_sets == {"news": 0.5, "forum": 0.5}
    # Fits of earlier versions have them in the name of the general loss only.
    for fit in (again, replace(again, general_sets={})):
        assert fit.mixture_roles("news").side == "general"
