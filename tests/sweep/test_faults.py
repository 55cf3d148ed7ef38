"""What the machine does to a sweep: full and read-only disks, memory, clocks, damaged files."""

import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from tiny_sweep import YAML, folders, planned, write_tiny

import mixlaw
from mixlaw.corpora.prepare import load_corpora
from mixlaw.errors import RunError
from mixlaw.rundir.folder import RunFolder
from mixlaw.rundir.spec import RunSpec
from mixlaw.runs.table import read_runs
from mixlaw.sweep.api import run_sweep
from mixlaw.sweep.collect import collect_runs
from mixlaw.sweep.plan import Plan
from mixlaw.sweep.status import sweep_status
from mixlaw.sweep.worker import work
from mixlaw.train.interrupts import Watch

SMALL = YAML.replace("[8k, 16k]", "[8k]")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    try:
        made = subprocess.run(command, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no 'mount' here")
    if made.returncode:
        pytest.skip("only root may mount a small file system")
    yield folder
    # Lazily: this very process may still have token files of the folder mapped.
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_a_sentence_and_room_is_enough_to_go_on(disk: Path):
    folder = write_tiny(disk / "x", SMALL)
    base = folders(folder, planned(folder))[0]
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - 16_384)
    with pytest.raises(RunError, match=r"cannot be written.*(No space left|MB are free)"):
        run_sweep(folder)
    assert not base.is_done
    ballast.unlink()
    assert run_sweep(folder).n_trained == 4
    assert not [*folder.rglob("*.tmp"), *folder.rglob("*.checkpoint.safetensors")]


def test_a_read_only_folder_is_a_sentence_and_can_be_looked_at(disk: Path):
    folder = write_tiny(disk / "x", SMALL)
    planned(folder)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(RunError, match="cannot be written: Read-only file system"):
        run_sweep(folder)
    assert {row.state for row in sweep_status(folder).runs} == {"waiting"}


def test_damaged_base_weights_are_found_rebuilt_and_said(tmp_path: Path):
    folder = write_tiny(tmp_path, SMALL)
    base, run, *_ = folders(folder, planned(folder))
    assert work([base.path], Watch()) == 0
    sound = base.weights.read_bytes()
    base.weights.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    assert work([run.path], Watch()) == 1
    assert "sweep again to rebuild" in run.last_line()
    said: list[str] = []
    assert run_sweep(folder, say=said.append).n_trained == 4
    assert any("weights of base-" in line and "trained again" in line for line in said)
    assert base.weights.read_bytes() == sound


def diverging(folder: Path, retry: float | None) -> RunFolder:
    """A base whose learning rate is absurd, planned by hand: no experiment.yaml can ask for it."""
    spec = folders(folder, planned(folder))[0].spec()
    optim = spec.optim.model_copy(update={"lr_peak": 1e30, "retry": retry})
    absurd = spec.model_copy(update={"optim": optim})
    base = RunFolder(folder / "bases" / absurd.run_id)
    base.plan(absurd)
    return base


def test_a_divergence_is_tried_once_more_and_recorded(tmp_path: Path):
    folder = write_tiny(tmp_path, SMALL)
    base = diverging(folder, retry=1e-33)
    assert work([base.path], Watch()) == 0
    assert json.loads((base.path / "retry.json").read_text())["lr_ratio"] == 1e-33
    assert base.optim(base.spec()).lr_peak == pytest.approx(1e-3)
    assert "second attempt" in base.optim(base.spec()).lr_rule
    assert all(record.loss for record in base.records())
    assert "trained once more at 1e-33" in base.log.read_text()


def test_without_a_retry_or_after_it_a_divergence_ends_there(tmp_path: Path):
    folder = write_tiny(tmp_path, SMALL)
    for retry in (None, 0.5):
        base = diverging(folder, retry=retry)
        assert work([base.path], Watch()) == 1
        assert "diverged at step" in base.last_line()


def planned_by_hand(folder: Path, spec: RunSpec, **optim: float | None) -> RunFolder:
    """A run with an optimiser that no experiment.yaml can ask for."""
    changed = spec.model_copy(update={"optim": spec.optim.model_copy(update=optim)})
    run = RunFolder(folder / "runs" / changed.run_id)
    run.plan(changed)
    return run


def flags(folder: Path, base: RunFolder, *runs: RunFolder) -> dict[str, set[str]]:
    """Flags of the rows of a table of these runs, by run."""
    plan = Plan((base.spec(),), tuple(run.spec() for run in runs))
    table = read_runs(collect_runs(folder, plan, load_corpora(folder / "corpora")))
    return {name: set(rows["flag"].fillna("")) for name, rows in table.groupby("run_id")}


def test_a_trunk_that_diverges_is_flagged_and_its_siblings_go_on(tmp_path: Path):
    folder = write_tiny(tmp_path, SMALL)
    base, sibling, run, _ = folders(folder, planned(folder))
    lost = planned_by_hand(folder, run.spec(), lr_peak=1e30)
    second = planned_by_hand(folder, run.spec(), lr_peak=1e30, lr_final=1e27, retry=1e-33)
    assert work([f.path for f in (base, lost, second, sibling)], Watch()) == 0
    found = flags(folder, base, lost, second, sibling)
    assert "diverged" in found[lost.run_id]  # after rows that were still sound
    assert not [name for name in found if name.startswith(f"{lost.run_id}-b")]
    assert found[second.run_id] == found[f"{second.run_id}-b1024"] == {""}
    assert found[sibling.run_id] == found[f"{sibling.run_id}-b1024"] == {""}
    assert "second attempt" in second.optim(second.spec()).lr_rule
    states = {row.run_id: row for row in sweep_status(folder).runs}
    assert (states[lost.run_id].state, states[second.run_id].state) == ("diverged", "done")
    assert states[lost.run_id].detail.startswith("no number at ")


