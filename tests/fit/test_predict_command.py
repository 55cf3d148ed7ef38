"""Losses of any rows: ``fit.predict(frame)`` and ``mixlaw predict``."""

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest
from truths.fits import build_fit

import mixlaw.result
from mixlaw.cli import main
from mixlaw.errors import DataError, FitError
from mixlaw.result.fit_result import FitResult
from mixlaw.result.row_flags import Flag
from mixlaw.result.types import Member

SCHEMA = json.loads(
    (Path(mixlaw.result.__file__).parent / "predictions.schema.json").read_text("utf-8")
)
INSIDE = {"n_params": 1e9, "tokens": 1e10, "domain_ratio": 0.5}


@pytest.fixture(scope="module")
def fit():
    return build_fit(n_draws=100)


def one_budget(of: FitResult) -> FitResult:
    """The same fit as if all its rows had been at 3B tokens."""
    stack = {
        name: tuple(replace(member, tokens=3e9) for member in members)
        for name, members in of.stack.items()
    }
    return replace(of, stack=stack)


def codes(predicted: pd.DataFrame) -> list[list[str]]:
    return [[flag.code for flag in flags] for flags in predicted["flags"]]


def run(*arguments) -> int:
    try:
        main(["predict", *map(str, arguments)])
    except SystemExit as stop:
        return stop.code or 0
    return 0


def test_rows_are_predicted_as_arrays_are(fit):
    frame = pd.DataFrame([INSIDE, INSIDE | {"domain_ratio": 0.1}], index=["a", "b"])
    predicted = fit.predict(frame)
    assert list(predicted.index) == ["a", "a", "b", "b"]
    assert list(predicted["eval_set"]) == ["domain", "general"] * 2
    of_general = predicted[predicted["eval_set"] == "general"]
    shares = {"domain": [0.5, 0.1], "general": [0.5, 0.9]}
    wanted = fit.predict("general", 1e9, 1e10, shares)
    np.testing.assert_allclose(of_general["estimate"], wanted.estimate)
    np.testing.assert_allclose(of_general[["low", "high"]].T, wanted.interval())
    assert codes(predicted) == [[]] * 4
    assert list(frame.columns) == list(INSIDE)


def test_what_lies_outside_is_flagged_with_its_distance(fit):
    row = {"n_params": np.e * 1e9, "tokens": 1e9 / np.e, "unique_tokens.domain": 1e8}
    fit = replace(fit, ranges={**fit.ranges, "share.domain": (0.0, 0.6)})
    frame = pd.DataFrame([row | {"domain_ratio": 0.75, "eval_set": "general"}])
    (flags,) = fit.predict(frame)["flags"]
    passes = 0.75 * 1e9 / np.e / 1e8
    expected = {
        ("extrapolation.n_params", ""): 1.0,
        ("extrapolation.tokens", ""): -1.0,
        ("extrapolation.tokens_per_param", ""): -2.0,
        ("extrapolation.share", "domain"): 0.15,
        ("extrapolation.epochs", "domain"): np.log(passes),
    }
    assert {(flag.code, flag.corpus): flag.distance for flag in flags} == pytest.approx(expected)
    assert str(flags[0]) == "extrapolation.n_params +1"


def test_shares_beyond_what_the_law_was_fitted_to_are_flagged(fit):
    fit = replace(fit, ratio_ranges={"general": (0.1, 1.0)})
    predicted = fit.predict(pd.DataFrame([INSIDE | {"domain_ratio": 0.0}]))
    flagged = dict(zip(predicted["eval_set"], predicted["flags"], strict=True))
    assert flagged["domain"] == ()
    assert flagged["general"] == (Flag("extrapolation.share", pytest.approx(-0.1), "domain"),)


def test_ranks_are_taken_draw_by_draw(fit):
    ratios = [0.5, 0.11, 0.1]
    frame = pd.DataFrame([INSIDE | {"domain_ratio": ratio} for ratio in ratios])
    ranked = fit.predict(frame, rank="general")
    assert list(ranked.index) == [2, 1, 0]
    shares = {"domain": np.array(ratios), "general": 1 - np.array(ratios)}
    draws = fit.predict("general", 1e9, 1e10, shares).draws
    over = draws - draws.min(axis=1, keepdims=True)
    np.testing.assert_allclose(ranked.sort_index()["regret"], over.mean(axis=0))
    # The intervals of the last two overlap, yet in every draw the smaller share is better.
    assert ranked.loc[1, "low"] < ranked.loc[2, "high"]
    assert list(ranked["p_best"]) == [1.0, 0.0, 0.0]
    twins = fit.predict(frame.iloc[[0, 0]], rank="general")
    assert list(twins["p_best"]) == [0.5, 0.5]


