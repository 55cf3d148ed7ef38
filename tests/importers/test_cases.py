"""Kinds of faults that real logs had: the right value, or the sentence that names the cause."""

import json
from pathlib import Path

import pytest

from mixlaw.errors import ConfigError, DataError
from mixlaw.importers.assembly.api import Imported, import_runs

CASES = Path(__file__).parents[3] / "shared" / "cases"
DEFAULTS = (
    "defaults: {tokens_per_step: 1000, n_params: 400M, shares: {domain: 0.5, general: 0.5},\n"
    "  unnamed_eval_set: domain%s}\nruns:\n  r: {log: %s}\n"
)


def imported(folder: Path, log: str, text: str, more: str = "") -> Imported:
    (folder / log).write_text(text)
    (folder / "runs.yaml").write_text(DEFAULTS % (more, log))
    return import_runs("auto", [], folder / "runs.yaml")


def points(result: Imported) -> dict[float, float]:
    kept = result.frame[result.frame["flag"] == ""]
    return dict(zip(kept["tokens"], kept["loss"], strict=True))


def state(*records: dict[str, object], **more: object) -> str:
    return json.dumps({"log_history": list(records), "best_metric": None, **more})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("s.json", state({"step": 300, "eval_loss": 2.5, "num_input_tokens_seen": 0})),
        ("t.jsonl", '{"current_steps": 300, "eval_loss": 2.5, "total_tokens": 0}\n'),
        ("w.csv", '"train/global_step","r - eval/loss","r - eval/loss__MIN"\n"300","2.5","2.5"'),
    ],
)
def test_a_counter_that_is_zero_at_a_later_step_is_absent(name, text, tmp_path: Path) -> None:
    result = imported(tmp_path, name, text)
    assert points(result) == {300_000: 2.5}
    if "total_tokens" in text or "tokens_seen" in text:
        assert any("0 at step 300" in note for note in result.notes)


def test_a_trained_run_at_step_zero_is_no_base(tmp_path: Path) -> None:
    chart = '"trainer/global_step","r - val_loss","r - val_loss__MIN"\n"0","2.5","2.5"\n'
    with pytest.raises(DataError, match="stands at 0 steps"):
        imported(tmp_path, "w.csv", chart)


@pytest.mark.parametrize(
    ("count", "said"),
    [("eval_num_tokens", "eval_num_tokens"), ("num_input_tokens_seen", "num_input_tokens_seen")],
)
def test_two_token_axes_that_contradict_are_both_said(count, said, tmp_path: Path) -> None:
    text = state({"step": 100, "eval_loss": 2.5, count: 40_000})
    result = imported(tmp_path, "s.json", text)
    assert points(result) == {40_000: 2.5}
    (note,) = [note for note in result.notes if "contradict" in note]
    assert f"40k by {said}, 100k by step x tokens_per_step (a factor of 2.5)" in note
    chosen = imported(tmp_path, "s.json", text, ", token_axis: steps")
    assert points(chosen) == {100_000: 2.5}


def test_trl_counts_before_the_trainers_own(tmp_path: Path) -> None:
    record = {"step": 100, "eval_loss": 2.5, "num_input_tokens_seen": 120_000}
    result = imported(tmp_path, "s.json", state({**record, "eval_num_tokens": 100_000}))
    assert points(result) == {100_000: 2.5}
    assert any("120k by num_input_tokens_seen" in note for note in result.notes)


def test_a_record_without_a_loss_needs_no_step(tmp_path: Path) -> None:
    text = state({"step": 100, "eval_loss": 2.5}, {"epoch": 0.5, "predict_loss": 2.6})
    assert points(imported(tmp_path, "s.json", text)) == {100_000: 2.5}


CHART = '"train/global_step","r - eval/a_loss","r - eval/a_loss__MIN"\n'


def test_a_resumed_chart_is_superseded(tmp_path: Path) -> None:
    rows = ((100, 2.5), (200, 2.4), (300, 2.35), (200, 2.41), (300, 2.36), (400, 2.3))
    text = CHART + "".join(f'"{step}","{loss}","{loss}"\n' for step, loss in rows)
    result = imported(tmp_path, "w.csv", text)
    assert points(result) == {100e3: 2.5, 200e3: 2.41, 300e3: 2.36, 400e3: 2.3}


def test_a_counter_that_restarts_is_named_and_can_be_continued(tmp_path: Path) -> None:
    rows = ((100, 2.5), (200, 2.4), (100, 2.35), (200, 2.3))
    text = CHART + "".join(f'"{step}","{loss}","{loss}"\n' for step, loss in rows)
    with pytest.raises(DataError, match="its counter starts again at 100 after 200"):
        imported(tmp_path, "w.csv", text)
    added = imported(tmp_path, "w.csv", text, ", restarts: add")
    assert points(added) == {100e3: 2.5, 200e3: 2.4, 300e3: 2.35, 400e3: 2.3}
    replaced = imported(tmp_path, "w.csv", text, ", restarts: replace")
    assert points(replaced) == {100e3: 2.35, 200e3: 2.3}


