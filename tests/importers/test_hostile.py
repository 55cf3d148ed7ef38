"""Files that are cut, mixed up or malicious: one sentence, exit code 2, nothing half-written."""

import json
import os
import pickle
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mixlaw.cli import main
from mixlaw.errors import ConfigError, DataError, MixlawError
from mixlaw.importers.assembly.api import Imported, import_runs
from mixlaw.importers.assembly.description import load_description
from mixlaw.runs.table import read_runs

SAMPLES = Path(__file__).parents[1] / "data" / "logs"

Say = Callable[..., Path]


@pytest.fixture
def say(tmp_path: Path) -> Say:
    """Writes a description of one run 'a' whose log is ``log``, and returns its path."""

    def write(log: str = "log", more: str = "", tail: str = "") -> Path:
        path = tmp_path / "runs.yaml"
        path.write_text(
            f"runs:\n  a: {{log: {log}, n_params: 1M, tokens_per_step: 10{more}}}\n{tail}"
        )
        return path

    return write


def trainer_state(history: list[dict[str, object]], **more: object) -> str:
    return json.dumps({"best_metric": None, "log_history": history, **more}, indent=2)


def evaluations(*losses: float, start: int = 100) -> list[dict[str, object]]:
    return [{"step": start + 100 * i, "eval_domain_loss": x} for i, x in enumerate(losses)]


def losses_of(result: Imported) -> dict[float, float]:
    kept = result.frame[result.frame["flag"] == ""]
    return dict(zip(kept["tokens"], kept["loss"], strict=True))


# The same run twice ---------------------------------------------------------------------------


def test_the_same_run_twice_with_different_losses_is_refused(tmp_path: Path, say: Say) -> None:
    (tmp_path / "one.json").write_text(trainer_state(evaluations(3.0, 2.9)))
    (tmp_path / "two.json").write_text(trainer_state(evaluations(3.1, 2.8)))
    with pytest.raises(
        DataError, match="run 'a' would have two losses for 'domain'; say 'restarts: add'"
    ):
        import_runs("hf-trainer", [], say("[one.json, two.json]"))


def test_the_same_log_twice_is_flagged_as_duplicate(tmp_path: Path, say: Say) -> None:
    for name in ("one.json", "two.json"):
        (tmp_path / name).write_text(trainer_state(evaluations(3.0, 2.9)))
    frame = import_runs("hf-trainer", [], say("[one.json, two.json]")).frame
    assert frame["flag"].tolist() == ["", "", "duplicate row", "duplicate row"]


def test_rows_of_a_table_are_joined_by_run_id_not_by_position(tmp_path: Path) -> None:
    """The mistake of a published tool: ratios and losses paired by their order."""
    (tmp_path / "runs.yaml").write_text(
        "defaults: {n_params: 1M}\nruns: {x: {shares: 0.1}, y: {shares: 0.5}, z: {shares: 0.9}}\n"
    )
    table = "run_id,tokens,eval_set,loss\nz,10,domain,1\nx,10,domain,3\ny,10,domain,2\n"
    (tmp_path / "t.csv").write_text(table)
    frame = import_runs("table", [tmp_path / "t.csv"], tmp_path / "runs.yaml").frame
    pairs = dict(zip(frame["share.domain"].round(6), frame["loss"], strict=True))
    assert pairs == {0.1: 3.0, 0.5: 2.0, 0.9: 1.0}


def test_an_undescribed_run_of_a_log_of_many_is_said(tmp_path: Path) -> None:
    (tmp_path / "runs.yaml").write_text("runs: {x: {n_params: 1M}}\n")
    (tmp_path / "t.csv").write_text("run_id,tokens,eval_set,loss\nx,1,d,3\ny,1,d,2\n")
    result = import_runs("table", [tmp_path / "t.csv"], tmp_path / "runs.yaml")
    assert set(result.frame["run_id"]) == {"x"}
    assert any("left out: y" in note for note in result.notes)


# Resumed, cut and unfinished runs -------------------------------------------------------------