def test_rows_of_other_eval_sets_are_not_ranked(fit):
    frame = pd.DataFrame([INSIDE | {"eval_set": name} for name in ("domain", "general")])
    ranked = fit.predict(frame, rank="general").set_index("eval_set")
    assert ranked.loc["general", "p_best"] == 1
    assert np.isnan(ranked.loc["domain", "regret"])
    with pytest.raises(DataError, match="No row has the eval set 'general'"):
        fit.predict(frame.iloc[:1], rank="general")


def test_one_size_is_carried_and_one_budget_cannot_say_another(fit):
    carried = build_fit(sizes=(3e8,), n_draws=50)
    frame = pd.DataFrame([INSIDE | {"n_params": n} for n in (3e8, 1e9)])
    of_size = carried.predict(frame, rank="general").sort_index()
    assert len(set(of_size["estimate"])) == 1
    assert codes(of_size)[0] == []
    assert codes(of_size)[1][0] == "no-size-information"
    frame = pd.DataFrame([INSIDE | {"tokens": tokens} for tokens in (3e9, 1e10)])
    of_budget = one_budget(fit).predict(frame, rank="domain").sort_index()
    assert codes(of_budget)[1] == ["not-identified"]
    assert of_budget.loc[1, ["estimate", "low", "high", "regret"]].isna().all()
    assert of_budget.loc[0, "p_best"] == 1
    with pytest.raises(DataError, match="none of these rows"):
        one_budget(fit).predict(frame.iloc[1:], rank="domain")


def test_tokens_zero_is_the_base(fit):
    frame = pd.DataFrame([{"n_params": 1e9, "tokens": 0, "domain_ratio": None}])
    predicted = fit.predict(frame)
    wanted = [fit.base(name, 1e9).estimate[0] for name in ("domain", "general")]
    np.testing.assert_allclose(predicted["estimate"], wanted)
    without = build_fit(base=False, n_draws=50).predict(frame)
    assert without["estimate"].isna().all()
    assert codes(without) == [["base-missing"]] * 2


def test_a_measured_base_loss_sets_the_level(fit):
    base = float(fit.base("general", 1e9).estimate[0])
    frame = pd.DataFrame([INSIDE, INSIDE | {"base_loss": base + 0.25}]).assign(eval_set="general")
    plain, moved = fit.predict(frame)["estimate"]
    assert moved - plain == pytest.approx(0.25, abs=1e-3)  # far off its law: a run keeps its start
    predicted = build_fit(base=False, n_draws=50).predict(frame)
    assert codes(predicted) == [[], ["unused-base-loss"]]
    assert len(set(predicted["estimate"])) == 1


def test_fits_without_roles_and_of_one_corpus_predict(fit):
    nobody = replace(fit, domain_set="a", general_set="b", general_sets={}, domain_corpora=())
    frame = pd.DataFrame([INSIDE]).drop(columns="domain_ratio")
    shares = frame.assign(**{"share.domain": 0.5, "share.general": 0.5})
    np.testing.assert_allclose(
        nobody.predict(shares)["estimate"], fit.predict(pd.DataFrame([INSIDE]))["estimate"]
    )
    with pytest.raises(DataError, match=r"give share\.domain, share\.general instead"):
        nobody.predict(pd.DataFrame([INSIDE]))
    alone = replace(nobody, corpora=(), own={}, stack=fit.base_stack)
    assert np.isfinite(alone.predict(frame, rank="general")["estimate"]).all()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"n_params": 1e9, "domain_ratio": 0.5}, "lack the column(s) tokens"),
        ({"n_params": 1e9, "tokens": 1e9}, "lack the column(s) share.domain, share.general"),
        ({"n_params": 1e9, "tokens": 1e9, "share.domain": 0.5}, "lack the column(s) share.general"),
        (INSIDE | {"domain_ratio": 1.5}, "Row 1: the shares domain 1.5, general -0.5 must lie"),
        (
            {"n_params": 1e9, "tokens": 1e9, "share.domain": 0.5, "share.general": 0.4},
            "must lie in 0..1 and sum to 1 within 0.001",
        ),
        (INSIDE | {"tokens": "many"}, "Row 1: 'many' in column 'tokens' is not a number"),
        (INSIDE | {"n_params": -1}, "n_params is -1, but must be a positive count"),
        (INSIDE | {"eval_set": "genral"}, "Did you mean 'general'?"),
        (INSIDE | {"base_loss": -2}, "base_loss is -2"),
    ],
)
def test_bad_rows_are_one_sentence_and_exit_code_2(fit, tmp_path, capsys, row, message):
    fit.save(tmp_path / "fit")
    pd.DataFrame([row]).to_csv(tmp_path / "rows.csv", index=False)
    assert run(tmp_path / "fit", tmp_path / "rows.csv", "--out", tmp_path / "out.csv") == 2
    out, err = capsys.readouterr()
    assert message in err
    assert err.count("\n") == 1
    assert out == ""
    assert not (tmp_path / "out.csv").exists()


