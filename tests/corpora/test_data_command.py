"""``mixlaw data show``: what is printed, and how it fails."""

import json

import numpy as np
import pytest

from mixlaw.cli import main
from mixlaw.corpora import builtin


def run(*arguments):
    with pytest.raises(SystemExit) as leaving:
        main(["data", "show", *map(str, arguments)])
    return leaving.value.code or 0


@pytest.fixture
def notes(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    for i in range(40):
        (folder / f"{i}.txt").write_text(f"Note number {i} is about the weather of day {i}.\n")
    return folder


def test_the_built_in_pair(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(builtin, "BUDGET", {"general": 200_000, "domain": 200_000})
    assert run() == 0
    shown = capsys.readouterr()
    assert "general: built-in general" in shown.out
    assert "domain, held out" in shown.out
    assert "cache: .mixlaw" in shown.err
    assert list(tmp_path.iterdir()) == [tmp_path / ".mixlaw"]


def test_json_is_one_document_with_all_counts(notes, capsys):
    assert run(notes, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    (corpus,) = document["corpora"]
    assert corpus["name"] == "notes"
    assert corpus["is_complete"] is True
    assert corpus["train"]["documents"] + corpus["held_out"]["documents"] == 40
    texts = sum(len(file.read_bytes()) for file in notes.iterdir())
    assert corpus["train"]["bytes"] + corpus["held_out"]["bytes"] == texts
    assert corpus["train"]["bytes_per_token"] > 1
    assert corpus["samples"][0].startswith("Note number")


def test_a_small_held_out_set_is_told(tmp_path, capsys):
    rng = np.random.default_rng(0)
    folder = tmp_path / "long"
    folder.mkdir()
    for i in range(200):
        odds = rng.dirichlet(np.ones(5))
        words = rng.choice(["stone", "river", "lamp", "cloud", "paper"], 1500, p=odds)
        (folder / f"{i}.txt").write_text(" ".join(words) + f" {i}\n")
    assert run(folder, "--precision", "0.001") == 0
    said = capsys.readouterr().err
    assert "The 24,000 held-out tokens of 'long' measure a loss to about" in said
    assert "0.001 would take about" in said
    assert run(folder, "--precision", "1") == 0
    assert "measure a loss" not in capsys.readouterr().err


def test_an_experiment(notes, tmp_path, capsys):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "experiment.yaml").write_text(
        "corpora: {general: ../notes, domain: {path: ../notes}}\n"
        "sizes: [100k]\nmixtures: [0.5]\ntoken_budgets: [200k]\nbase: {tokens: 100k}\n"
        "target: {tokens: 1B}\n"
    )
    assert run(folder) == 0
    shown = capsys.readouterr()
    assert "general, train" in shown.out
    assert "domain, train" in shown.out
    assert "lack" in shown.err
    assert "the target run" in shown.err
    assert str(folder / "corpora") in shown.err


def test_bad_input_is_exit_2_and_one_sentence(notes, tmp_path, capsys):
    assert run("nowhere") == 2
    assert "There is no experiment named 'nowhere'" in capsys.readouterr().err
    (tmp_path / "notes.jsonl").write_text('{"body": "x"}\n')
    assert run(tmp_path / "notes.jsonl") == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "there is no field 'text'; the fields are: body" in shown.err
    assert "with 'field' beside the path, or --field" in shown.err
    (tmp_path / "empty.txt").write_text("")
    assert run(tmp_path / "empty.txt") == 2
