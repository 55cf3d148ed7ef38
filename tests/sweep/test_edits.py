"""An experiment.yaml or its text, edited between two sweeps: what changed, what is kept."""

import dataclasses
import shutil
from pathlib import Path

import pytest
from tiny_sweep import YAML, folders, planned, write_tiny

from mixlaw.corpora.prepare import load_corpora
from mixlaw.experiment import load_experiment, parse_experiment
from mixlaw.sweep.api import run_sweep
from mixlaw.sweep.data import advice, expected_identity
from mixlaw.sweep.dry_run import describe_sweep
from mixlaw.sweep.edits import NOTE, Edit, edit_since, messages, remember
from mixlaw.sweep.plan import plan_runs
from mixlaw.sweep.worker import work
from mixlaw.train.interrupts import Watch

SMALL = YAML.replace("[8k, 16k]", "[8k]")


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of one base and three runs that is done."""
    folder = write_tiny(tmp_path_factory.mktemp("swept"), SMALL)
    plan = planned(folder)
    experiment = load_experiment(folder)
    remember(folder, experiment, plan, expected_identity(folder, experiment))
    assert work([run.path for run in folders(folder, plan)], Watch()) == 0
    return folder


def edit_to(folder: Path, text: str) -> Edit | None:
    experiment = parse_experiment(text, folder=folder)
    data = expected_identity(folder, experiment)
    return edit_since(folder, experiment, plan_runs(experiment, data), data)


def counts(edit: Edit) -> tuple[int, int, int, int]:
    return len(edit.outdated), len(edit.dropped), len(edit.kept), edit.n_added


def keys(edit: Edit) -> list[str]:
    return [change.key for change in edit.changes]


def test_nothing_edited_is_nothing_said(swept: Path):
    assert edit_to(swept, SMALL) is None
    assert edit_to(swept, "# a comment\n" + SMALL.replace("1k", "1000")) is None
    plan = describe_sweep(swept)
    assert plan["edit"] is None
    assert not any("edited" in note or "earlier" in note for note in plan["notes"])
    assert all(run["done"] and run["run_id"] for run in plan["runs"])


def test_another_target_invalidates_nothing(swept: Path):
    edit = edit_to(swept, SMALL + "target: {n_params: 8B, tokens: 20B}\n")
    assert edit is not None
    assert [str(change) for change in edit.changes] == [
        "target.n_params: none -> 8B",
        "target.tokens: none -> 20B",
    ]
    assert counts(edit) == (0, 0, 4, 0)
    assert any("everything that was trained, 1 base and 3 runs" in s for s in edit.sentences())


@pytest.mark.parametrize(
    ("addition", "key", "expected"),
    [
        # A learning rate is part of every base and run; the re-warmed one of runs alone.
        ("schedule: {lr: {coefficient: 0.4}}", "schedule.lr.coefficient", (4, 0, 0, 0)),
        ("schedule: {peak_ratio: 0.5}", "schedule.peak_ratio", (3, 0, 1, 0)),
        ("training: {seq_len: 16, batch_tokens: 64, clip: 2}", "training.clip", (4, 0, 0, 0)),
        ("seeds: {order: [1]}", "seeds.order", (0, 3, 1, 3)),
        (
            "seeds: {extra: [{size: 8k, mixture: 0.5, order: [3, 4]}]}",
            "seeds.extra",
            (0, 0, 4, 2),
        ),
        ("executor: {name: local, workers: 1}", "executor.workers", (0, 0, 4, 0)),
    ],
)
def test_an_added_or_changed_section(swept: Path, addition: str, key: str, expected: tuple):
    section = addition.split(":")[0]
    lines = [line for line in SMALL.splitlines() if not line.startswith(f"{section}:")]
    edit = edit_to(swept, "\n".join([*lines, addition]))
    assert edit is not None
    assert keys(edit) == [key]
    assert counts(edit) == expected
    assert edit.corpora == ()


@pytest.mark.parametrize(
    ("old", "new", "shown", "expected"),
    [
        ("sizes: [8k]", "sizes: [8k, 16k]", "sizes: [8000] -> [8000, 16k]", (0, 0, 4, 4)),
        ("[0.5, 1]", "[0.5]", "mixtures: [0.5, 1.0] -> [0.5]", (0, 1, 3, 0)),
        ("[0.5, 1]", "[0.5, 0.7, 1]", "mixtures: [0.5, 1.0] -> [0.5, 0.7, 1.0]", (0, 0, 4, 1)),
        ("trunk_points: 4", "trunk_points: 3", "evaluation.trunk_points: 4 -> 3", (3, 0, 1, 0)),
    ],
)
def test_lists_and_counts(swept: Path, old: str, new: str, shown: str, expected: tuple):
    edit = edit_to(swept, SMALL.replace(old, new))
    assert edit is not None
    assert [str(change) for change in edit.changes] == [shown]
    assert counts(edit) == expected
    assert edit.corpora == ()


def test_budgets_that_need_other_tokens(swept: Path):
    edit = edit_to(swept, SMALL.replace("[1k, 2k]", "[1k]"))
    assert edit is not None
    assert edit.corpora == ("domain", "general")
    assert counts(edit) == (4, 0, 0, 0)


def test_another_held_out_set_changes_every_measurement(swept: Path):
    edit = edit_to(swept, SMALL.replace("held_out_tokens: 512", "held_out_tokens: 256"))
    assert edit is not None
    assert keys(edit) == ["evaluation.held_out_tokens"]
    assert edit.corpora == ("domain", "general")
    assert counts(edit) == (4, 0, 0, 0)
    assert not edit.is_sure
    assert any("unless they come out as they were" in s for s in edit.sentences())


def test_a_corpus_elsewhere_is_read_again(swept: Path):
    shutil.copy(swept / "text" / "domain.jsonl", swept / "moved.jsonl")
    edit = edit_to(swept, SMALL.replace("text/domain.jsonl", "moved.jsonl"))
    assert edit is not None
    assert keys(edit) == ["corpora.domain.path"]
    # The tokenizer is trained on the corpora: until they are read all tokens may be others.
    assert edit.corpora == ("domain", "general")
    (swept / "moved.jsonl").unlink()


def test_edited_text_is_seen_although_experiment_yaml_is_the_same(swept: Path):
    path = swept / "text" / "general.jsonl"
    before = path.read_text()
    path.write_text(before + '{"text": "one more"}\n')
    edit = edit_to(swept, SMALL)
    assert edit is not None
    assert edit.changes == ()
    assert "general" in edit.corpora
    assert next(edit.sentences()).startswith("The tokens of 'domain' and 'general' have to be made")
    path.write_text(before)


def test_a_note_that_is_damaged_or_missing_is_no_edit(swept: Path):
    note = swept / NOTE
    before = note.read_text()
    for content in ("", "[]", '{"schema": "other"}'):
        note.write_text(content)
        assert edit_to(swept, SMALL + "target: {tokens: 1B}") is None
    note.write_text(before)


def test_a_copied_run_folder_is_named_as_a_copy(swept: Path):
    plan = planned(swept)
    run = folders(swept, plan)[1]
    copy = run.path.with_name("best run (copy)")
    shutil.copytree(run.path, copy)
    (sentence,) = messages(swept, plan, None)
    assert f"'{copy}' is a copy of '{run.run_id}'" in sentence
    assert describe_sweep(swept)["notes"][-1] == sentence
    shutil.rmtree(copy)


def test_a_sweep_says_what_an_edit_does_once(tmp_path: Path):
    folder = write_tiny(tmp_path, SMALL.replace("[0.5, 1]", "[0]"))
    run_sweep(folder)
    (folder / "experiment.yaml").write_text(
        SMALL.replace("[0.5, 1]", "[0]") + "target: {tokens: 1B}"
    )
    dry = describe_sweep(folder)
    said: list[str] = []
    assert run_sweep(folder, say=said.append).n_trained == 0
    assert any("target.tokens: none -> 1B" in sentence for sentence in said)
    assert set(dry["notes"]) <= set(said)
    assert dry["edit"]["changes"] == [{"key": "target.tokens", "old": None, "new": 10**9}]
    said.clear()
    run_sweep(folder, say=said.append)
    assert not any("edited" in sentence for sentence in said)


def test_the_precision_asked_for_is_told_with_the_tokens_that_would_do(swept: Path):
    text = SMALL.replace("trunk_points: 4", "trunk_points: 4, precision: 0.001")
    (swept / "experiment.yaml").write_text(text)
    plan = describe_sweep(swept)
    (swept / "experiment.yaml").write_text(SMALL)
    told = [note for note in plan["notes"] if "0.001 would take about" in note]
    assert [note.split("'")[1] for note in told] == ["domain", "general"]
    assert told[0].startswith("The 512 held-out tokens of 'domain' measure a loss to about 0.")
    assert plan["edit"]["changes"] == [
        {"key": "evaluation.precision", "old": None, "new": 0.001},
    ]
    assert plan["edit"]["outdated"] == []


def test_repetition_that_the_target_will_not_have_is_told(swept: Path):
    experiment = parse_experiment(SMALL + "target: {tokens: 1M}", folder=swept)
    corpora = load_corpora(swept / "corpora")
    assert list(advice(experiment, corpora)) == []  # how much text there is is not known
    small = dataclasses.replace(corpora.train["domain"], n_tokens=1000)
    few = dataclasses.replace(corpora, train={**corpora.train, "domain": small})
    (sentence,) = advice(experiment, few)
    assert "the proxies read that corpus 2 times and the target run 1,000 times" in sentence
