"""mixlaw status and logs, and the lines that a sweep writes while it runs."""

import json
import logging
import os
import shutil
from pathlib import Path

import pytest
from tiny_sweep import YAML, StopAfter, folders, planned, write_tiny

from mixlaw.cli import main
from mixlaw.errors import ConfigError
from mixlaw.experiment import load_experiment
from mixlaw.rundir.folder import RunFolder
from mixlaw.sweep.data import expected_identity
from mixlaw.sweep.edits import NOTE, remember
from mixlaw.sweep.jobs import Task
from mixlaw.sweep.plan import plan_runs
from mixlaw.sweep.progress import Lines, Live, duration, label
from mixlaw.sweep.status import RunStatus, read_log, sweep_status
from mixlaw.sweep.worker import work
from mixlaw.train.interrupts import CHECKPOINT_VARIABLE, Watch


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[RunFolder]]:
    """An experiment with one base done, one stopped, and runs that wait."""
    experiment = write_tiny(tmp_path_factory.mktemp("half"))
    all_folders = folders(experiment, planned(experiment))
    assert work([all_folders[0].path], Watch()) == 0
    assert work([all_folders[1].path], StopAfter(9)) == 75
    return experiment, all_folders


def states(experiment: Path) -> dict[str, RunStatus]:
    return {row.run_id: row for row in sweep_status(experiment).runs}


def test_states(half: tuple[Path, list[RunFolder]]):
    experiment, all_folders = half
    rows = states(experiment)
    done, stopped, waiting = (rows[folder.run_id] for folder in all_folders[:3])
    assert done.state == "done"
    assert "general " in done.detail
    assert (stopped.state, waiting.state) == ("stopped", "waiting")
    assert stopped.detail.startswith("Stopped at step 9 of ")
    found = sweep_status(experiment)
    assert found.counts == {"done": 1, "stopped": 1, "waiting": 6}
    assert found.summary().endswith(f"no sweep is at work; 'mixlaw sweep {experiment}' goes on")


def test_a_run_starts_then_runs(half: tuple[Path, list[RunFolder]]):
    experiment, all_folders = half
    run = all_folders[2]
    with run.lock():
        assert states(experiment)[run.run_id].state == "starting"
        run.progress_file.write_text(json.dumps({"tokens": 1, "total": 2, "loss": 3.0, "rate": 7}))
        row = states(experiment)[run.run_id]
        assert (row.state, row.detail) == ("running", " 50%  loss 3.000  7 tokens/s")
    run.progress_file.unlink()


def test_a_failure_has_its_reason_until_it_is_started_again(half: tuple[Path, list[RunFolder]]):
    experiment, all_folders = half
    base, run = all_folders[1], all_folders[-1]
    base.fail("The disk is full.")
    rows = states(experiment)
    assert (rows[base.run_id].state, rows[base.run_id].detail) == ("failed", "The disk is full.")
    assert rows[run.run_id].detail == f"for its base {base.run_id}, which failed"
    base.begin()
    assert states(experiment)[base.run_id].state == "stopped"


def test_copies_and_runs_not_asked_for_are_marked(half: tuple[Path, list[RunFolder]]):
    experiment, all_folders = half
    base = all_folders[0]
    copy = base.path.with_name("copy")
    shutil.copytree(base.path, copy)
    loaded = load_experiment(experiment)
    data = expected_identity(experiment, loaded)
    smaller = loaded.model_copy(update={"mixtures": (1.0,)})
    remember(experiment, smaller, plan_runs(smaller, data), data)
    found = sweep_status(experiment)
    assert states(experiment)["copy"] == RunStatus(
        "copy", "copy", f"of {base.run_id}; it is not used"
    )
    assert (found.counts["outdated"], found.counts["copy"]) == (2, 1)
    assert any("mixtures: [1.0] -> [0.5, 1.0]" in note for note in found.notes)
    shutil.rmtree(copy)
    (experiment / NOTE).unlink()


def test_the_log_of_a_run_by_the_beginning_of_its_name(half: tuple[Path, list[RunFolder]]):
    experiment, all_folders = half
    base = all_folders[1]
    assert "it can continue" in read_log(experiment, base.run_id[:-3])
    with pytest.raises(ConfigError, match="Available: base-"):
        read_log(experiment, "base")
    with pytest.raises(ConfigError, match="no run named 'nothing'"):
        read_log(experiment, "nothing")


