"""``--where``: conditions on rows, read without evaluating anything."""

import pandas as pd
import pytest

from mixlaw.errors import ConfigError, DataError
from mixlaw.runs.conditions import Condition
from mixlaw.runs.table import validate_runs
from mixlaw.runs.views import only_where


@pytest.fixture
def frame():
    """Base rows and two runs at each of two sizes."""
    rows = [
        {"run_id": f"{n:g}-{d:g}", "n_params": n, "tokens": d, "eval_set": "general", "loss": 3.0}
        for n in (1e8, 1e9)
        for d in (0, 1e9, 1e10)
    ]
    recipe = ["", "cpt", "ewc"] * 2
    return validate_runs(pd.DataFrame(rows).assign(recipe=recipe, domain_ratio=0.5))


@pytest.mark.parametrize(
    ("conditions", "trained"),
    [
        (["tokens/n_params>=10"], ["1e+08-1e+09", "1e+08-1e+10", "1e+09-1e+10"]),
        (["tokens / n_params > 10"], ["1e+08-1e+10"]),
        (["tokens/n_params=10"], ["1e+08-1e+09", "1e+09-1e+10"]),
        (["tokens/n_params!=10"], ["1e+08-1e+10", "1e+09-1e+09"]),
        (["tokens>=1e10"], ["1e+08-1e+10", "1e+09-1e+10"]),
        (["tokens<10B"], ["1e+08-1e+09", "1e+09-1e+09"]),
        (["tokens=1B"], ["1e+08-1e+09", "1e+09-1e+09"]),
        (["tokens<=1e9", "n_params<1B"], ["1e+08-1e+09"]),
        (["recipe!=ewc", "tokens/n_params<=1"], ["1e+09-1e+09"]),
        (["tokens>=1e9", "tokens<1e10"], ["1e+08-1e+09", "1e+09-1e+09"]),
        ({"recipe": "ewc", "n_params": "100M"}, ["1e+08-1e+10"]),
    ],
)
def test_rows_that_meet_all_conditions_are_kept(frame, conditions, trained):
    kept = only_where(frame, conditions)
    assert sorted(kept.loc[kept["tokens"] > 0, "run_id"]) == trained


def test_base_rows_stay_but_for_other_sizes(frame):
    assert (only_where(frame, ["tokens/n_params>=10"])["tokens"] == 0).sum() == 2
    assert len(only_where(frame, ["recipe!="])) == len(frame)
    kept = only_where(frame, ["n_params<1B"])
    assert list(kept.loc[kept["tokens"] == 0, "n_params"]) == [1e8]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("tokens", ConfigError, "must have the form COLUMN=VALUE"),
        (">=3", ConfigError, "must have the form"),
        ("tokens>=", ConfigError, "must have the form"),
        (
            "tokens<>5",
            ConfigError,
            "'<>' in --where tokens<>5 is no comparison; use one of >=, <=, >, <, = and !=",
        ),
        (
            "tokens==5",
            ConfigError,
            "'==' in --where tokens==5 is no comparison; use one of >=, <=, >, <, = and !=",
        ),
        ("tokens>=many", ConfigError, "'many' in --where tokens>=many is not a number"),
        ("tokens/size>=1", DataError, "no column in this table named 'size'"),
        ("recipe<3", DataError, "'recipe' has no numbers"),
        ("tokens>1T", DataError, "No row has tokens > '1T'"),
        ("__import__('os').getcwd()>1", DataError, "no column in this table named"),
    ],
)
def test_what_is_no_condition_is_one_sentence(frame, text, error, message):
    with pytest.raises(error) as raised:
        only_where(frame, [text])
    assert message in str(raised.value)


def test_a_column_may_be_named_with_a_slash_and_a_value_hold_signs(frame):
    named = frame.assign(**{"a/b": "x>=1"})
    assert len(only_where(named, ["a/b=x>=1"])) == len(frame)
    assert Condition.parse("a/b = x>=1") == Condition("a/b", "=", "x>=1")
