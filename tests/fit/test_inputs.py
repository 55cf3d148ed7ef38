"""Inputs of laws: one table of them, used to fit and to predict."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from truths.rows import rows_of

from mixlaw import FitResult, fit_laws, laws
from mixlaw.errors import DataError, FitError
from mixlaw.fit.noise import seed_std
from mixlaw.fit.selection import select
from mixlaw.laws import Inputs, Law, Parameter
from mixlaw.result.inputs import INPUTS, MixtureRoles, RowSettings, law_inputs
from mixlaw.roles import Roles
from mixlaw.runs.table import read_runs, validate_runs

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
    monkeypatch.setitem(INPUTS, "T", lambda settings: settings.columns.get("batch_tokens"))
    np.testing.assert_allclose(inputs(MixtureRoles(), batch_tokens=4e6)["T"], [4e6, 4e6])
    assert "T" not in inputs(MixtureRoles())


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


REPEATING = {**COLUMNS, "share.web": 0.7, "unique_tokens.code": 1.5e8, "unique_tokens.math": 3e8}


@pytest.mark.parametrize(
    ("own", "side", "unique"),
    [
        ("code", "domain", [np.inf, 1.5e8]),  # 1e8 and 2e8 tokens seen
        ("math", "domain", [np.inf, 3e8]),
        (None, "domain", [np.inf, 4.5e8]),  # the domain corpora together
        ("web", "general", None),
        (None, "", None),
    ],
)
def test_distinct_tokens_count_where_a_run_saw_more_than_there_are(own, side, unique):
    x = law_inputs(RowSettings.of(REPEATING, MixtureRoles(CORPORA, ("code", "math"), own, side)))
    if unique is None:
        assert "U" not in x
    else:
        np.testing.assert_array_equal(x["U"], unique)


def test_distinct_tokens_that_are_unknown_are_infinite_or_no_input():
    roles = MixtureRoles(CORPORA, ("code",), "code", "domain")
    some = law_inputs(RowSettings.of({**REPEATING, "unique_tokens.code": [np.nan, 1.5e8]}, roles))
    np.testing.assert_array_equal(some["U"], [np.inf, 1.5e8])
    none = law_inputs(RowSettings.of({**REPEATING, "unique_tokens.code": np.nan}, roles))
    assert "U" not in none


@pytest.mark.parametrize(("column", "name"), [("base_tokens", "P"), ("lr_ratio", "lr")])
def test_how_a_run_was_trained_is_an_input_where_every_row_says_it(column, name):
    roles = MixtureRoles()
    np.testing.assert_allclose(inputs(roles, **{column: 0.3})[name], [0.3, 0.3])
    assert name not in inputs(roles, **{column: np.nan})
    assert name not in inputs(roles)


def test_the_ratio_of_the_rates_follows_from_the_peaks_of_runs_and_bases():
    frame = read_runs(QUICKSTART)
    assert "lr_ratio" not in frame
    rows = select(frame, laws.load("dcpt"), Roles()).rows["domain"]
    np.testing.assert_allclose(rows.x["lr"], 0.3, rtol=1e-3)
    np.testing.assert_allclose(rows.x["P"], 1000448)
    given = select(frame.assign(lr_ratio=0.5), laws.load("dcpt"), Roles()).rows["domain"]
    np.testing.assert_allclose(given.x["lr"], 0.5)


def test_runs_that_repeat_unequally_often_are_no_replicates():
    x = {"N": np.full(4, 1e8), "D": np.full(4, 1e9), "U": np.array([1e8, 1e8, 2e8, np.inf])}
    rows = rows_of(np.array([3.0, 3.002, 2.9, 2.8]), x, np.arange(4))
    assert seed_std(rows) == pytest.approx(np.std(np.log([3.0, 3.002]), ddof=1))


#: A law of all three: no shipped one is of the base's tokens or of the learning rate.
TRAINED = Law(
    name="of-training",
    formula="E + A P^-0.1 + B lr + C ln(1 + D/U)",
    source="a test",
    inputs=("D", "P", "lr", "U"),
    parameters=tuple(
        Parameter(name, 0.0, np.inf, "a test", amplitude="nonneg") for name in ("E", "A", "B", "C")
    ),
    terms=lambda p, x: {
        "E": 1.0, "A": x["P"] ** -0.1, "B": x["lr"], "C": np.log1p(x["D"] / x["U"]),
    },
    gradient=lambda p, x: {},
    minimum="a test",
)  # fmt: skip
TRUTH = {"E": 1.5, "A": 8.0, "B": 0.2, "C": 0.03}


def training_runs() -> pd.DataFrame:
    """Noiseless runs of that law at one size, which differ in how they were trained."""
    rng = np.random.default_rng(3)
    n = 24
    x = {
        "D": rng.choice([1e9, 2e9, 4e9], n),
        "P": rng.choice([1e10, 1e11, 1e12], n),
        "lr": rng.choice([0.1, 0.3, 1.0], n),
        "U": rng.choice([1e7, 1e8], n),
    }
    return validate_runs(
        pd.DataFrame(
            {
                "run_id": [f"run-{i}" for i in range(n)],
                "n_params": 1e8,
                "eval_set": "domain",
                "loss": TRAINED.predict(TRUTH, x),
                "domain_ratio": 0.5,
                "tokens": x["D"],
                "base_tokens": x["P"],
                "lr_ratio": x["lr"],
                "unique_tokens.domain": x["U"],
            }
        )
    )


def test_a_law_of_how_runs_were_trained_is_fitted_and_predicts():
    frame = training_runs()
    fit = fit_laws(frame, TRAINED, n_draws=20, mix=["lr_ratio"])
    member = fit.stack["domain"][0]
    assert dict(zip(member.params, member.estimate, strict=True)) == pytest.approx(TRUTH, rel=1e-3)
    shares = {"domain": 0.5, "general": 0.5}
    told = {"unique_tokens.domain": 1e8, "base_tokens": 1e11, "lr_ratio": 0.5}
    x = {"D": np.array([4e9]), "P": np.array([1e11]), "lr": np.array([0.5]), "U": np.array([1e8])}
    predicted = fit.predict("domain", 1e8, 4e9, shares, assuming=told)
    assert predicted.estimate == pytest.approx(TRAINED.predict(TRUTH, x), rel=1e-3)
    # Untold, the target is trained as the longest runs were: of several values the largest.
    assert fit.assumes == {"unique_tokens.domain": 1e8, "base_tokens": 1e12, "lr_ratio": 0.3}
    assumed = fit.predict("domain", 1e8, 4e9, shares, assuming=fit.assumes)
    np.testing.assert_array_equal(
        fit.predict("domain", 1e8, 4e9, shares).estimate, assumed.estimate
    )
    # Rows of a table say it in their columns, or leave it to the fit.
    rows = frame[["n_params", "tokens", "share.domain", "share.general"]].head(2)
    columns = frame[["base_tokens", "lr_ratio", "unique_tokens.domain"]].head(2)
    by_row = fit.predict(pd.concat([rows, columns], axis=1))
    np.testing.assert_allclose(by_row["estimate"], frame["loss"].head(2), rtol=1e-3)
    assert not np.allclose(fit.predict(rows)["estimate"], frame["loss"].head(2), rtol=1e-2)


def test_what_a_fit_assumes_is_saved(tmp_path):
    fit = fit_laws(training_runs(), TRAINED, n_draws=20, mix=["lr_ratio"])
    fit.save(tmp_path)
    assert FitResult.load(tmp_path).assumes == fit.assumes


def test_an_input_that_nobody_knows_is_named_in_a_sentence():
    frame = training_runs()
    with pytest.raises(FitError, match=r"needs P \(base_tokens\), which the rows lack"):
        fit_laws(frame.drop(columns="base_tokens"), TRAINED, eval_sets=["domain"], mix=["lr_ratio"])
    with pytest.raises(DataError, match=r"no U \(unique_tokens.<corpus>\) for 'domain'"):
        fit_laws(frame.drop(columns="unique_tokens.domain"), "repeated", mix=["lr_ratio"])
    fit = replace(fit_laws(frame, TRAINED, n_draws=20, mix=["lr_ratio"]), assumes={})
    with pytest.raises(FitError, match="needs the base's pre-training tokens"):
        fit.predict("domain", 1e8, 4e9, {"domain": 0.5, "general": 0.5})
    with pytest.raises(FitError, match="no column to assume named 'lr_peak'"):
        fit.predict("domain", 1e8, 4e9, {"domain": 0.5, "general": 0.5}, assuming={"lr_peak": 1.0})


def test_a_law_of_repeats_needs_runs_that_repeat():
    frame = read_runs(QUICKSTART)
    compared = fit_laws(frame, "dcpt,repeated", n_draws=20).compared["domain"]
    assert "no run repeats its own corpus" in compared["repeated"]["note"]
    alone = fit_laws(frame, "repeated", eval_sets=["domain"], n_draws=20)
    member = alone.stack["domain"][0]
    assert member.estimate[member.params.index("Rs")] == 15.4
    assert any("no run repeats its own corpus, so Rs is held" in s.message for s in alone.statuses)
