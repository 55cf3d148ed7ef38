"""``mixlaw fit`` from the outside: files, screen, JSON, exit codes."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from truths import Design, dcpt_truth, simulate_sweep
from truths.parameters import DCPT
from truths.rows import grid

from mixlaw import laws
from mixlaw.cli import main
from mixlaw.fit.api import fit_laws
from mixlaw.recommend.api import recommend_ratio
from mixlaw.result.fit_result import FitResult
from mixlaw.result.types import DOCTOR_ERROR, MEANINGLESS, TABLE_ERRORS
from mixlaw.roles import Roles
from mixlaw.screen.explained import explained
from mixlaw.screen.layout import plain


def screen(answer):
    return plain(explained(answer))


QUICKSTART = Path(__file__).parents[1] / "data" / "quickstart" / "runs.csv"


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Three sizes, five ratios, four budgets, base rows, 0.1% noise."""
    ratios, budgets = (0.1, 0.3, 0.5, 0.7, 0.9), (1e9, 2e9, 4e9, 8e9)
    x, trunk = grid((1e8, 2e8, 4e8), ratios, budgets)
    rng, law, parts = np.random.default_rng(0), laws.load("dcpt"), []
    for eval_set, params in DCPT.items():
        share = x["R"] if eval_set == "domain" else 1 - x["R"]
        loss = law.predict(params, x | {"r": share})
        loss *= np.exp(0.001 * rng.standard_normal(len(loss)))
        parts.append(
            pd.DataFrame(
                {
                    "run_id": [f"t{k}" for k in trunk],
                    "n_params": x["N"],
                    "tokens": x["D"],
                    "domain_ratio": x["R"],
                    "eval_set": eval_set,
                    "loss": loss,
                }
            )
        )
        parts.append(
            pd.DataFrame(
                {
                    "run_id": ["b1", "b2", "b3"],
                    "n_params": [1e8, 2e8, 4e8],
                    "tokens": 0.0,
                    "eval_set": eval_set,
                    "loss": 2.2 + 0.3 * np.array([1e8, 2e8, 4e8]) ** -0.1 * 10,
                }
            )
        )
    path = tmp_path_factory.mktemp("table") / "runs.csv"
    pd.concat(parts).to_csv(path, index=False)
    return path


def _run(*arguments):
    """Exit code of the command."""
    try:
        main(["fit", *map(str, arguments)])
    except SystemExit as left:
        return left.code or 0
    return 0


def test_writes_a_fit_that_loads_and_says_how_it_was_made(table, tmp_path, capsys):
    assert _run(table, "--law", "dcpt", "--out", tmp_path, "--draws", 50) == 0
    out, err = capsys.readouterr()
    assert "dcpt fitted to 120 rows of domain, general" in out
    assert "next-smaller-size" in out
    assert "next: mixlaw recommend" in err
    assert {"fit.json", "draws.npz", "compare.csv"} <= {p.name for p in tmp_path.iterdir()}
    content = json.loads((tmp_path / "fit.json").read_text())
    assert (content["law"], content["rows_used"], content["rows_left_out"]) == ("dcpt", 120, {})
    assert content["about"]["data_sha256"]
    facts = {"objective", "delta", "evaluations", "checkpoints", "n_params", "flops", "exclusions"}
    assert facts <= set(content["about"]["checklist"])
    errors = [content[part]["general"]["largest-size"] for part in ("held_out", "baseline")]
    assert errors[0]["error"] < errors[1]["error"]
    fit = FitResult.load(tmp_path)
    shares = {"domain": 0.4, "general": 0.6}
    truth = laws.load("dcpt").predict(
        DCPT["general"], {"N": np.array([4e8]), "D": np.array([4e9]), "r": np.array([0.6])}
    )
    low, high = fit.predict("general", 4e8, 4e9, shares).interval(0.99)
    assert low < truth < high
    assert fit.base("general", 2e8).estimate == pytest.approx(2.2 + 3 * 2e8**-0.1, rel=1e-3)


def test_json_is_one_document_on_stdout(table, tmp_path, capsys):
    assert _run(table, "--out", tmp_path, "--draws", 20, "--json", "--eval-set", "general") == 0
    content = json.loads(capsys.readouterr().out)
    assert content["schema"] == "mixlaw.fit/1"
    assert content["eval_sets"] == ["general"]
    assert content["rows_left_out"] == {"eval set not asked for": 63}


