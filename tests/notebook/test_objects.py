"""Fits and answers in Python: short when printed, DataFrames, figures, and honest keywords."""

import inspect

import pandas as pd
import pytest
from truths import Design, dcpt_truth, simulate_sweep
from truths.fits import build_fit

import mixlaw
import mixlaw.fit.api
import mixlaw.recommend.api


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    import numpy as np

    return simulate_sweep(dcpt_truth(), np.random.default_rng(0), Design(checkpoints=0))


@pytest.fixture(scope="module")
def fit(runs):
    return mixlaw.fit_laws(runs, "dcpt", n_draws=50)


@pytest.fixture(scope="module")
def answer(fit):
    return mixlaw.recommend_ratio(fit, n_params="8B")


def test_what_is_printed_is_short(fit, answer):
    for shown in (fit, answer):
        lines = str(shown).splitlines()
        assert len(lines) < 15
        assert max(map(len, lines)) <= 80
        assert repr(shown) == str(shown)
    assert f"dcpt fitted to {fit.rows_used} rows of a table in memory" in str(fit)
    assert "8B parameters, 20B tokens" in str(answer)


def test_notebooks_show_tables(fit, answer):
    assert "<table" in fit._repr_html_()
    assert "largest-size" in fit._repr_html_()
    assert "<table" in answer._repr_html_()
    assert "8B parameters" in answer._repr_html_()


def test_parameters_are_those_of_the_members(fit):
    table = fit.parameters
    (member,) = fit.stack["general"]
    mine = table[table["eval_set"] == "general"].set_index("parameter")
    assert mine["estimate"].tolist() == member.estimate.tolist()
    assert (mine["low"] <= mine["high"]).all()


def test_held_out_errors_stand_beside_the_baselines(fit):
    table = fit.held_out.set_index(["eval_set", "split"])
    error = table.loc[("general", "largest-size"), "error"]
    assert error == pytest.approx(fit.scores["general"]["largest-size"]["error"], rel=1e-4)
    assert set(fit.compared.columns) >= {"law", "split", "error", "baseline_error"}


def test_the_table_has_every_budget_once(answer):
    table = answer.table()
    assert table["tokens"].tolist() == [1e9, 5e9, 2e10, 1e11]
    asked = table[table["tokens"] == answer.tokens].iloc[0]
    assert asked["recommended"] == answer.recommended
    assert (asked["general_rise_low"] <= asked["general_rise_high"]).all()


def test_figures_need_no_file(fit, answer):
    assert fit.plot().axes
    assert fit.plot("predicted-measured").axes
    assert answer.plot().axes
    with pytest.raises(mixlaw.MixlawError, match="no picture named 'loses'. Did you mean 'losses'"):
        fit.plot("loses")
    with pytest.raises(mixlaw.MixlawError, match="give it: runs="):
        mixlaw.recommend_ratio(build_fit(), n_params="8B").plot()


def test_sizes_read_like_people_write_them(fit):
    plain = mixlaw.recommend_ratio(fit, n_params=8e9, tokens=2e10)
    written = mixlaw.recommend_ratio(fit, n_params="8B", tokens="20B")
    assert written.document() == plain.document()
    assert mixlaw.recommend_ratio(fit, n_params="8B:total").assumptions
    shares = {"domain": 0.3, "general": 0.7}
    assert fit.predict("domain", "1B", "20B", shares).estimate == pytest.approx(
        fit.predict("domain", 1e9, 2e10, shares).estimate
    )


@pytest.mark.parametrize(
    ("call", "given", "message"),
    [
        ("recommend_ratio", {"model_size": "8B"}, "no parameter 'model_size'. Did you mean 'n_par"),
        ("recommend_ratio", {"toknes": 1}, "Did you mean 'tokens'"),
        ("fit_laws", {"draws": 5}, "Did you mean 'n_draws'"),
    ],
)
def test_a_wrong_keyword_is_one_sentence(fit, runs, call, given, message):
    first = fit if call == "recommend_ratio" else runs
    with pytest.raises(mixlaw.MixlawError, match=message):
        getattr(mixlaw, call)(first, **given)


def test_signatures_are_real():
    for public, real in [
        (mixlaw.fit_laws, mixlaw.fit.api.fit_laws),
        (mixlaw.recommend_ratio, mixlaw.recommend.api.recommend_ratio),
    ]:
        assert inspect.signature(public) == inspect.signature(real)
        assert public.__doc__ == real.__doc__


def test_a_saved_fit_is_loaded_as_one(fit, tmp_path):
    fit.save(tmp_path)
    loaded = mixlaw.FitResult.load(tmp_path)
    assert isinstance(loaded, mixlaw.FitResult)
    assert loaded.folder == str(tmp_path)
    pd.testing.assert_frame_equal(loaded.held_out, fit.held_out)


def test_an_answer_becomes_a_configuration(answer):
    assert "--data-path" in mixlaw.emit("megatron", answer).text
    assert mixlaw.emit("megatron", answer.document()).text == mixlaw.emit("megatron", answer).text
    nothing = mixlaw.recommend_ratio(build_fit(), n_params=8e9, tokens=1e9, max_general_rise=0)
    with pytest.raises(mixlaw.MixlawError, match="no ratio to emit for 'megatron': No feasible"):
        mixlaw.emit("megatron", nothing)


def test_the_public_names_are_there(runs):
    assert mixlaw.examine(runs, mixlaw.Roles(), {}) is not None
    assert {"Roles", "Law", "import_runs", "examine", "emit"} <= set(dir(mixlaw))
    for name in mixlaw.__all__:
        assert getattr(mixlaw, name)
