"""Which rows are fitted, which are left out, and what is refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mixlaw import laws
from mixlaw.errors import DataError
from mixlaw.fit.selection import select
from mixlaw.roles import Roles
from mixlaw.runs.table import validate_runs
from mixlaw.runs.views import only_where


def _frame(**columns):
    """Two sizes x three ratios x two budgets, both eval sets, and base rows."""
    rows = []
    for size in (1e8, 2e8):
        for eval_set in ("domain", "general"):
            rows.append(
                {"run_id": f"b{size:.0f}", "n_params": size, "tokens": 0, "eval_set": eval_set,
                 "domain_ratio": np.nan, "loss": 3.0 + 1e8 / size}
            )  # fmt: skip
            for ratio in (0.0, 0.5, 1.0):
                for tokens in (1e9, 2e9):
                    rows.append(
                        {"run_id": f"n{size:.0f}-r{ratio}", "n_params": size, "tokens": tokens,
                         "eval_set": eval_set, "domain_ratio": ratio, "loss": 2.5}
                    )  # fmt: skip
    return pd.DataFrame(rows).assign(**columns)


def _select(frame, law="dcpt", **options):
    return select(validate_runs(frame), laws.load(law), Roles(), **options)


def test_shares_of_each_loss_are_its_own():
    rows = _select(_frame()).rows
    np.testing.assert_allclose(rows["domain"].x["r"], rows["domain"].x["R"])
    np.testing.assert_allclose(rows["general"].x["r"], 1 - rows["general"].x["R"])
    np.testing.assert_allclose(rows["general"].x["h"].sum(axis=0), 1)


def test_base_rows_become_base_losses_and_are_not_fitted():
    selection = _select(_frame())
    assert len(selection.rows["general"]) == 12
    assert (selection.rows["general"].x["D"] > 0).all()
    np.testing.assert_allclose(selection.base["general"].loss, [4.0, 3.5])
    small = selection.rows["general"].x["N"] == 1e8
    np.testing.assert_allclose(selection.rows["general"].x["L0"][small], 4.0)


def test_without_base_rows_there_is_no_base_loss():
    frame = _frame()
    with pytest.raises(DataError, match="no base loss of 'domain' .rows at 0 tokens"):
        _select(frame[frame["tokens"] > 0], law="dcpt-anchored")


def test_eval_sets_of_other_names_are_said_with_the_flags_that_name_them():
    """As in every table whose corpora are not called domain and general."""
    frame = _frame().replace({"eval_set": {"domain": "med", "general": "web"}})
    with pytest.raises(DataError, match="nothing says whose loss 'med' is .--domain-set"):
        _select(frame)


def test_flagged_rows_are_counted_by_reason():
    frame = _frame(flag="")
    frame.loc[1, "loss"] = np.nan
    frame.loc[2, "flag"] = "diverged"
    assert _select(frame).left_out == {"non-finite loss": 1, "diverged": 1}


def test_final_laws_take_annealed_rows_and_trajectory_laws_trunk_rows():
    frame = _frame()
    frame["annealed"] = (frame["tokens"] == 2e9) | (frame["tokens"] == 0)
    final, trajectory = _select(frame), _select(frame, law="hump")
    assert set(final.rows["domain"].x["D"]) == {2e9}
    assert set(trajectory.rows["domain"].x["D"]) == {1e9}
    assert final.left_out == {"not annealed (law 'dcpt')": 12}
    assert final.statuses == ()


def test_a_law_of_all_rows_takes_both_kinds():
    frame = _frame()
    frame["annealed"] = (frame["tokens"] == 2e9) | (frame["tokens"] == 0)
    law = replace(laws.load("dcpt"), takes="all")
    selection = select(validate_runs(frame), law, Roles())
    assert set(selection.rows["domain"].x["D"]) == {1e9, 2e9}
    assert selection.left_out == {}
    assert selection.checklist["checkpoints"] == "annealed and trunk rows"


def test_an_unknown_annealing_state_is_said():
    assert [s.code for s in _select(_frame()).statuses] == ["annealing-unknown"]


def test_a_table_of_trunks_is_refused_for_a_final_law():
    with pytest.raises(DataError, match=r"All 24 rows are trunk rows.*fit a law of trunk rows"):
        _select(_frame(annealed=False))


@pytest.mark.parametrize("column", ["recipe", "tokenizer", "metric_version"])
def test_definitions_are_not_mixed_unasked(column):
    frame = _frame()
    frame[column] = np.where(frame["n_params"] == 1e8, "one", "two")
    with pytest.raises(DataError, match=rf"2 values of '{column}' \(one, two\)"):
        _select(frame)
    assert len(_select(frame, mix=[column]).rows["domain"]) == 12
    kept = only_where(validate_runs(frame), {column: "one"})
    assert set(select(kept, laws.load("dcpt"), Roles()).rows["domain"].x["N"]) == {1e8}


def test_schedules_differ_by_kind_only():
    frame = _frame()
    frame["schedule"] = [f'{{"kind": "wsd", "decay_start_tokens": {t}}}' for t in frame["tokens"]]
    assert len(_select(frame).rows["domain"]) == 12
    frame.loc[frame["domain_ratio"] == 0.5, "schedule"] = '{"kind": "cosine"}'
    with pytest.raises(DataError, match=r"'schedule' \(cosine, wsd\)"):
        _select(frame)


def test_filters_name_what_they_do_not_know():
    frame = validate_runs(_frame(seed=0))
    assert len(only_where(frame, {"seed": "0"})) == len(frame)
    with pytest.raises(DataError, match="no column in this table named 'sed'.*'seed'"):
        only_where(frame, {"sed": "0"})
    with pytest.raises(DataError, match="No row has seed = '7'"):
        only_where(frame, {"seed": "7"})


def test_several_general_sets_are_one_weighted_loss():
    frame = _frame()
    web = frame[frame["eval_set"] == "general"].assign(eval_set="web", loss=3.0, loss_se=0.01)
    books = web.assign(eval_set="books", loss=4.0, loss_se=0.02).iloc[:-1]
    both = pd.concat([frame[frame["eval_set"] == "domain"], web, books])
    roles = Roles.parse(general_set="web=3,books=1")
    selection = select(validate_runs(both), laws.load("dcpt"), roles)
    general = selection.rows[roles.general_set]
    np.testing.assert_allclose(general.loss, 3.25)
    np.testing.assert_allclose(general.loss_se, np.hypot(0.75 * 0.01, 0.25 * 0.02))
    assert len(general) == 11
    assert selection.left_out["one of the general losses is missing"] == 1


def test_eval_sets_that_were_not_asked_for_are_counted():
    selection = _select(_frame(), eval_sets=["domain"])
    assert list(selection.rows) == ["domain"]
    assert selection.left_out == {"eval set not asked for": 14}
    with pytest.raises(DataError, match="no eval set in this table named 'domian'"):
        _select(_frame(), eval_sets=["domian"])


def test_trunks_join_their_branches():
    frame = _frame()
    frame["trunk_id"] = frame["run_id"]
    frame["run_id"] = frame["run_id"] + frame["tokens"].astype(str)
    assert len(_select(frame).trunks) == 6


def test_dense_checkpoints_of_a_large_table_are_thinned():
    tokens = np.arange(1, 401) * 1e7
    parts = [
        pd.DataFrame({"run_id": f"r{k}", "n_params": 1e8 * (1 + k % 3), "tokens": tokens,
                      "eval_set": "domain", "domain_ratio": k / 20, "loss": 2.0})
        for k in range(20)
    ]  # fmt: skip
    selection = _select(pd.concat(parts))
    per_run = np.bincount(selection.rows["domain"].trunk)
    assert per_run.max() <= 20
    assert per_run.min() >= 15
    assert selection.rows["domain"].x["D"].max() == tokens[-1]
    assert selection.left_out["thinned to log-spaced checkpoints"] == 8000 - per_run.sum()


def _single_row_runs(n_runs, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"run_id": [f"r{k}" for k in range(n_runs)], "eval_set": "domain"})
    frame["n_params"] = rng.integers(10**6, 10**9, n_runs)
    frame["tokens"] = rng.integers(10**8, 10**11, n_runs)
    frame["domain_ratio"] = rng.random(n_runs).round(4)
    frame["loss"] = rng.uniform(1, 9, n_runs)
    return frame


def test_of_too_many_runs_every_kth_is_fitted_and_the_rest_counted():
    frame = _single_row_runs(20_000)
    selection = _select(frame)
    rows, left_out = selection.rows["domain"], selection.left_out
    assert len(rows) == 2_000
    assert left_out == {
        "one run in 10 fitted: more than 2,000 rows an eval set add nothing": 18_000
    }
    assert rows.x["N"].max() == frame["n_params"].max()
    assert rows.x["N"].min() < frame["n_params"].quantile(0.001)
