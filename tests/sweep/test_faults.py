"""What the machine does to a sweep: full and read-only disks, memory, clocks, damaged files."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_sweep import YAML, folders, planned, write_tiny

from mixlaw.errors import RunError
from mixlaw.runs import read_runs
from mixlaw.sweep.api import run_sweep
from mixlaw.sweep.status import sweep_status
from mixlaw.sweep.worker import work
from mixlaw.train.folder import RunFolder
from mixlaw.train.watch import Watch

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
    assert {row.state for row in sweep_status(folder)} == {"waiting"}


def test_damaged_base_weights_are_found_rebuilt_and_said(tmp_path: Path):
    folder = write_tiny(tmp_path, SMALL)
    base, run, *_ = folders(folder, planned(folder))
    assert work([base.path], Watch()) == 0
    sound = base.weights.read_bytes()
    base.weights.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    assert work([run.path], Watch()) == 1
    assert "sweep again to rebuild" in run.last_words()
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
        assert "diverged at step" in base.last_words()


def test_memory_that_ran_out_says_what_to_change(tmp_path: Path):
    folder = write_tiny(tmp_path, SMALL)
    base = folders(folder, planned(folder))[0]
    code = (
        "import resource, sys\n"
        "from mixlaw.sweep.worker import main\n"
        "from mixlaw.train import base\n"
        "import torch\n"
        "torch.set_num_threads(1)\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "spec = base.new_state\n"
        "def greedy(*arguments):\n"
        "    torch.empty(used, dtype=torch.uint8)\n"
        "    return spec(*arguments)\n"
        "base.new_state = greedy\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 2**27, used + 2**27))\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(base.path)], capture_output=True)
    assert done.returncode == 1
    assert f"Memory ran out for {base.run_id}" in base.last_words()
    assert "training.batch_tokens" in base.last_words()


def test_a_clock_that_jumps_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = write_tiny(tmp_path, SMALL)
    run_sweep(folder)
    before = (folder / "runs.csv").read_bytes()
    monkeypatch.setattr(time, "time", lambda: random.uniform(0, 4e9))
    (folder / "runs.csv").unlink()
    assert run_sweep(folder).n_trained == 0
    assert (folder / "runs.csv").read_bytes() == before
    assert len(read_runs(folder / "runs.csv")) > 10


def test_a_run_copied_by_hand_onto_another_name_is_refused(tmp_path: Path):
    folder = write_tiny(tmp_path, SMALL)
    base, one, other, _ = folders(folder, planned(folder))
    assert work([base.path, one.path], Watch()) == 0
    shutil.rmtree(other.path)
    shutil.copytree(one.path, other.path)
    with pytest.raises(RunError, match=f"specification of '{one.run_id}'.*delete the copy"):
        run_sweep(folder)
