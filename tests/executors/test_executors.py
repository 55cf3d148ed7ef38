"""The shipped conformance checks over every executor that is installed."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from mixlaw import plugins
from mixlaw.executors import Executor, local
from mixlaw.testing import ConformanceError, check_executor
from mixlaw.testing.executor import CHECKS, opened


@pytest.fixture(params=plugins.available("executors"))
def executor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Executor]:
    options = request.getfixturevalue(f"{request.param}_options")
    with closing(opened(plugins.load("executors", request.param), options, tmp_path)) as place:
        yield place


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_executor(check, executor: Executor, tmp_path: Path):
    check(executor, tmp_path)


def pretending(code: int | None, slots: int = 1) -> ModuleType:
    """An executor that starts nothing, and whose handles always have this exit code."""
    handle = SimpleNamespace(poll=lambda: code, stop=lambda: None, kill=lambda: None)
    place = SimpleNamespace(
        slots=slots, start=lambda jobs: [handle for _ in jobs], close=lambda: None
    )
    module = ModuleType("pretending")
    vars(module).update(Options=local.Options, open_executor=lambda options, wanted: place)
    return module


@pytest.mark.parametrize(
    ("executor", "complaint"),
    [
        (pretending(0, slots=0), "0 slots"),
        (pretending(0), "did not do its work"),
        (pretending(1), "ends with 0 is reported as 1"),
        (pretending(None), "has not ended"),
    ],
)
def test_an_executor_that_breaks_a_promise_is_named(
    executor, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("mixlaw.testing.executor.PATIENCE", 0.1)
    with pytest.raises(ConformanceError, match=complaint):
        check_executor(executor, {}, tmp_path)


def test_one_call_checks_everything(tmp_path: Path):
    check_executor(local, {}, tmp_path)