def megatron_log(*steps: tuple[int, float]) -> str:
    return "".join(
        f" validation-domain loss at iteration {step} | lm loss value: {loss:.6E} | "
        f"lm loss PPL: 1.0E+00 | \n"
        for step, loss in steps
    )


def test_a_resumed_run_keeps_what_it_did_last(tmp_path: Path, say: Say) -> None:
    text = megatron_log((100, 3.0), (200, 2.9), (300, 2.8), (200, 2.91), (300, 2.81), (400, 2.7))
    (tmp_path / "log").write_text(text)
    result = import_runs("megatron", [], say())
    assert losses_of(result) == {1000: 3.0, 2000: 2.91, 3000: 2.81, 4000: 2.7}
    assert (result.frame["flag"] == "superseded by resumed run").sum() == 2
    assert "a: resumed; 2 evaluations done again are superseded" in result.notes


def test_an_unfinished_run_is_flagged_unless_described_as_finished(
    tmp_path: Path, say: Say
) -> None:
    state = trainer_state(evaluations(3.0, 2.9), global_step=250, max_steps=1000)
    (tmp_path / "log").write_text(state)
    result = import_runs("hf-trainer", [], say())
    assert set(result.frame["flag"]) == {"unfinished"}
    assert any("stopped at step 250 of 1000" in note for note in result.notes)
    assert any("last evaluation is at step 200" in note for note in result.notes)
    finished = import_runs("hf-trainer", [], say(more=", finished: true"))
    assert set(finished.frame["flag"]) == {""}


def test_a_trainer_state_corrupt_inside_is_refused(tmp_path: Path, say: Say) -> None:
    text = trainer_state(evaluations(3.0, 2.9, 2.8))
    (tmp_path / "log").write_text(text.replace("2.9", "2.#"))
    with pytest.raises(DataError, match="not JSON"):
        import_runs("hf-trainer", [], say())
    (tmp_path / "log").write_text(text.replace("2.9", "2.#")[:-40])
    with pytest.raises(DataError, match="corrupt: record 2"):
        import_runs("hf-trainer", [], say())


def test_a_json_lines_log_corrupt_inside_is_refused(tmp_path: Path, say: Say) -> None:
    lines = [json.dumps({"current_steps": i, "eval_loss": 3.0}) for i in (1, 2, 3)]
    (tmp_path / "log").write_text("\n".join([lines[0], lines[1][:-5], lines[2]]) + "\n")
    with pytest.raises(DataError, match="line 2: not JSON"):
        import_runs("llama-factory", [], say())


def test_a_tensorboard_file_corrupted_inside_is_refused(tmp_path: Path, say: Say) -> None:
    """Whichever byte is changed, a checksum or the length of the file gives it away."""
    data = (SAMPLES / "tensorboard/r30/events.out.tfevents.0.sample").read_bytes()
    draw = random.Random(0)
    path = say()
    for place in draw.sample(range(len(data)), 60):
        changed = bytearray(data)
        changed[place] ^= 1 << draw.randrange(8)
        (tmp_path / "log").write_bytes(changed)
        with pytest.raises(DataError, match="corrupt|no tensorboard log") as refusal:
            import_runs("tensorboard", [], path)
        assert "\n" not in str(refusal.value)