@pytest.mark.parametrize(
    ("last", "flags"),
    [('"200","2.4","2.4"', ["", ""]), ("200,2.45,2.45", ["", ""]),
     ("200,2.45,2.4", ["", "row without a line end"])],
)  # fmt: skip
def test_a_last_row_without_a_line_end(last: str, flags: list[str], tmp_path: Path) -> None:
    result = imported(tmp_path, "w.csv", f"{CHART}100,2.55,2.55\n{last}")
    assert result.frame["flag"].tolist() == flags


def test_auxiliary_losses_are_left_out_and_said(tmp_path: Path) -> None:
    names = ("aux", "nll", "router_z", "load_balancing", "kl")
    record = {"step": 100, "eval_loss": 2.5, **{f"eval_{name}_loss": 0.01 for name in names}}
    result = imported(tmp_path, "s.json", state(record))
    assert result.frame["eval_set"].tolist() == ["domain"]
    assert any(all(f"eval_{name}_loss" in note for name in names) for note in result.notes)
    described = (tmp_path / "runs.yaml").read_text() + "eval_sets: {eval_nll_loss: general}\n"
    (tmp_path / "runs.yaml").write_text(described)
    asked = import_runs("auto", [], tmp_path / "runs.yaml").frame
    assert set(asked["eval_set"]) == {"domain", "general"}


def test_a_word_in_a_log_does_not_recognise_it(tmp_path: Path) -> None:
    line = '{"global_step/max_steps": "100/100", "eval_loss": 2.5}\n'
    text = line + '{"best_metric": 2.5, "log_history": []}\n'
    assert points(imported(tmp_path, "logging.jsonl", text)) == {100_000: 2.5}
    with pytest.raises(DataError, match="no log that mixlaw knows.*mixlaw import table FILE"):
        imported(tmp_path, "notes.md", 'We looked at "log_history" and "best_metric".\n')


def test_deepspeed_counts_tokens_and_names_sets(tmp_path: Path) -> None:
    text = (
        "0:  iteration      100/     100 | consumed samples: 10 | consumed tokens: 2000 | x\n"
        "0: valid loss at iteration 100 | lm loss value: 2.5E+00 | lm loss PPL: 1.2E+01 | \n"
        "0: valid-code loss at iteration 100 | lm loss value: 2.0E+00 | lm loss PPL: 7E+00 | \n"
        "0: test loss at iteration 100 | lm loss value: 9.0E+00 | lm loss PPL: 7E+00 | \n"
    )
    frame = imported(tmp_path, "ds.out", text).frame
    assert frame[["eval_set", "tokens", "loss"]].to_numpy().tolist() == [
        ["domain", 2000.0, 2.5],
        ["code", 2000.0, 2.0],
    ]


def test_epochs_need_the_steps_of_an_epoch(tmp_path: Path) -> None:
    text = "{'eval_domain_loss': 2.5, 'eval_runtime': 3.1, 'epoch': 0.5}\n"
    with pytest.raises(ConfigError, match="steps_per_epoch"):
        imported(tmp_path, "o.out", text)
    assert points(imported(tmp_path, "o.out", text, ", steps_per_epoch: 300")) == {150_000: 2.5}


def test_bits_per_byte_are_no_loss_until_the_tokens_are_known(tmp_path: Path) -> None:
    text = '{"results": {"wikitext": {"bits_per_byte,none": 0.7, "acc,none": 0.5}}, "config": {}}'
    with pytest.raises(DataError, match="bytes_per_token: {wikitext: N}"):
        imported(tmp_path, "results_1.json", text, ", tokens: 1B")
    more = ", tokens: 1B, bytes_per_token: {wikitext: 4}"
    frame = imported(tmp_path, "results_1.json", text, more).frame
    assert frame["loss"].tolist() == pytest.approx([0.7 * 0.693147 * 4], rel=1e-6)
    assert frame[["bpb", "accuracy.wikitext", "tokens"]].to_numpy().tolist() == [[0.7, 0.5, 1e9]]


RIGHT = {
    "01-counter-stays-zero/hf": {157286400.0},
    "01-counter-stays-zero/lf": {157286400.0},
    "05-wandb-export-has-no-last-newline/chart": {52428800.0, 104857600.0},
    "06-megatron-relatives/ds": {26214400.0, 52428800.0, 78643200.0},
    "07-state-record-without-step/r": {52428800.0, 104857600.0, 157286400.0},
    "08-ms-swift-logging/r": {52428800.0, 104857600.0, 157286400.0},
    "13-resumed-axis-duplicates/a": {52428800.0, 104857600.0, 157286400.0, 209715200.0},
    "15-auxiliary-losses-become-eval-sets/r": {52428800.0, 104857600.0, 157286400.0},
}


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not beside this checkout")
@pytest.mark.parametrize("case", RIGHT)
def test_the_shared_cases(case: str) -> None:
    frame = import_runs("auto", [], CASES / f"{case}.yaml").frame
    kept = frame[frame["flag"] == ""]
    assert set(kept["tokens"]) == RIGHT[case]
    assert set(kept["eval_set"]) <= {"domain", "general"}
