"""The section ``executor``: every executor's options, GPUs by index, and what is missing."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from mixlaw.errors import ConfigError, RunError
from mixlaw.executors import Job, open_executor, optional_package
from mixlaw.executors.local import Local
from mixlaw.experiment import ExecutorChoice


def show_gpus(out: Path, gpus: int) -> Job:
    code = "import os, sys; open(sys.argv[1], 'w').write(os.environ['CUDA_VISIBLE_DEVICES'])"
    return Job("test", [sys.executable, "-c", code, str(out)], out.with_suffix(".log"), gpus=gpus)


def test_gpus_are_dealt_out_by_index_and_come_back(tmp_path: Path):
    executor = Local(2, gpus=["0", "3", "5", "7"])
    for turn in ("first", "second"):
        outs = [tmp_path / f"{turn}-{number}" for number in range(2)]
        for handle in executor.start([show_gpus(out, 2) for out in outs]):
            assert handle.wait() == 0
        assert [out.read_text() for out in outs] == ["0,3", "5,7"]


def test_a_job_without_gpus_sees_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,2")
    for name in ("inline", "local"):
        with closing(open_executor(ExecutorChoice(name=name), tmp_path)) as executor:
            [handle] = executor.start([show_gpus(tmp_path / name, 0)])
            assert handle.wait() == 0
        assert (tmp_path / name).read_text() == ""


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_job_finds_the_gpus_that_it_was_dealt(tmp_path: Path):
    code = "import sys, torch; open(sys.argv[1], 'w').write(str(torch.cuda.device_count()))"
    with closing(open_executor(ExecutorChoice(gpus_per_run=1), tmp_path)) as executor:
        for gpus in (0, 1):
            out = tmp_path / str(gpus)
            argv = [sys.executable, "-c", code, str(out)]
            [handle] = executor.start([Job("test", argv, out.with_suffix(".log"), gpus=gpus)])
            assert handle.wait() == 0
            assert out.read_text() == str(gpus)


def test_slots_follow_from_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a,GPU-b,GPU-c")
    for gpus, slots in ((1, 3), (2, 1), (3, 1)):
        assert open_executor(ExecutorChoice(gpus_per_run=gpus), tmp_path).slots == slots
    assert open_executor(ExecutorChoice(gpus_per_run=1, workers=2), tmp_path).slots == 2
    with pytest.raises(ConfigError, match="asks for 4 GPU\\(s\\) a run and this machine offers 3"):
        open_executor(ExecutorChoice(gpus_per_run=4), tmp_path)
    some = ExecutorChoice.model_validate({"gpus_per_run": 1, "local": {"gpus": [0, 2]}})
    assert open_executor(some, tmp_path).slots == 2


def test_all_mistakes_of_all_executors_at_once():
    section = {
        "name": "slurm",
        "slrum": {},
        "slurm": {"time": "a day", "parttion": "gpu"},
        "ray": {"address": 3},
    }
    with pytest.raises(ValidationError) as error:
        ExecutorChoice.model_validate(section)
    text = str(error.value)
    assert "no key named 'slrum'. Did you mean 'slurm'?" in text
    assert "slurm: time: 'a day' is no time; write minutes, HH:MM:SS or D-HH:MM:SS" in text
    assert "slurm: There is no key named 'parttion'. Did you mean 'partition'?" in text
    assert "ray: address: Input should be a valid string" in text


@pytest.mark.parametrize(
    ("text", "minutes"),
    [(90, 90), ("90", 90), ("30:30", 30), ("2:30:00", 150), ("1-0", 1440), ("1-2:30", 1590),
     ("2-00:00:30", 2880), ("0:10", 1)],
)  # fmt: skip
def test_times_as_slurm_writes_them(text: object, minutes: int):
    choice = ExecutorChoice.model_validate({"slurm": {"time": text}})
    assert choice.options("slurm").time == minutes


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ConfigError, match="pip install 'mixlaw\\[no-such-package\\]'"):
        optional_package("no-such-package")
    monkeypatch.setenv("PATH", str(tmp_path))
    pytest.importorskip("submitit")
    with pytest.raises(ConfigError, match="no command 'srun' here"):
        open_executor(ExecutorChoice(name="slurm"), tmp_path)


def test_no_ray_cluster_at_that_address(tmp_path: Path):
    pytest.importorskip("ray")
    choice = ExecutorChoice.model_validate({"name": "ray", "ray": {"address": "127.0.0.1:9"}})
    with pytest.raises(RunError, match="There is no Ray cluster at '127.0.0.1:9'"):
        open_executor(choice, tmp_path)


def test_drivers_and_a_starting_worker_load_nothing_heavy():
    code = "import sys, mixlaw.sweep.api, mixlaw.sweep.status, mixlaw.sweep.worker\n"
    code += "print({'ray', 'submitit', 'torch', 'transformers'} & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"
