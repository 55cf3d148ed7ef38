"""A run that is stopped anywhere and continued gives the same bytes as one that is not."""

from pathlib import Path

import pytest
import torch
from tiny_sweep import StopAfter, folders, planned, write_tiny

from mixlaw.errors import RunError
from mixlaw.rundir.folder import RunFolder
from mixlaw.rundir.shape import choose_shape
from mixlaw.sweep.worker import work
from mixlaw.train.checkpoint import (
    DamagedCheckpointError,
    State,
    load_checkpoint,
    save_checkpoint,
)
from mixlaw.train.interrupts import CHECKPOINT_VARIABLE, Watch
from mixlaw.train.model import build_model, build_optimizer, token_losses


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Records of the first base and one of its runs, trained without a stop."""
    experiment = write_tiny(tmp_path_factory.mktemp("whole"))
    base, run = base_and_run(experiment)
    assert work([base.path, run.path], Watch()) == 0
    return files(base, run)


def base_and_run(experiment: Path) -> tuple[RunFolder, RunFolder]:
    plan = planned(experiment)
    base, run = folders(experiment, plan)[0], folders(experiment, plan)[len(plan.bases) + 1]
    assert run.spec().base.run_id == base.run_id  # type: ignore[union-attr]
    return base, run


def files(base: RunFolder, run: RunFolder) -> dict[str, bytes]:
    return {
        "base": (base.path / "metrics.jsonl").read_bytes(),
        "weights": base.weights.read_bytes(),
        "run": (run.path / "metrics.jsonl").read_bytes(),
    }


@pytest.mark.parametrize("steps", [7, 19])
def test_stopped_every_few_steps(tmp_path: Path, whole: dict[str, bytes], steps: int):
    base, run = base_and_run(write_tiny(tmp_path))
    stops = 0
    while work([base.path, run.path], StopAfter(steps)) == 75:
        stops += 1
        assert stops < 50
    assert stops > 3
    assert files(base, run) == whole
    assert sorted(path.name for path in run.path.iterdir()) == [
        ".lock", "done.json", "log.txt", "metrics.jsonl", "spec.json",
    ]  # fmt: skip


def test_checkpoints_at_every_step_change_nothing(
    tmp_path: Path, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(CHECKPOINT_VARIABLE, "0")
    base, run = base_and_run(write_tiny(tmp_path))
    assert work([base.path, run.path], Watch()) == 0
    assert files(base, run) == whole


def test_a_damaged_checkpoint_is_found_and_its_leg_trained_again(
    tmp_path: Path, whole: dict[str, bytes], caplog: pytest.LogCaptureFixture
):
    base, run = base_and_run(write_tiny(tmp_path))
    assert work([base.path], StopAfter(20)) == 75
    checkpoint = base.checkpoint("base")
    content = bytearray(checkpoint.read_bytes())
    content[-100] ^= 1
    checkpoint.write_bytes(content)
    assert work([base.path, run.path], Watch()) == 0
    assert "wrong checksum" in caplog.text
    assert files(base, run) == whole


def test_a_run_whose_base_is_missing_fails_with_a_sentence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    _, run = base_and_run(write_tiny(tmp_path))
    assert work([run.path], Watch()) == 1
    assert "is not trained yet" in caplog.text
    assert not run.is_done


def test_a_copied_run_folder_is_refused(tmp_path: Path):
    _, run = base_and_run(write_tiny(tmp_path))
    copy = RunFolder(run.path.rename(run.path.with_name("copy")))
    with pytest.raises(RunError, match="delete the copy"):
        copy.spec()


def trained_state(seed: int, steps: int) -> State:
    model = build_model(choose_shape(8_000, 300), seq_len=16, seed=seed)
    state = State(model, build_optimizer(model, 0.1))
    for group in state.optimizer.param_groups:
        group["lr"] = 0.01
    for step in range(steps):
        token_losses(model, torch.arange(step, step + 34).reshape(2, 17)).mean().backward()
        state.optimizer.step()
        state.optimizer.zero_grad()
        state.step += 1
    return state


def test_a_checkpoint_holds_everything(tmp_path: Path):
    saved, loaded = trained_state(seed=0, steps=3), trained_state(seed=1, steps=1)
    save_checkpoint(saved, tmp_path / "c.safetensors")
    random_after = torch.rand(3)
    load_checkpoint(loaded, tmp_path / "c.safetensors")
    assert loaded.step == 3
    assert torch.equal(torch.rand(3), random_after)
    for mine, its in zip(saved.model.parameters(), loaded.model.parameters(), strict=True):
        assert torch.equal(mine, its)
        for slot in ("exp_avg", "exp_avg_sq", "step"):
            assert torch.equal(saved.optimizer.state[mine][slot], loaded.optimizer.state[its][slot])


@pytest.mark.parametrize("keep", [0, 5, 200, -1])
def test_a_cut_checkpoint_is_damaged(tmp_path: Path, keep: int):
    state, path = trained_state(seed=0, steps=1), tmp_path / "c.safetensors"
    save_checkpoint(state, path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DamagedCheckpointError, match="damaged"):
        load_checkpoint(state, path)
