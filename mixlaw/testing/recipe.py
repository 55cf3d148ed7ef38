"""What every recipe keeps: annealed ends at every budget, its trunk on the way, and resumption."""

from collections.abc import Callable
from pathlib import Path

from mixlaw.executors import STOPPED
from mixlaw.rundir.folder import RunFolder
from mixlaw.rundir.spec import RunSpec
from mixlaw.sweep.worker import work
from mixlaw.testing.conformance import empty_folder, require
from mixlaw.testing.tiny_sweep import YAML, StopAfter, folders, planned, write_tiny
from mixlaw.train.interrupts import Watch

EVAL_SETS = ("domain", "general")


def check_recipe(name: str, folder: Path) -> None:
    """Check an installed recipe by training a model of 8k parameters for some seconds.

    It needs the plugin to be installed, because runs name their recipe. Checked are: that every
    token budget ends in an annealed loss of every eval set, under the name of its branch; that the
    trunk is measured at its points, not annealed; that FLOPs grow with the tokens they were spent
    on; that a run that was stopped leaves a checkpoint, goes on from it, and leaves none behind.

    Args:
        name: of the recipe, as ``recipe:`` of an experiment has it.
        folder: an empty folder.

    Raises:
        ConformanceError: the recipe breaks one of these.
    """
    for check in CHECKS:
        check(untrained_run(name, empty_folder(folder, check.__name__)))


def untrained_run(name: str, experiment: Path) -> RunFolder:
    """A run of this recipe at a domain share of 0.5 that is planned, and whose base is trained."""
    text = YAML.replace("sizes: [8k, 16k]", "sizes: [8k]") + f"recipe: {name}\n"
    write_tiny(experiment, text)
    base, _, run, _ = folders(experiment, planned(experiment))
    require(work([base.path], Watch()) == 0, f"The base of '{experiment}' cannot be trained.")
    return run


def every_budget_ends_annealed(run: RunFolder) -> None:
    """Annealed losses at every budget, the trunk's at its points."""
    spec = _trained(run)
    records = run.records()
    require(
        all(record.loss and record.loss_se for record in records),
        "A record has no loss, or no standard error.",
    )
    step = spec.data.step_tokens
    ends = [record for record in records if record.annealed]
    wanted = [(budget * step, name) for budget in spec.budgets for name in EVAL_SETS]
    measured = [(end.tokens, end.eval_set) for end in ends]
    require(measured == wanted, f"Annealed losses are {measured}, and have to be {wanted}.")
    branches = {spec.branch_id(budget) for budget in spec.budgets}
    require({end.run_id for end in ends} == branches, "Annealed losses carry other run ids.")
    trunk = [record for record in records if not record.annealed]
    require({record.run_id for record in trunk} == {spec.run_id}, "The trunk has another run id.")
    points = {point * step for point in spec.trunk_points}
    require({record.tokens for record in trunk} == points, "The trunk is measured elsewhere.")


def flops_grow_with_tokens(run: RunFolder) -> None:
    """All records have the same FLOPs per token."""
    _trained(run)
    per_token = {record.flops / record.tokens for record in run.records()}
    require(len(per_token) == 1, f"FLOPs per token are {per_token}, and have to be one number.")


def it_stops_and_goes_on(run: RunFolder) -> None:
    """A stopped run keeps a checkpoint, goes on from it, and leaves no weights behind."""
    code = work([run.path], StopAfter(10))
    require(code == STOPPED, f"A run that is stopped ends with {code}, and has to with {STOPPED}.")
    require(not run.is_done, "A run that is stopped counts as done.")
    require(list(run.path.glob("*.checkpoint.safetensors")), "A stopped run has no checkpoint.")
    _trained(run)
    require(run.done()["status"] == "done", "A run that went on is not done.")
    require(not list(run.path.glob("*.safetensors")), "A run that is done keeps a checkpoint.")


def _trained(run: RunFolder) -> RunSpec:
    require(work([run.path], Watch()) == 0, "The run cannot be trained; its log says why.")
    spec = run.spec()
    assert isinstance(spec, RunSpec)
    return spec


CHECKS: tuple[Callable[[RunFolder], None], ...] = (
    every_budget_ends_annealed,
    flops_grow_with_tokens,
    it_stops_and_goes_on,
)
