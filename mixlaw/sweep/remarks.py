"""What a new experiment should know of itself before anything is prepared or trained."""

from collections.abc import Iterator
from pathlib import Path

from mixlaw.experiment import Experiment, TrainedBase, load_experiment
from mixlaw.quantities import format_factor, format_quantity
from mixlaw.sweep.data import expected_identity, shortages
from mixlaw.sweep.plan import plan_runs


def remarks(folder: Path) -> list[str]:
    """Whether its sizes reach its target, and whether its corpora are large enough, in sentences.

    Existing models are not looked up for it: their sizes are not known here.

    Raises:
        ConfigError: experiment.yaml is wrong.
        DataError: a corpus is not there.
    """
    experiment = load_experiment(folder)
    if not isinstance(experiment.base, TrainedBase):
        return []
    plan = plan_runs(experiment, expected_identity(folder, experiment))
    short = (shortage.sentence() for shortage in shortages(experiment, plan))
    return [*_reach(experiment), *short]


def _reach(experiment: Experiment) -> Iterator[str]:
    """A target farther beyond the largest size than the sizes span is no target of theirs."""
    target = experiment.target.n_params
    if target is None:
        return
    smallest, largest = min(experiment.sizes), max(experiment.sizes)
    span, beyond = largest / smallest, target / largest
    if beyond > span:
        yield (
            f"A demonstration only: the sizes span a factor of {format_factor(span)}, and "
            f"{format_quantity(target)} is {format_factor(beyond)} times their largest. An answer "
            f"for it takes sizes up to {format_quantity(target / span)} at least: --base MODEL, "
            "again for every size of a family."
        )