def test_the_doctor_speaks_of_the_rows_that_are_fitted(table, tmp_path, capsys):
    frame = pd.read_csv(table)
    both = [frame.assign(recipe=name, run_id=frame["run_id"] + name) for name in ("one", "two")]
    pd.concat(both).to_csv(tmp_path / "both.csv", index=False)
    options = ("--out", tmp_path / "fit", "--draws", 20, "--eval-set", "general")
    assert _run(tmp_path / "both.csv", "--mix", "recipe", *options) == 0
    assert "The table mixes 2 recipes" in capsys.readouterr().err
    assert _run(tmp_path / "both.csv", "--where", "recipe=one", *options) == 0
    assert "recipes" not in capsys.readouterr().err


def test_the_same_table_and_seed_give_the_same_files(table, tmp_path):
    for name in ("one", "two"):
        _run(table, "--out", tmp_path / name, "--draws", 20, "--eval-set", "general")
    for file in ("fit.json", "compare.csv"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    with (tmp_path / "one" / "compare.csv").open() as file:
        splits = {row["split"]: row for row in csv.DictReader(file) if row["law"] == "dcpt"}
    assert 0 < float(splits["largest-size"]["error"]) < 0.05


def test_one_corpus_is_for_chinchilla_laws(table):
    frame = pd.read_csv(table)
    frame = frame[(frame["domain_ratio"] == 0.5)].drop(columns="domain_ratio")
    fit = fit_laws(frame, n_draws=20)
    assert (fit.law, fit.corpora, fit.eval_sets) == ("auto", (), ("domain", "general"))
    assert {m.law for m in fit.members("domain")} <= {"chinchilla", "chinchilla-tied"}
    assert fit.predict("domain", 8e8, 1e9, {}).estimate > 0


def test_a_table_too_small_to_compare_laws_on_gets_one_law_and_a_status():
    design = Design(sizes=(6e7,), budgets=(2e9,), checkpoints=0, replicated=0)
    runs = simulate_sweep(dcpt_truth(), np.random.default_rng(0), design)
    four = runs[(runs["tokens"] > 0) & (runs["share.domain"] < 0.6)]
    fit = fit_laws(four, n_draws=20, mix=["schedule"])
    assert fit.law == "dcpt"
    (status,) = [s for s in fit.statuses if s.code == "laws-not-compared"]
    assert "'dcpt' was fitted alone. No law can be compared" in status.message


def test_roles_by_name(table):
    frame = pd.read_csv(table).replace({"eval_set": {"domain": "code", "general": "web"}})
    frame["share.code"], frame["share.web"] = frame["domain_ratio"], 1 - frame["domain_ratio"]
    roles = Roles.parse("code", "web", "code")
    fit = fit_laws(frame.drop(columns="domain_ratio"), roles=roles, n_draws=20)
    assert (fit.domain_set, fit.general_set, fit.domain_corpora) == ("code", "web", ("code",))
    rising = fit.predict("web", 4e8, 4e9, {"code": [0.2, 0.8], "web": [0.8, 0.2]}).estimate
    assert rising[1] > rising[0]


HEADER = "run_id,n_params,tokens,eval_set,loss,domain_ratio\n"
BAD = {
    "empty": ("", "is empty; a runs table needs run_id"),
    "header only": (HEADER, "has no rows"),
    "one row": (HEADER + "a,1e8,1e9,general,3.0,0.5\n", "of one setting"),
    "wrong columns": ("a,b\n1,2\n", "lacks the column"),
    "text in numbers": (HEADER + "a,big,1e9,general,3.0,0.5\n", "is not a number"),
    "negative tokens": (HEADER + "a,1e8,-1,general,3.0,0.5\n", "tokens is -1"),
    "infinite size": (HEADER + "a,inf,1e9,general,3.0,0.5\n", "n_params is inf"),
    "shares beyond one": (HEADER + "a,1e8,1e9,general,3.0,1.5\n", "must lie in 0..1"),
    "only infinite losses": (HEADER + "a,1e8,1e9,general,inf,0.5\n", "non-finite loss"),
    "not what it says": ("\x89PNG\r\n\x1a\n\x00\x00", "cannot be read as csv|lacks the column"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_tables_are_one_sentence_and_exit_code_2(name, tmp_path, capsys):
    text, message = BAD[name]
    path = tmp_path / "runs.csv"
    path.write_bytes(text.encode("latin-1"))
    assert _run(path, "--out", tmp_path / "fit") == 2
    err = capsys.readouterr().err.strip()
    assert len(err.splitlines()) == 1
    assert re.search(message, err)
    assert not (tmp_path / "fit").exists()


def test_a_csv_named_parquet_is_refused(table, tmp_path, capsys):
    path = tmp_path / "runs.parquet"
    path.write_bytes(table.read_bytes())
    assert _run(path, "--out", tmp_path / "fit") == 2
    assert "cannot be read as parquet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--law", "dcptt"], "There is no law named 'dcptt'. Did you mean 'dcpt'?"),
        (["--eval-set", "genral"], "Did you mean 'general'?"),
        (["--constrain", "eta>2"], "There is no constraint of dcpt named 'eta>2'"),
        (["--domain-set", "med"], "There is no eval set in this table named 'med'"),
        (["--general-set", "web"], "There is no eval set in this table named 'web'"),
        (["--own", "med=domain"], "There is no eval set in this table named 'med'"),
        (["--mix", "recipes"], "There is no definition for --mix named 'recipes'. Did you mean"),
        (["--where", "seed"], "must have the form COLUMN=VALUE"),
        (["--where", "seed=1"], "There is no column in this table named 'seed'"),
        (["--where", "tokens>=many"], "'many' in --where tokens>=many is not a number"),
        (["--where", "tokens/n_params>1e9"], "No row has tokens/n_params > '1e9'"),
        (["--law", "hump", "--domain-corpora", "maths"], "name the domain with --domain-corpora"),
    ],
)
def test_bad_usage_is_one_sentence_and_exit_code_2(table, tmp_path, capsys, arguments, message):
    assert _run(table, "--out", tmp_path / "fit", *arguments) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "fit").exists()


