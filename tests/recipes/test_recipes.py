"""What every recipe must do, run over all of them."""

from pathlib import Path

import pytest
from tiny_sweep import YAML, StopAfter, folders, planned, write_tiny

from mixlaw import plugins
from mixlaw.rundir.folder import RunFolder
from mixlaw.rundir.spec import RunSpec
from mixlaw.sweep.worker import work
from mixlaw.train.interrupts import Watch


@pytest.fixture(params=plugins.available("recipes"))
def base_and_run(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[RunFolder, RunFolder]:
    """A base that is trained, and a run at share 0.5 that is not."""
    text = YAML.replace("sizes: [8k, 16k]", "sizes: [8k]") + f"recipe: {request.param}\n"
    experiment = write_tiny(tmp_path, text)
    base, _, run, _ = folders(experiment, planned(experiment))
    assert work([base.path], Watch()) == 0
    return base, run


def test_every_budget_ends_annealed_and_the_trunk_is_seen_on_its_way(
    base_and_run: tuple[RunFolder, RunFolder],
):
    _, run = base_and_run
    spec = run.spec()
    assert isinstance(spec, RunSpec)
    assert work([run.path], Watch()) == 0
    records = run.records()
    ends = [record for record in records if record.annealed]
    budgets = [budget * spec.data.step_tokens for budget in spec.budgets]
    assert [(end.tokens, end.eval_set) for end in ends] == [
        (budget, name) for budget in budgets for name in ("domain", "general")
    ]
    assert {end.run_id for end in ends} == {spec.branch_id(budget) for budget in spec.budgets}
    trunk = [record for record in records if not record.annealed]
    assert {record.run_id for record in trunk} == {spec.run_id}
    assert {r.tokens for r in trunk} == {p * spec.data.step_tokens for p in spec.trunk_points}
    assert all(record.loss and record.loss_se for record in records)


def test_flops_grow_with_the_tokens_they_were_spent_on(
    base_and_run: tuple[RunFolder, RunFolder],
):
    _, run = base_and_run
    assert work([run.path], Watch()) == 0
    per_token = {record.flops / record.tokens for record in run.records()}
    assert len(per_token) == 1


def test_it_stops_when_told_and_goes_on(base_and_run: tuple[RunFolder, RunFolder]):
    _, run = base_and_run
    assert work([run.path], StopAfter(10)) == 75
    assert not run.is_done
    assert list(run.path.glob("*.checkpoint.safetensors"))
    assert work([run.path], Watch()) == 0
    assert run.done()["status"] == "done"
    assert not list(run.path.glob("*.safetensors"))