def test_the_log_tells_the_story_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv(CHECKPOINT_VARIABLE, "0")
    caplog.set_level(logging.INFO, "mixlaw")  # as a worker's own process has it
    experiment = write_tiny(tmp_path, YAML.replace("[8k, 16k]", "[8k]"))
    base, run, *_ = folders(experiment, planned(experiment))
    assert work([base.path], Watch()) == 0
    assert work([run.path], StopAfter(5)) == 75
    run.output.write_text("a warning of some library\n")
    assert work([run.path], Watch()) == 0
    told = [line[21:] for line in read_log(experiment, run.run_id).splitlines() if line[:2] == "20"]
    assert told[0].startswith(f"process {os.getpid()} on ")
    assert told[0].endswith(" begins")
    assert "trunk: checkpoint at step 1" in told
    assert f"Stopped at step 5 of {run.run_id}; it can continue." in told
    assert any(" goes on from step 5 with " in line for line in told)
    assert any(line.startswith(f"{run.run_id}-b1024 at 1,024 tokens: domain ") for line in told)
    assert told[-1] == f"{run.run_id} is done"
    rest = read_log(experiment, run.run_id).split("Its process printed besides:")[1]
    assert rest.splitlines()[1] == "a warning of some library"
    assert rest.splitlines()[-1].startswith("now: done  domain ")


def test_the_commands(half: tuple[Path, list[RunFolder]], capsys: pytest.CaptureFixture[str]):
    experiment, all_folders = half
    for arguments in (["status", str(experiment), "--json"], ["status", str(experiment)]):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert not end.value.code
    with pytest.raises(SystemExit):
        main(["logs", all_folders[1].run_id, str(experiment)])
    text = capsys.readouterr().out
    document, _ = json.JSONDecoder().raw_decode(text)
    assert len(document["runs"]) == 8
    assert document["counts"]["waiting"] == 6
    assert "1 done, 1 stopped, 6 waiting; no sweep is at work" in text
    assert "it can continue" in text


def test_lines_count_what_was_done_before_and_estimate_what_is_left(
    half: tuple[Path, list[RunFolder]],
):
    _, all_folders = half
    said: list[str] = []
    seconds = dict.fromkeys(all_folders, 60.0)
    lines = Lines(seconds, slots=2, say=said.append)
    assert lines.time_left([]) == "about 4 min left"  # 7 times 60 s on two slots, rounded
    slow = all_folders[2]
    facts = {"tokens": 1, "total": 1200, "loss": 3.2, "rate": 10}  # 120 s, twice the estimate
    slow.progress_file.write_text(json.dumps(facts))
    assert lines.time_left([Task((slow,), 60.0)]) == "about 7 min left"
    slow.progress_file.unlink()
    finished = all_folders[1]
    (finished.path / "done.json").write_text("{}")
    lines.update([])
    (finished.path / "done.json").unlink()
    assert len(said) == 1
    assert said[0].startswith(f"[2/8] {label(finished)} ")
    assert label(all_folders[0]).endswith(" base")
    assert label(all_folders[2]).endswith("% domain")


def test_the_live_display_shows_what_runs(
    half: tuple[Path, list[RunFolder]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes any stream for a terminal
    _, all_folders = half
    runs = all_folders[2]
    facts = {"tokens": 50, "total": 200, "loss": 3.21, "rate": 1500}
    (runs.path / "progress.json").write_text(json.dumps(facts))
    assert str(runs.progress) == " 25%  loss 3.210  1,500 tokens/s"
    live = Live(dict.fromkeys(all_folders, 60.0), slots=2)
    with live.showing():
        live.update([Task((runs,), 60.0)])
    shown = capsys.readouterr().err
    assert f"{label(runs)}" in shown
    assert f"{'█' * 4}{'░' * 12}  25%  loss 3.210  1,500 tokens/s" in shown
    (runs.path / "progress.json").write_text('{"tok')
    assert runs.progress is None
    (runs.path / "progress.json").unlink()


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.4, "3 s"), (89, "89 s"), (150, "2 min"), (9000, "2.5 h")]
)
def test_durations(seconds: float, text: str):
    assert duration(seconds) == text
