"""mixlaw status and logs, and the lines that a sweep writes while it runs."""

import json
from pathlib import Path

import pytest
from tiny_sweep import StopAfter, folders, planned, write_tiny

from mixlaw.cli import main
from mixlaw.errors import ConfigError
from mixlaw.sweep.jobs import Task
from mixlaw.sweep.progress import Lines, Live, duration, glimpse
from mixlaw.sweep.status import read_log, sweep_status
from mixlaw.sweep.worker import work
from mixlaw.train.folder import RunFolder
from mixlaw.train.watch import Watch


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[RunFolder]]:
    """An experiment with one base done, one stopped, and runs that wait."""
    experiment = write_tiny(tmp_path_factory.mktemp("half"))
    all_folders = folders(experiment, planned(experiment))
    assert work([all_folders[0].path], Watch()) == 0
    assert work([all_folders[1].path], StopAfter(9)) == 75
    return experiment, all_folders


def test_states(half: tuple[Path, list[RunFolder]]):
    experiment, all_folders = half
    rows = {row.run_id: row for row in sweep_status(experiment)}
    done, stopped, waiting = (rows[folder.run_id] for folder in all_folders[:3])
    assert done.state == "done"
    assert "general " in done.detail
    assert (stopped.state, waiting.state) == ("stopped", "waiting")
    assert "it can continue" in stopped.detail
    with all_folders[2].lock():
        assert {row.run_id: row.state for row in sweep_status(experiment)}[
            all_folders[2].run_id
        ] == "running"


def test_the_log_of_a_run_by_the_beginning_of_its_name(half: tuple[Path, list[RunFolder]]):
    experiment, all_folders = half
    assert "it can continue" in read_log(experiment, all_folders[1].run_id[:-3])
    with pytest.raises(ConfigError, match="Available: base-"):
        read_log(experiment, "base")
    with pytest.raises(ConfigError, match="no run named 'nothing'"):
        read_log(experiment, "nothing")


def test_the_commands(half: tuple[Path, list[RunFolder]], capsys: pytest.CaptureFixture[str]):
    experiment, all_folders = half
    for arguments in (["status", str(experiment), "--json"], ["status", str(experiment)]):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert not end.value.code
    with pytest.raises(SystemExit):
        main(["logs", all_folders[1].run_id, str(experiment)])
    text = capsys.readouterr().out
    assert len(json.JSONDecoder().raw_decode(text)[0]) == 8
    assert text.count("waiting") == 12
    assert "it can continue" in text


def test_lines_count_what_was_done_before_and_estimate_what_is_left(
    half: tuple[Path, list[RunFolder]],
):
    _, all_folders = half
    said: list[str] = []
    seconds = dict.fromkeys(all_folders, 60.0)
    lines = Lines(seconds, slots=2, say=said.append)
    assert lines.time_left([]) == "about 4 min left"  # 7 times 60 s on two slots, rounded
    finished = all_folders[1]
    (finished.path / "done.json").write_text("{}")
    lines.update([])
    (finished.path / "done.json").unlink()
    assert len(said) == 1
    assert said[0].startswith(f"[2/8] {finished.run_id}")


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
    assert str(glimpse(runs)) == " 25%  loss 3.210  1,500 tokens/s"
    live = Live(dict.fromkeys(all_folders, 60.0), slots=2)
    with live.showing():
        live.update([Task((runs,), 60.0)])
    assert "25%  loss 3.210  1,500 tokens/s" in capsys.readouterr().err
    (runs.path / "progress.json").write_text('{"tok')
    assert glimpse(runs) is None
    (runs.path / "progress.json").unlink()


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.4, "3 s"), (89, "89 s"), (150, "2 min"), (9000, "2.5 h")]
)
def test_durations(seconds: float, text: str):
    assert duration(seconds) == text
