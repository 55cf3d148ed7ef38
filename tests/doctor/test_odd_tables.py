"""Odd tables: no traceback, no hang, one sentence where a table is refused."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mixlaw.cli import main
from mixlaw.doctor import examine
from mixlaw.errors import MixlawError
from mixlaw.roles import Roles
from mixlaw.runs.table import read_runs

LOSSES = st.one_of(
    st.floats(0.5, 12),
    st.floats(),
    st.sampled_from([0.0, -1.0, 1e-320, 1e308, float("nan"), float("inf")]),
)
CELLS = {
    "run_id": st.sampled_from(["a", "b", "c", "base", "é ,;\"'"]),
    "n_params": st.sampled_from([1, 5e7, 1e8, 1e8 + 1, 1e300]),
    "tokens": st.sampled_from([0, 1, 1e9, 1e9 + 1, 4e9, 1e300]),
    "domain_ratio": st.sampled_from([0.0, 1e-9, 0.3, 0.5, 1.0]),
    "eval_set": st.sampled_from(["domain", "general", "books"]),
    "loss": LOSSES,
    "bpb": st.one_of(st.floats(0.1, 3), st.floats()),
    "eval_tokens": st.sampled_from([0, 1e6, 2e6, ""]),
    "annealed": st.booleans(),
    "token_budget": st.sampled_from(["", 0, 1e9, 4e9]),
    "trunk_id": st.sampled_from(["", "t"]),
    "base_id": st.sampled_from(["", "x", "y"]),
    "base_tokens": st.sampled_from(["", 0, 1e12, "inf"]),
    "lr_peak": st.sampled_from(["", 0, 1e-3, 3e-4, -1, "inf"]),
    "lr_rule": st.sampled_from(["", "mup"]),
    "schedule": st.sampled_from(
        ["", "{", "[]", "7", '{"kind": "cosine"}', '{"kind": 3, "final": "x"}', '{"kind":"wsd"}',
         '{"kind": "wsd", "peak": 1, "final": 0, "decay_start_tokens": 5e8}']
    ),
    "tokenizer": st.sampled_from(["", "t0", "t1"]),
    "metric_version": st.sampled_from(["", "1", "2"]),
    "unique_tokens.domain": st.sampled_from(["", 0, 1e8, 1e12, -5]),
    "flag": st.sampled_from(["", "", "off"]),
}  # fmt: skip
REQUIRED = {"run_id", "n_params", "tokens", "eval_set", "loss"}


@st.composite
def tables(draw) -> str:
    """CSV text with the required columns, some of the others and any values."""
    extra = draw(st.sets(st.sampled_from(sorted(set(CELLS) - REQUIRED))))
    columns = {name: cells for name, cells in CELLS.items() if name in REQUIRED | extra}
    rows = draw(st.lists(st.fixed_dictionaries(columns), min_size=1, max_size=14))
    return pd.DataFrame(rows).to_csv(index=False)


@given(text=tables(), n_params=st.sampled_from([None, 1.0, 8e9]))
@settings(max_examples=150, deadline=10_000, suppress_health_check=list(HealthCheck))
def test_any_table_is_examined_or_refused_in_a_sentence(tmp_path_factory, text, n_params):
    path = tmp_path_factory.mktemp("odd") / "runs.csv"
    path.write_text(text)
    try:
        frame = read_runs(path)
    except MixlawError as error:
        refused = error
    else:
        refused = None
    if refused is not None:
        assert refused.exit_code == 2
        assert "\n" not in str(refused)
        return
    for finding in examine(frame, Roles(), {} if n_params is None else {"n_params": n_params}):
        assert finding.n_rows > 0
        assert finding.run_ids
        assert "nan" not in finding.what


@given(content=st.binary(max_size=200), name=st.sampled_from(["runs.csv", "runs.parquet"]))
@settings(max_examples=40, deadline=10_000, suppress_health_check=list(HealthCheck))
def test_any_bytes_are_refused(tmp_path_factory, content, name):
    path = tmp_path_factory.mktemp("bytes") / name
    path.write_bytes(content)
    with warnings.catch_warnings(), pytest.raises(MixlawError) as caught:
        read_runs(path)
    assert caught.value.exit_code == 2


def test_a_large_table_of_junk_is_examined_quickly():
    rng = np.random.default_rng(0)
    n, n_runs = 100_000, 5000
    run = rng.integers(0, n_runs, n)
    frame = pd.DataFrame(
        {"run_id": run.astype(str), "n_params": rng.choice([1e7, 1e8], n_runs)[run],
         "tokens": rng.integers(1, 10**10, n), "eval_set": rng.choice(["domain", "general"], n),
         "domain_ratio": rng.random(n_runs).round(3)[run], "loss": rng.normal(3, 1, n)}
    )  # fmt: skip
    from mixlaw.runs.table import validate_runs

    assert examine(validate_runs(frame), Roles())


def test_the_command_prints_findings_as_text_and_as_json(tmp_path, capsys):
    import json

    path = tmp_path / "runs.csv"
    text = "run_id,n_params,tokens,domain_ratio,eval_set,loss\n"
    path.write_text(
        text + "".join(f"r{k},1e8,{k + 1}e9,0.{k + 1},domain,2.{k}\n" for k in range(3))
    )
    with pytest.raises(SystemExit) as left:
        main(["doctor", str(path), "--json"])
    assert left.value.code == 0
    document = json.loads(capsys.readouterr().out)
    assert document["rows"] == 3
    assert "base-missing" in {finding["code"] for finding in document["findings"]}
    with pytest.raises(SystemExit):
        main(["doctor", str(path), "--model-size", "8B", "--tokens", "20B"])
    printed = capsys.readouterr()
    assert "target-outside" in printed.out
    assert "3 rows" in printed.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["doctor", "absent.csv"], "no file 'absent.csv'"),
        (["doctor", "absent"], "no experiment named 'absent'"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert message in capsys.readouterr().err


def test_published_tables_keep_their_known_faults(data_table):
    """The faults that the notes on these tables tell, and that the doctor must see by itself."""
    known = {
        "pilot": {"lr-confounded", "short-runs", "base-missing"},
        "slimpajama_small": {"near-duplicates", "schedule-unknown", "replicates-missing"},
        "isoflops": {"eval-sets-differ", "short-runs"},
    }
    for name, expected in known.items():
        found = {finding.code for finding in examine(read_runs(data_table(f"{name}.csv")), Roles())}
        assert expected <= found, name
