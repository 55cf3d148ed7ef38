"""When checkpoints are due."""

import time

import pytest

from mixlaw.train import interrupts as watching
from mixlaw.train.interrupts import CHECKPOINT_VARIABLE, Watch


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be set."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def save(watch: Watch, clock: list[float], seconds: float) -> None:
    with watch.saving():
        clock[0] += seconds


def test_a_checkpoint_that_takes_long_is_not_due_again_soon(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv(CHECKPOINT_VARIABLE, raising=False)
    watch = Watch()
    clock[0] = watching.CHECKPOINT_SECONDS
    assert watch.checkpoint_due()
    save(watch, clock, 60)
    clock[0] += 60 / watching.SAVING_SHARE - 1
    assert not watch.checkpoint_due()
    clock[0] += 1
    assert watch.checkpoint_due()
    save(watch, clock, 0.1)
    clock[0] += watching.CHECKPOINT_SECONDS
    assert watch.checkpoint_due()


def test_an_interval_that_is_asked_for_is_kept(clock: list[float], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(CHECKPOINT_VARIABLE, "5")
    watch = Watch()
    save(watch, clock, 60)
    clock[0] += 5
    assert watch.checkpoint_due()