def test_unreadable_files_and_unknown_names_are_exit_code_2(fit, tmp_path, capsys):
    fit.save(tmp_path / "fit")
    (tmp_path / "rows.parquet").write_text("n_params,tokens\n")
    assert run(tmp_path / "fit", tmp_path / "none.csv") == 2
    assert run(tmp_path / "fit", tmp_path / "rows.parquet") == 2
    assert "cannot be read as parquet" in capsys.readouterr().err
    with pytest.raises(FitError, match="Did you mean 'general'"):
        fit.predict(pd.DataFrame([INSIDE]), rank="genral")
    with pytest.raises(DataError, match="no rows to predict"):
        fit.predict(pd.DataFrame(columns=list(INSIDE)))


def test_the_command_prints_csv_and_json_that_obey_the_schema(fit, tmp_path, capsys):
    one_budget(fit).save(tmp_path / "fit")
    frame = pd.DataFrame([INSIDE | {"tokens": 3e9, "note": "x"}, INSIDE | {"n_params": 8e9}])
    for name in ("rows.csv", "rows.parquet"):
        table = tmp_path / name
        frame.to_csv(table) if name == "rows.csv" else frame.to_parquet(table)
        assert run(tmp_path / "fit", table, "--rank", "general") == 0
        out, err = capsys.readouterr()
        assert "differ in size" not in err
        printed = pd.read_csv(io.StringIO(out))
        assert list(printed["p_best"].fillna(-1)) == [1, -1]
        assert printed["flags"][1].startswith("not-identified; extrapolation.n_params +2.08")
        target = tmp_path / "out" / "predictions.json"
        assert run(tmp_path / "fit", table, "--json", "--out", target) == 0
        assert capsys.readouterr().out == ""
        content = json.loads(target.read_text())
        jsonschema.validate(content, SCHEMA)
        assert [row["eval_set"] for row in content["rows"]] == ["domain", "general"] * 2
        assert (content["rows"][0]["note"], content["rows"][2]["note"]) == ("x", None)
        assert content["rows"][2]["estimate"] is None
        assert content["rows"][2]["flags"][0] == {"code": "not-identified", "distance": None}
        assert run(tmp_path / "fit", table, "--json", "--rank", "domain") == 0
        jsonschema.validate(json.loads(capsys.readouterr().out), SCHEMA)


def test_results_load_without_pandas():
    script = "import sys, mixlaw.result.fit_result; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_point_where_the_law_has_no_value_is_flagged_and_the_others_are_predicted(fit):
    """One row at share 0 failed the whole table where a law has no finite value there."""
    names = ("E", "A", "B", "k", "alpha", "beta", "a", "c")
    values = np.array([1.8, 0.1, 0.5, 0.05, 0.3, 0.3, 0.9, 0.3])
    member = Member("repeated-optimum", names, values, np.tile(values, (100, 1)))
    fit = replace(fit, stack={**fit.stack, "domain": (member,)})
    frame = pd.DataFrame([INSIDE, INSIDE | {"domain_ratio": 0.0}]).assign(eval_set="domain")
    predicted = fit.predict(frame)
    assert np.isfinite(predicted["estimate"]).tolist() == [True, False]
    assert codes(predicted) == [[], ["not-identified"]]