def test_a_branch_that_diverges_leaves_its_trunk_and_siblings_alone(tmp_path: Path):
    folder = write_tiny(tmp_path, SMALL)
    base, sibling, run, _ = folders(folder, planned(folder))
    # A decay that ends at an absurd rate: the trunk never sees it.
    lost = planned_by_hand(folder, run.spec(), lr_final=1e30)
    second = planned_by_hand(folder, run.spec(), lr_final=1e30, retry=1e-33)
    assert work([f.path for f in (base, lost, second, sibling)], Watch()) == 0
    found = flags(folder, base, lost, second, sibling)
    assert found[lost.run_id] == {""}
    assert found[f"{lost.run_id}-b1024"] == found[f"{lost.run_id}-b1984"] == {"diverged"}
    assert {flag for name, of in found.items() if name not in lost_runs(lost) for flag in of} == {
        ""
    }
    assert json.loads((second.path / "retry.json").read_text())["lr_ratio"] == 1e-33


def lost_runs(run: RunFolder) -> set[str]:
    spec = run.spec()
    assert isinstance(spec, RunSpec)
    return {spec.branch_id(budget) for budget in spec.budgets}


def test_memory_that_ran_out_says_which_size_and_what_to_change(tmp_path: Path):
    folder = write_tiny(tmp_path, SMALL)
    spec = folders(folder, planned(folder))[0].spec()
    data = spec.data.model_copy(update={"batch_size": 8192})
    large = spec.model_copy(update={"data": data, "max_epochs": 1000.0})
    base = RunFolder(folder / "bases" / large.run_id)
    base.plan(large)
    # The process may have 64 MB more than it has with everything imported: real steps need more.
    code = (
        "import resource, sys\n"
        "from mixlaw.sweep.worker import main\n"
        "from mixlaw.train import pretrain\n"
        "new_state = pretrain.new_state\n"
        "def limited(*arguments):\n"
        "    state = new_state(*arguments)\n"
        "    used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "    resource.setrlimit(resource.RLIMIT_AS, (used + 2**26, used + 2**26))\n"
        "    return state\n"
        "pretrain.new_state = limited\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(base.path)], capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    reason = base.failure
    assert reason is not None
    assert reason.startswith(f"Memory ran out for {base.run_id}. Set training.micro_batch below 81")
    assert "leave the size 8.27k out" in reason
    assert base.last_line() == reason


def test_workers_that_are_killed_are_told_as_memory_that_ran_out(tmp_path: Path):
    folder = write_tiny(tmp_path, SMALL)
    ends = threading.Event()

    def kill_workers() -> None:
        while not ends.wait(0.02):
            for child in psutil.Process().children():
                with suppress(psutil.Error):
                    if "mixlaw.sweep.worker" in child.cmdline():
                        child.kill()

    killer = threading.Thread(target=kill_workers)
    killer.start()
    try:
        with pytest.raises(RunError, match=r"was killed 3 times, as systems do when memory runs"):
            run_sweep(folder)
    finally:
        ends.set()
        killer.join()
    (failed,) = [row for row in sweep_status(folder).runs if row.state == "failed"]
    assert failed.run_id.startswith("base-")
    assert "lower executor.workers, or leave the size 8.27k out" in failed.detail
    waiting = [row.detail for row in sweep_status(folder).runs if row.state == "waiting"]
    assert waiting == [f"for its base {failed.run_id}, which failed"] * 3


def test_a_clock_that_jumps_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = write_tiny(tmp_path, SMALL)
    run_sweep(folder)
    before = (folder / "runs.csv").read_bytes()
    monkeypatch.setattr(time, "time", lambda: random.uniform(0, 4e9))
    for number, path in enumerate(sorted(folder.rglob("*"))):
        os.utime(path, (0, 4e9 * (number % 2)))  # 1970 and 2096 in turns, text and tokens too
    (folder / "runs.csv").unlink()
    run = next((folder / "runs").glob("*/done.json"))
    run.unlink()  # a worker has something to do, whatever the time
    assert run_sweep(folder).n_trained == 1
    assert (folder / "runs.csv").read_bytes() == before
    assert {row.state for row in sweep_status(folder).runs} == {"done"}


def test_durations_are_not_taken_from_the_clock_that_jumps():
    sources = [path.read_text() for path in Path(mixlaw.__file__).parent.rglob("*.py")]
    assert not any("time.time()" in text or "datetime.now" in text for text in sources)


def test_a_run_copied_by_hand_onto_another_name_is_refused(tmp_path: Path):
    folder = write_tiny(tmp_path, SMALL)
    base, one, other, _ = folders(folder, planned(folder))
    assert work([base.path, one.path], Watch()) == 0
    shutil.rmtree(other.path)
    shutil.copytree(one.path, other.path)
    with pytest.raises(RunError, match=f"is a copy of '{one.run_id}'.*delete the copy"):
        run_sweep(folder)
