"""Runs that take their steps together end where they end alone."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_sweep import YAML, StopAfter, folders, planned, write_tiny

from mixlaw.corpora.mixing import MixtureStream
from mixlaw.errors import ConfigError
from mixlaw.experiment import parse_experiment
from mixlaw.rundir.folder import RunFolder
from mixlaw.rundir.shape import choose_shape
from mixlaw.schedule import Schedule
from mixlaw.sweep.jobs import missing_tasks
from mixlaw.sweep.worker import work
from mixlaw.train.checkpoint import State
from mixlaw.train.gradients import Gradients
from mixlaw.train.interrupts import STOPPED, Watch
from mixlaw.train.loop import DivergedError, Leg, train
from mixlaw.train.model import build_model, build_optimizer
from mixlaw.train.steps import Batch, take_steps

VOCAB_SIZE, SEQ_LEN, BATCH_SIZE = 64, 16, 4
ONE_SIZE = YAML.replace("sizes: [8k, 16k]", "sizes: [8k]")

Ends = dict[tuple[str, int, str], float]


def new_state(seed: int) -> State:
    model = build_model(choose_shape(8000, VOCAB_SIZE), SEQ_LEN, seed)
    for weight in model.parameters():  # a new head is zero, and hides every other gradient
        torch.nn.init.normal_(weight, std=0.05, generator=torch.Generator().manual_seed(seed))
    return State(model, build_optimizer(model, 0.1))


def sequences(seed: int) -> torch.Tensor:
    shape = (BATCH_SIZE, SEQ_LEN + 1)
    return torch.randint(VOCAB_SIZE, shape, generator=torch.Generator().manual_seed(seed))


def leg(folder: Path, member: int) -> Leg:
    """Every member with a learning rate, a schedule, a clipping norm and data of its own."""
    tokens = np.random.default_rng(member).integers(VOCAB_SIZE, size=4000)
    return Leg(
        folder=RunFolder(folder),
        name=str(member),
        stream=MixtureStream({"a": tokens}, {"a": 1.0}, seq_len=SEQ_LEN, block=1, seed=member),
        batch_size=BATCH_SIZE,
        schedule=Schedule(1e-3 * 4**member, 0.0, warmup=2, decay_start=3 + 2 * member, end=12),
        clip=0.05 * 5**member,
        watch=Watch(),
        total=12,
    )


def test_gradients_of_several_models_are_those_of_each():
    alone, together = (
        [new_state(seed).model for seed in range(3)],
        [new_state(seed).model for seed in range(3)],
    )
    expected = [Gradients()([Batch(m, sequences(k), BATCH_SIZE)])[0] for k, m in enumerate(alone)]
    batches = [Batch(model, sequences(k), BATCH_SIZE) for k, model in enumerate(together)]
    assert Gradients()(batches) == pytest.approx(expected, abs=1e-6)
    for one, other in zip(alone, together, strict=True):
        gradients = dict(other.named_parameters())
        for name, weight in one.named_parameters():
            assert weight.grad is not None
            assert weight.grad.abs().max() > 0
            torch.testing.assert_close(gradients[name].grad, weight.grad, rtol=1e-4, atol=1e-6)


def test_learning_rate_clipping_and_schedule_are_each_members_own(tmp_path: Path):
    alone, together = [new_state(k) for k in range(3)], [new_state(k) for k in range(3)]
    for k, state in enumerate(alone):
        assert take_steps([train(state, leg(tmp_path, k), 8 + 2 * k)], Gradients) == [None]
    loops = [train(state, leg(tmp_path, k), 8 + 2 * k) for k, state in enumerate(together)]
    assert take_steps(loops, Gradients) == [None] * 3
    for one, other, start in zip(alone, together, map(new_state, range(3)), strict=True):
        assert one.step == other.step
        weights, moved = other.model.state_dict(), 0.0
        for name, weight in one.model.state_dict().items():
            torch.testing.assert_close(weights[name], weight, rtol=1e-3, atol=1e-5)
            moved = max(moved, float((weight - start.model.state_dict()[name]).abs().max()))
        assert moved > 1e-3


def test_a_member_that_diverges_ends_alone(tmp_path: Path):
    states = [new_state(k) for k in range(3)]
    with torch.no_grad():
        states[1].model.lm_head.weight.fill_(torch.nan)
    ends = take_steps(
        [train(state, leg(tmp_path, k), 6) for k, state in enumerate(states)], Gradients
    )
    assert [type(end) for end in ends] == [type(None), DivergedError, type(None)]
    lone = new_state(2)
    take_steps([train(lone, leg(tmp_path, 2), 6)], Gradients)
    weights = lone.model.state_dict()
    for name, weight in states[2].model.state_dict().items():
        torch.testing.assert_close(weight, weights[name], rtol=1e-3, atol=1e-5)


def trained(experiment: Path, finish: Callable[[list[Path]], None], text: str = ONE_SIZE) -> Ends:
    """All losses of a tiny experiment whose runs are trained by ``finish``."""
    base, *runs = folders(experiment, planned(write_tiny(experiment, text)))
    assert work([base.path], Watch()) == 0
    finish([run.path for run in runs])
    assert all(run.is_done for run in runs)
    return {r.key: r.loss for run in runs for r in run.records() if r.loss is not None}


def test_a_whole_sweep_together_ends_within_a_thousandth_of_a_nat(tmp_path: Path):
    def stopped_often(paths: list[Path]) -> None:
        # The members stop at different steps of different legs, and go on from there.
        assert work(paths, StopAfter(3), at_once=3) == STOPPED
        assert work(paths[1:2], StopAfter(11)) == STOPPED
        assert work(paths, StopAfter(10), at_once=3) == STOPPED
        assert work(paths, Watch(), at_once=3) == 0

    alone = trained(tmp_path / "alone", lambda paths: _done(work(paths, Watch())))
    together = trained(tmp_path / "a", lambda paths: _done(work(paths, Watch(), at_once=3)))
    continued = trained(tmp_path / "b", stopped_often)
    assert len(alone) == 3 * 2 * (4 + 2)
    assert max(alone.values()) - min(alone.values()) > 0.1
    assert together == pytest.approx(alone, abs=1e-3)
    assert continued == pytest.approx(together, abs=1e-3)


def _done(code: int) -> None:
    assert code == 0


def test_each_run_has_a_log_of_its_own(tmp_path: Path):
    trained(tmp_path, lambda paths: _done(work(paths, Watch(), at_once=3)))
    for log in (tmp_path / "runs").glob("*/log.txt"):
        others = {path.parent.name for path in (tmp_path / "runs").glob("*/log.txt")}
        assert not any(name in log.read_text() for name in others - {log.parent.name})


def test_a_job_keeps_the_runs_in_one_process_that_go_together(tmp_path: Path):
    text = ONE_SIZE.replace("mixtures: [0.5, 1]", "mixtures: [0.2, 0.5, 1]")
    text = text.replace("workers: 2}", "workers: 2, together: 2}")
    plan = planned(write_tiny(tmp_path, text))
    experiment = parse_experiment(text, folder=tmp_path)
    tasks = missing_tasks(tmp_path, plan, experiment, speed=1.0, slots=2)
    assert sorted(len(task.folders) for task in tasks) == [2, 3]  # one with the base
    assert all("--together=2" in task.job().argv for task in tasks)


@pytest.mark.parametrize("large", ["micro_batch: 1", "gradient_checkpointing: true"])
def test_models_too_large_to_be_batched_are_not_trained_together(large: str):
    text = ONE_SIZE.replace("batch_tokens: 64}", f"batch_tokens: 64, {large}}}")
    text = text.replace("workers: 2}", "workers: 2, together: 4}")
    with pytest.raises(ConfigError, match=f"executor.together: .*{large.partition(':')[0]}"):
        parse_experiment(text)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_gradients_on_a_gpu_are_those_on_the_cpu():
    for device in ("cpu", "cuda"):
        models = [new_state(seed).model.to(device) for seed in range(3)]
        Gradients()([Batch(model, sequences(k), BATCH_SIZE) for k, model in enumerate(models)])
        found = [weight.grad.cpu() for model in models for weight in model.parameters()]
        expected = found if device == "cpu" else expected  # noqa: F821
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_run_stopped_on_a_gpu_ends_with_the_same_bits(tmp_path: Path, precision: str):
    def stopped(paths: list[Path]) -> None:
        assert work(paths, StopAfter(3)) == STOPPED
        assert work(paths, StopAfter(11)) == STOPPED
        _done(work(paths, Watch()))

    text = ONE_SIZE.replace("batch_tokens: 64}", f"batch_tokens: 64, precision: {precision}}}")
    through = trained(tmp_path / "a", lambda paths: _done(work(paths, Watch())), text)
    assert trained(tmp_path / "b", stopped, text) == through