def test_a_tensorboard_file_cut_in_the_middle_is_flagged(tmp_path: Path, say: Say) -> None:
    data = (SAMPLES / "tensorboard/r30/events.out.tfevents.0.sample").read_bytes()
    (tmp_path / "log").write_bytes(data[: len(data) * 4 // 5])
    result = import_runs("tensorboard", [], say())
    assert set(result.frame["flag"]) == {"truncated"}
    whole = (SAMPLES / "tensorboard/truth.csv").read_text()
    assert all(repr(loss) in whole for loss in result.frame["loss"])


# What a log does not say ----------------------------------------------------------------------


def test_a_missing_token_axis_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(trainer_state(evaluations(3.0)))
    (tmp_path / "runs.yaml").write_text("runs: {a: {log: log, n_params: 1M}}\n")
    with pytest.raises(ConfigError, match="tokens_per_step"):
        import_runs("hf-trainer", [], tmp_path / "runs.yaml")


def test_consumed_samples_need_the_sequence_length(tmp_path: Path) -> None:
    shutil.copy(SAMPLES / "megatron/r30.log", tmp_path / "log")
    (tmp_path / "runs.yaml").write_text("runs: {a: {log: log, n_params: 1M}}\n")
    with pytest.raises(ConfigError, match="sequence_length"):
        import_runs("megatron", [], tmp_path / "runs.yaml")


def test_a_blended_loss_is_refused_unless_it_is_named(tmp_path: Path, say: Say) -> None:
    (tmp_path / "log").write_text(trainer_state([{"step": 100, "eval_loss": 3.0}]))
    with pytest.raises(DataError, match="blend of corpora cannot be fitted"):
        import_runs("hf-trainer", [], say())
    result = import_runs("hf-trainer", [], say(more=", unnamed_eval_set: domain"))
    assert result.frame["eval_set"].tolist() == ["domain"]


def test_a_blend_beside_named_losses_is_left_out_and_said(tmp_path: Path, say: Say) -> None:
    history = [{"step": 100, "eval_loss": 3.0}, *evaluations(2.9)]
    (tmp_path / "log").write_text(trainer_state(history))
    result = import_runs("hf-trainer", [], say())
    assert losses_of(result) == {1000: 2.9}
    assert any("left out 1 losses" in note for note in result.notes)


def test_averaged_perplexities_are_refused(tmp_path: Path, say: Say) -> None:
    (tmp_path / "metrics_step1.json").write_text(
        json.dumps({"throughput/total tokens": 1, "eval/lm/domain/PPL": 20.0})
    )
    with pytest.raises(DataError, match="perplexities"):
        import_runs("olmo-core", [], say("metrics_step1.json"))
    (tmp_path / "t.csv").write_text("run_id,tokens,eval_set,val_ppl\na,1,d,20\n")
    with pytest.raises(DataError, match="is a perplexity"):
        import_runs("table", [], say("t.csv", tail="columns: {loss: val_ppl}\n"))


def test_a_loss_that_is_not_finite_is_flagged_and_said(tmp_path: Path, say: Say) -> None:
    (tmp_path / "log").write_text(trainer_state(evaluations(3.0, float("nan"))))
    result = import_runs("hf-trainer", [], say())
    assert result.frame["flag"].tolist() == ["", "non-finite loss"]
    assert "a: 1 of 2 losses are not finite; they are flagged" in result.notes


def test_document_shares_become_token_shares(tmp_path: Path, say: Say) -> None:
    """0.30 of the documents at 2000 against 500 tokens is 0.63 of the tokens."""
    (tmp_path / "log").write_text(trainer_state(evaluations(3.0)))
    documents = ", document_shares: 0.3"
    with pytest.raises(ConfigError, match="tokens_per_doc of domain, general"):
        import_runs("hf-trainer", [], say(more=documents))
    lengths = ", tokens_per_doc: {domain: 2000, general: 500}"
    frame = import_runs("hf-trainer", [], say(more=documents + lengths)).frame
    assert frame["share.domain"].tolist() == pytest.approx([600 / 950])


# Malice ---------------------------------------------------------------------------------------


def test_a_path_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret").write_text(trainer_state(evaluations(3.0)))
    os.symlink(tmp_path / "secret", inside / "link")
    for log in ("../secret", str(tmp_path / "secret"), "link", "../../../etc/passwd"):
        (inside / "runs.yaml").write_text(f"runs: {{a: {{log: {log}, n_params: 1M}}}}\n")
        with pytest.raises(ConfigError, match="lies outside the folder"):
            import_runs("auto", [], inside / "runs.yaml")


def test_a_json_bomb_is_refused(tmp_path: Path, say: Say) -> None:
    deep = '{"log_history": [{"step": 1, "eval_domain_loss": ' + '{"a":' * 10**6 + "1" + "}" * 10**6
    (tmp_path / "log").write_text(deep + "}]}")
    with pytest.raises(DataError, match="nested deeper"):
        import_runs("hf-trainer", [], say())
    with (tmp_path / "log").open("w") as file:
        file.write('{"best_metric": null, "log_history": [')
        file.truncate(2**31)  # two gigabytes of zeros that take no room on the disk
    with pytest.raises(DataError, match="larger than 256 MiB"):
        import_runs("hf-trainer", [], say())


def test_an_endless_line_is_refused(tmp_path: Path, say: Say) -> None:
    with (tmp_path / "log").open("w") as file:
        file.write(megatron_log((100, 3.0)))
        file.truncate(2**31)
    with pytest.raises(DataError, match="longer than 8 MiB"):
        import_runs("megatron", [], say())


def test_a_yaml_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.yaml"
    lines = ["a: &a [x, x, x, x]"] + [
        f"{b}: &{b} [*{a}, *{a}]" for a, b in zip("abcd", "bcde", strict=True)
    ]
    path.write_text("\n".join(lines))
    with pytest.raises(ConfigError, match="aliases"):
        load_description(path)
    path.write_text("runs: " + "[" * 100_000)
    with pytest.raises(ConfigError, match="cannot be read as YAML"):
        load_description(path)


class Trap:
    """Unpickling this writes a file."""

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (os.system, ("touch trapped",))


@pytest.mark.parametrize("name", ["auto", "hf-trainer", "table", "wandb-parquet", "tensorboard"])
def test_nothing_is_unpickled_or_evaluated(
    name: str, tmp_path: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(MixlawError):
        import_runs(name, [], say())
    (tmp_path / "log").write_text('run_id,tokens,eval_set,loss\na,1,d,__import__("os")\n')
    with pytest.raises(MixlawError):
        import_runs(name, [], say())
    path = tmp_path / "evil.yaml"
    path.write_text("runs: !!python/object/apply:os.system ['touch trapped']\n")
    with pytest.raises(ConfigError):
        load_description(path)
    assert not (tmp_path / "trapped").exists()


def test_a_formula_in_a_cell_stays_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t.csv").write_text(
        "run_id,n_params,tokens,eval_set,loss,note\n"
        '"=HYPERLINK(""http://x"")",1000,10,@domain,3.0,=1+1\n'
        "b,1000,10,domain,3.0,-\n"
    )
    main_ok(["import", "table", str(tmp_path / "t.csv"), "--out", str(tmp_path / "runs.csv")])
    main_ok(["export", str(tmp_path / "runs.csv"), "--to", "chinchilla", "--eval-set", "domain",
             "--out", str(tmp_path / "c.csv")])  # fmt: skip
    cells = [
        cell.strip('"')
        for name in ("runs.csv", "c.csv")
        for line in (tmp_path / name).read_text().splitlines()
        for cell in line.split(",")
    ]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert '\'=HYPERLINK("http://x")' in set(read_runs(tmp_path / "runs.csv")["run_id"])
    capsys.readouterr()


def test_a_formula_in_place_of_a_number_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("run_id,n_params,tokens,eval_set,loss\na,1000,10,d,=1+1\n")
    with pytest.raises(DataError, match=r"row 2: '=1\+1' is not a number"):
        import_runs("table", [tmp_path / "t.csv"])


def main_ok(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(arguments)
    assert leaving.value.code in (0, None)


def test_a_refused_import_leaves_the_old_table_untouched(
    tmp_path: Path, say: Say, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log").write_text(trainer_state(evaluations(3.0))[:-30].replace("3.0", "3.x"))
    out = tmp_path / "out" / "runs.csv"
    for before in (None, "what was there\n"):
        if before is not None:
            out.parent.mkdir()
            out.write_text(before)
        with pytest.raises(SystemExit) as leaving:
            main(["import", "hf-trainer", "--describe", str(say()), "--out", str(out)])
        assert leaving.value.code == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("mixlaw: ") == 1
        assert out.exists() == (before is not None)
    assert out.read_text() == "what was there\n"
    assert [path.name for path in out.parent.iterdir()] == ["runs.csv"]