def test_infinite_losses_among_good_ones_are_flagged_and_counted(table):
    frame = pd.read_csv(table)
    frame.loc[3, "loss"] = np.inf
    assert fit_laws(frame, n_draws=20).rows_left_out == {"non-finite loss": 1}


def test_an_error_in_the_table_goes_with_the_fit(table):
    frame = pd.read_csv(table)
    sound = fit_laws(frame, n_draws=20)
    assert not {status.code for status in sound.statuses} & set(TABLE_ERRORS)
    fit = fit_laws(frame.assign(n_params=frame["n_params"] / 1e9), n_draws=20)
    assert fit.statuses[0].code == DOCTOR_ERROR
    assert "look like millions or billions" in fit.statuses[0].message
    said = screen(recommend_ratio(fit, n_params=8e9, tokens=2e10))
    assert said.startswith("WRONG IN THE TABLE")


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        (lambda loss: 0 * loss + 2.5, "are the same number"),
        (lambda loss: 1e-6 * loss, "too small for nats per token"),
        (np.exp, "look like perplexities"),
    ],
)
def test_losses_that_can_be_none_tell_no_ratio(table, losses, message):
    frame = pd.read_csv(table)
    fit = fit_laws(frame.assign(loss=losses(frame["loss"])), n_draws=20)
    assert fit.statuses[0].code == MEANINGLESS
    answer = recommend_ratio(fit, n_params=8e9, tokens=2e10)
    assert (answer.feasible, answer.recommended, answer.exit_code) == (None, None, 0)
    assert answer.interval == (0.0, 1.0)
    said = screen(answer)
    assert said.startswith("WRONG IN THE TABLE")
    assert message in " ".join(said.split())
    assert "The data cannot tell the ratio" in said


def test_tiny_losses_do_not_overflow():
    """Warnings of numpy would be noise on a person's terminal; in tests they are errors."""
    frame = pd.read_csv(QUICKSTART)
    fit = fit_laws(frame.assign(loss=1e-6 * frame["loss"]), "auto", n_draws=20)
    assert fit.statuses[0].code == MEANINGLESS


def test_one_ratio_tells_no_use_of_compute_either(table):
    frame = pd.read_csv(table)
    frame = frame[frame["domain_ratio"].isin([0.5, np.nan])]
    answer = recommend_ratio(fit_laws(frame, n_draws=20), rule="allocation", flops=1e20)
    assert answer.recommended is None
    assert "Every run has the domain share 50%" in " ".join(screen(answer).split())


def test_another_eval_sets_constant_loss_leaves_the_ratio_told(table):
    frame = pd.read_csv(table)
    books = frame[frame["eval_set"] == "domain"].assign(eval_set="books", loss=2.5)
    fit = fit_laws(pd.concat([frame, books]), n_draws=20)
    assert fit.statuses[0].code == DOCTOR_ERROR
    assert MEANINGLESS not in {status.code for status in fit.statuses}
