"""``mixlaw recommend``: what it prints, writes, refuses, and with which exit code."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

import mixlaw.recommend
from mixlaw import plugins
from mixlaw.cli import main

SCHEMA = json.loads(
    (Path(mixlaw.recommend.__file__).parent / "recommendation.schema.json").read_text()
)


@pytest.fixture(scope="module")
def saved_fits(build, tmp_path_factory):
    """One fit per situation; ``clear`` is the newest."""
    folder = tmp_path_factory.mktemp("saved") / "fits"
    build(noise=0.1).save(folder / "noisy")
    build(sizes=(3e8,)).save(folder / "one-size")
    build(sizes=(3e8, 1e9)).save(folder / "two-sizes")
    build(base=False).save(folder / "no-base")
    build().save(folder / "clear")
    return folder


@pytest.fixture
def fits(saved_fits, tmp_path, monkeypatch):
    """A working folder with its own copy of the fits."""
    shutil.copytree(saved_fits, tmp_path / "fits")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys, *arguments):
    """Exit code, stdout and stderr of a command."""
    try:
        main(["recommend", *map(str, arguments)])
        code = 0
    except SystemExit as stop:
        code = stop.code or 0
    out, err = capsys.readouterr()
    return code, out, err


SITUATIONS = {
    "clear": (["--model-size", "8B"], 0, True),
    "infeasible": (["--model-size", "8B", "--tokens", "1B", "--max-general-rise", "0"], 3, False),
    "cannot-tell": (["--model-size", "8B", "--fit", "noisy", "--tokens", "20B"], 0, None),
    "one-size": (["--model-size", "8B", "--fit", "one-size"], 0, True),
    "two-sizes": (["--model-size", "8B", "--fit", "two-sizes"], 0, True),
    "percent": (["--model-size", "8B", "--max-general-rise", "3%", "--tokens", "2e10"], 0, True),
    "never-binds": (["--model-size", "8B", "--max-general-rise", "2"], 0, True),
    "control": (["--model-size", "8B", "--fit", "no-base", "--reference", "control"], 0, True),
    "limited": (
        ["--model-size", "1B", "--rule", "limited-domain", "--domain-tokens", "2B"], 0, True
    ),
    "repeated": (
        ["--model-size", "1B", "--rule", "limited-domain", "--domain-tokens", "1B",
         "--tokens", "5B", "--max-epochs", "4"],
        0,
        True,
    ),
    "allocation": (["--rule", "allocation", "--flops", "1e21"], 0, True),
    "allocation-at": (["--rule", "allocation", "--flops", "1e21", "--ratio", "1:1"], 0, True),
    "balance": (["--model-size", "1B", "--rule", "balance", "--tokens", "5B"], 0, True),
    "inverse": (
        ["--model-size", "8B", "--tokens", "20B", "--ratio", "30%", "--reach-domain-loss", "2.1"],
        0,
        True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SITUATIONS)
def test_document_obeys_the_schema(fits, capsys, name):
    arguments, expected, feasible = SITUATIONS[name]
    code, out, err = run(capsys, *arguments, "--json")
    assert (code, err) == (expected, "")
    document = json.loads(out)
    jsonschema.validate(document, SCHEMA)
    assert document["feasible"] is feasible
    ratio = document["domain_ratio"]
    assert 0 <= ratio["low"] <= ratio["high"] <= 1
    if ratio["estimate"] is not None:
        assert ratio["low"] <= ratio["estimate"] <= ratio["high"]
    for loss in document["losses"].values():
        assert loss["low"] <= loss["estimate"] <= loss["high"]
    if feasible:
        shares = [share["recommended"] for share in document["shares"].values()]
        assert sum(shares) == pytest.approx(1, abs=1e-9)
    assert bool(document["table"]) == ("--tokens" not in arguments and "limited" not in name
                                       and "alloc" not in name and name != "repeated")  # fmt: skip


STARTS = {
    True: ("Recommended domain share", "Best use of"),
    False: ("No feasible ratio",),
    None: ("The data cannot tell",),
}


def verdict_of(lines):
    return next(line for line in lines if line.startswith(sum(STARTS.values(), ())))


@pytest.mark.parametrize("explain", [[], ["--explain"]])
@pytest.mark.parametrize("name", SITUATIONS)
def test_screen_is_short_and_says_the_verdict_before_the_numbers(fits, capsys, name, explain):
    arguments, expected, feasible = SITUATIONS[name]
    code, out, err = run(capsys, *arguments, *explain)
    assert code == expected
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    if not explain:
        assert len(lines) + len(err.splitlines()) <= 14
        assert lines[0].startswith("fits/")
        assert ("(made last)" in lines[0]) is ("--fit" not in arguments)
    verdict = lines.index(verdict_of(lines))
    assert lines[verdict].startswith(STARTS[feasible])
    assert verdict < next(i for i, line in enumerate(lines) if "domain loss" in line)
    assert "nan" not in out.lower().split()


def test_far_target_is_said_before_the_verdict(fits, capsys):
    _, out, _ = run(capsys, "--model-size", "100B")
    assert (
        out.splitlines()[1]
        == "FAR OUTSIDE: size 100 times the largest, budget 2 times the longest."
    )
    _, out, _ = run(capsys, "--model-size", "1B", "--tokens", "10M")
    assert "FAR OUTSIDE: budget 100 times below the shortest." in out
    _, out, _ = run(capsys, "--model-size", "100B", "--explain")
    assert out.startswith("FAR OUTSIDE THE DATA: model size 100 times the largest measured")


def test_recommendation_is_written_beside_the_fit(fits, capsys):
    _, out, _ = run(capsys, "--model-size", "8B", "--json")
    written = json.loads((fits / "fits" / "clear" / "recommendation.json").read_text())
    assert written == json.loads(out)


def test_newest_fit_is_the_default(fits, capsys):
    _, default, _ = run(capsys, "--model-size", "8B", "--json")
    _, named, _ = run(capsys, "--model-size", "8B", "--json", "--fit", "clear")
    assert default == named


@pytest.mark.parametrize("name", plugins.available("emitters"))
def test_emit_prints_the_trainers_text_alone(fits, capsys, name):
    docs = ["--tokens-per-doc", "domain=1000,general=500", "--unique-tokens",
            "domain=20B,general=100B"]  # fmt: skip
    arguments = ["--model-size", "8B", "--tokens", "20B", "--emit", name, *docs]
    code, out, err = run(capsys, *arguments)
    assert code == 0
    assert "\nRecommended domain share" in err
    code, document, err = run(capsys, *arguments, "--json")
    assert (code, err) == (0, "")
    document = json.loads(document)
    jsonschema.validate(document, SCHEMA)
    assert document["emit"]["name"] == name
    assert document["emit"]["text"].rstrip("\n") == out.rstrip("\n")


def test_emit_without_a_ratio_prints_no_text(fits, capsys):
    code, out, err = run(capsys, *SITUATIONS["infeasible"][0], "--emit", "megatron")
    assert (code, out) == (3, "")
    assert "\nNo feasible ratio" in err
    last = err.strip().splitlines()[-1]
    assert last.startswith("Nothing was emitted for 'megatron'")
    assert "--max-general-rise" in last


def test_emit_where_the_data_cannot_tell_says_so(fits, capsys):
    code, out, err = run(capsys, *SITUATIONS["cannot-tell"][0], "--emit", "megatron")
    assert (code, out) == (3, "")
    assert "Nothing was emitted for 'megatron'" in err.strip().splitlines()[-1]
    assert "the data cannot tell" in err.strip().splitlines()[-1]


BAD = {
    "no size": ([], "--model-size"),
    "size": (["--model-size", "8X"], "model size '8X'"),
    "negative size": (["--model-size=-8B"], "model size '-8B'"),
    "absurd size": (["--model-size", "1e99"], "1e99"),
    "zero size": (["--model-size", "0"], "model size '0'"),
    "convention": (["--model-size", "8B:all"], "8B:total"),
    "tokens": (["--model-size", "8B", "--tokens", "nan"], "token budget 'nan'"),
    "rule": (["--model-size", "8B", "--rule", "tolerant"], "Did you mean 'tolerance'"),
    "rise": (["--model-size", "8B", "--max-general-rise", "three"], "allowed rise 'three'"),
    "risk": (["--model-size", "8B", "--risk", "1"], "--risk is 1"),
    "risk in words": (["--model-size", "8B", "--risk", "low"], "--risk is 'low'"),
    "bounds of another rule": (
        ["--model-size", "8B", "--bounds", "domain=0:.4"], "--bounds belongs to --rule balance"
    ),
    "passes of another rule": (
        ["--model-size", "8B", "--max-epochs", "4"], "balance or limited-domain, not to tolerance"
    ),
    "absurd compute": (["--rule", "allocation", "--flops", "1"], "--flops is 1"),
    "reference": (["--model-size", "8B", "--reference", "x"], "Available: base, control"),
    "base loss": (["--model-size", "8B", "--base-general-loss", "-2"], "--base-general-loss is -2"),
    "bits": (["--model-size", "8B", "--base-general-loss", "0.6bpb"], "no bpb for 'general'"),
    "tokenizer": (
        ["--model-size", "8B", "--base-general-loss", "2.3", "--base-tokenizer", "llama"],
        "give it in bits per byte",
    ),
    "unit": (["--model-size", "8B", "--base-domain-loss", "2 bits"], "nats per token (2.31)"),
    "ratio": (["--model-size", "8B", "--ratio", "1.2"], "'1.2' is not a domain ratio"),
    "lambda": (["--model-size", "8B", "--lambda", "0"], "--lambda is 0"),
    "epochs": (["--model-size", "8B", "--max-epochs", "0"], "--max-epochs is 0"),
    "scarce": (["--model-size", "8B", "--rule", "limited-domain"], "needs --domain-tokens"),
    "compute": (["--rule", "allocation"], "needs --flops"),
    "misplaced": (["--model-size", "8B", "--flops", "1e20"], "belongs to --rule allocation"),
    "flops": (["--rule", "allocation", "--flops", "much"], "compute 'much'"),
    "law": (["--model-size", "8B", "--rule", "turning-point"], "mixlaw fit --law cmr"),
    "fit": (["--model-size", "8B", "--fit", "cleer"], "Did you mean 'clear'"),
    "emitter": (["--model-size", "8B", "--emit", "megaton"], "Did you mean 'megatron'"),
    "documents": (["--model-size", "8B", "--tokens-per-doc", "domain"], "NAME=NUMBER"),
    "domain set": (["--model-size", "8B", "--domain-set", "code"], "fitted eval set named 'code'"),
    "general set": (["--model-size", "8B", "--general-set", "web"], "fitted eval set named 'web'"),
    "corpora": (["--model-size", "8B", "--domain-corpora", "code"], "corpus named 'code'"),
    "natural": (["--model-size", "8B", "--natural", "web=1"], "natural mixture"),
    "shift": (["--model-size", "8B", "--shift", "big"], "There is no shift"),
    "weights": (
        ["--model-size", "8B", "--rule", "balance", "--weights", "code=1"], "named 'code'"
    ),
    "bounds": (["--model-size", "8B", "--rule", "balance", "--bounds", "domain=2"], "LOW:HIGH"),
    "bounds order": (
        ["--model-size", "8B", "--rule", "balance", "--bounds", "domain=.5:.2"], "must rise"
    ),
    "no base": (["--model-size", "8B", "--fit", "no-base"], "give --base-general-loss"),
    "reach": (["--model-size", "8B", "--reach-domain-loss", "nan"], "--reach-domain-loss is nan"),
    "price": (["--model-size", "8B", "--kl", "nan"], "--kl is nan"),
    "numbers": (["--model-size", "8B", "--unique-tokens", "domain=nan"], "domain' in --unique"),
    "observed": (["--model-size", "8B", "--observed", "none.csv"], "no file 'none.csv'"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence_and_writes_nothing(fits, capsys, name):
    arguments, sentence = BAD[name]
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert len(err.strip().splitlines()) == 1
    assert not list(fits.glob("fits/*/recommendation.json"))


def test_no_fit_and_foreign_fits(fits, capsys, monkeypatch):
    path = fits / "fits" / "clear" / "fit.json"
    path.write_text(path.read_text().replace("mixlaw.fit/1", "mixlaw.fit/9"))
    code, _, err = run(capsys, "--model-size", "8B")
    assert code == 2
    assert "mixlaw.fit/9" in err
    path.write_text("{")
    assert run(capsys, "--model-size", "8B")[0] == 2
    (fits / "empty").mkdir()
    monkeypatch.chdir(fits / "empty")
    code, _, err = run(capsys, "--model-size", "8B")
    assert code == 2
    assert "mixlaw fit" in err


def test_answer_loads_nothing_heavy(fits):
    code = (
        "import sys\nfrom mixlaw.cli import main\n"
        "try:\n    main(['recommend', '--model-size', '8B', '--json'])\n"
        "except SystemExit as stop:\n    assert not stop.code\n"
        "heavy = {'torch', 'lmfit', 'pandas', 'scipy', 'matplotlib', 'transformers'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=fits)
    assert done.returncode == 0, done.stderr


def test_a_fit_that_cannot_be_written_to_is_answered_all_the_same(fits, capsys, monkeypatch):
    def refuse(path, content):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("mixlaw.files.write_atomic", refuse)
    code, out, err = run(capsys, "--model-size", "8B", "--json")
    assert code == 0
    jsonschema.validate(json.loads(out), SCHEMA)
    assert "not saved" in err
