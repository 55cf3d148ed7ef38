"""The short answer: fourteen lines of eighty columns with its hint, in every situation."""

import sys
from dataclasses import replace

import pytest
from truths.fits import build_fit

from mixlaw.cli import output
from mixlaw.recommend.api import recommend_ratio
from mixlaw.result.types import MEANINGLESS, Status
from mixlaw.screen.explained import explained
from mixlaw.screen.layout import plain, shortened
from mixlaw.screen.short import MOST_LINES, short

ASKED = {"n_params": 8e9, "tokens": 2e10}
#: As ``mixlaw validate`` leaves it beside a fit.
VALIDATION = {
    "line": "On your data, one size up (300M to 1B, 3.33 times), at 0.02 nats over the base: "
    "predicted 22% (8.8% to 38%), measured 30% (copying: 23%)."
}
SITUATIONS = {
    "clear": (build_fit(), ASKED),
    "clear, by tokens": (build_fit(), {"n_params": 8e9}),
    "none feasible": (build_fit(), {**ASKED, "tokens": 1e9, "max_general_rise": 0}),
    "cannot tell": (build_fit(noise=0.1), ASKED),
    "cannot tell, by tokens": (build_fit(noise=0.1), {"n_params": 8e9}),
    "one size": (build_fit(sizes=(3e8,)), ASKED),
    "one size, by tokens": (build_fit(sizes=(3e8,)), {"n_params": 8e9}),
    "out of reach": (build_fit(), {"n_params": 1e15, "tokens": 2e10}),
    "far": (build_fit(), {"n_params": 1e11, "tokens": 1e13}),
    "large bound": (build_fit(), {**ASKED, "max_general_rise": 2}),
}


@pytest.mark.parametrize("validation", [{}, VALIDATION], ids=["", "validated"])
@pytest.mark.parametrize("name", SITUATIONS)
def test_every_situation_fits(name, validation):
    fit, asked = SITUATIONS[name]
    fit = replace(fit, validation=validation, folder="fits/a-name-of-usual-length")
    answer = recommend_ratio(fit, **asked)
    lines = [line.text for line in short(answer, fit_is_last=True)]
    assert len(lines) < MOST_LINES
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert "fits/a-name-of-usual-length (made last): dcpt on " in lines[0]
    assert ("On your data, one size up" in text) is bool(validation)
    assert "critical ratio" in text
    assert "domain loss" in text
    assert "rise over base" in text
    assert ("vs control" in text) is (name != "out of reach")


def test_a_wrong_table_comes_before_the_verdict():
    fit = replace(build_fit(), statuses=(Status(MEANINGLESS, "Losses are not losses."),))
    lines = [line.text for line in short(recommend_ratio(fit, **ASKED))]
    verdict = next(i for i, line in enumerate(lines) if line.startswith("The data cannot tell"))
    assert lines.index("WRONG IN THE TABLE: Losses are not losses.") < verdict


def test_the_other_questions_are_those_of_the_document():
    answer = recommend_ratio(build_fit(), **ASKED)
    text = plain(short(answer)).splitlines()
    heads = next(line for line in text if line.strip().startswith("with "))
    assert heads.split("  ")[1:] != []
    for case in answer.would_change["cases"]:
        again = {
            "--max-general-rise": {"max_general_rise": case["value"]},
            "--risk": {"risk": float(case["value"]) if case["flag"] == "--risk" else 0.1},
            "--reference": {"reference": case["value"]},
        }[case["flag"]]
        assert recommend_ratio(build_fit(), **ASKED, **again).recommended == case["recommended"]


@pytest.mark.parametrize(
    ("bound", "sentence"),
    [
        (2, "A rise of 2 nats is 7.4 times the perplexity: did you mean --max-general-rise 2%?"),
        ("40%", "40% allows "),
        (0.4, ""),
        ("2%", ""),
    ],
)
def test_a_bound_that_gives_everything_up_is_questioned(bound, sentence):
    answer = recommend_ratio(build_fit(), **ASKED, max_general_rise=bound)
    asked = [w.message for w in answer.warnings if w.code == "large-bound"]
    assert bool(asked) is bool(sentence)
    if asked:
        assert asked[0].startswith(sentence)
        assert asked[0] in " ".join(plain(short(answer)).split())


def test_another_size_does_not_inherit_the_tokens_of_the_experiment():
    fit = replace(build_fit(), target={"n_params": 1e9, "tokens": 5e9})
    assert recommend_ratio(fit).tokens == 5e9
    assert recommend_ratio(fit, n_params=1e9).tokens == 5e9
    assert recommend_ratio(fit, n_params=8e9).tokens == 2e10
    assert any("--model-size" in text for text in recommend_ratio(fit).assumptions)


def test_the_document_names_the_fit_and_its_table(tmp_path):
    from mixlaw.result.fit_result import FitResult

    about = {"source": "runs.csv", "data_sha256": "ab" * 32}
    replace(build_fit(), about=about).save(tmp_path)
    answer = recommend_ratio(FitResult.load(tmp_path), **ASKED)
    assert answer.document()["fit"] == {
        "path": str(tmp_path),
        "table": "runs.csv",
        "sha256": "ab" * 32,
        "rows": 108,
    }
    assert "runs.csv abababab" in short(answer)[0].text
    assert "ab" * 32 in plain(explained(answer))


def test_all_the_rest_stands_under_headings():
    text = plain(explained(recommend_ratio(build_fit(), n_params=8e9)))
    headings = [
        "Ratio, losses and rise", "What would change it", "Other budgets",
        "How well it is known", "What others did (an outside view, not from your data)",
        "What was assumed", "What to doubt", "Where it comes from",
    ]  # fmt: skip
    places = [text.index(f"\n\n{heading}\n") for heading in headings]
    assert places == sorted(places)
    assert max(map(len, text.splitlines())) <= 80


def test_colours_are_for_terminals_alone(capsys, monkeypatch):
    lines = short(recommend_ratio(build_fit(), **ASKED))
    output.show(lines)
    written = capsys.readouterr().out
    assert written == plain(lines) + "\n"
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    output.show(lines)
    coloured = capsys.readouterr().out
    assert "\x1b[1;32mRecommended domain share: 22% for 8B parameters, 20B tokens." in coloured


@pytest.mark.parametrize(
    ("text", "n_lines", "expected"),
    [
        ("One. Two.", 1, ["One. Two."]),
        (f"One: {'x' * 90}.", 1, ["One."]),
        ("x" * 100, 1, ["x" * 76 + " ..."]),
    ],
)
def test_a_sentence_is_cut_at_its_clauses(text, n_lines, expected):
    assert shortened(text, n_lines) == expected
