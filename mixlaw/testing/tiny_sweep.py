"""A sweep that trains in seconds: two small corpora of made-up text and two tiny sizes."""

import json
import random
from pathlib import Path

from mixlaw.experiment import load_experiment
from mixlaw.rundir.folder import RunFolder
from mixlaw.sweep.api import prepare
from mixlaw.sweep.jobs import run_folder
from mixlaw.sweep.plan import DataIdentity, Plan, plan_runs
from mixlaw.train.interrupts import Watch

YAML = """
corpora:
  domain: {path: text/domain.jsonl}
  general: {path: text/general.jsonl}
tokenizer: {vocab_size: 300}
evaluation: {held_out_tokens: 512, trunk_points: 4}
training: {seq_len: 16, batch_tokens: 64}
sizes: [8k, 16k]
mixtures: [0.5, 1]
token_budgets: [1k, 2k]
base: {tokens: 3k}
executor: {name: local, workers: 2}
"""

WORDS = {
    "domain": "def return self import for in range print lambda yield class not None",
    "general": "the of and to in is that it was for on are with as they be at one have",
}


class StopAfter(Watch):
    """Stops after a number of steps, whatever is being trained."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._steps = steps

    @property
    def must_stop(self) -> bool:
        """Whether the steps are used up; every look is one."""
        self._steps -= 1
        return self._steps < 0


def write_tiny(experiment: Path, text: str = YAML) -> Path:
    """An experiment's folder with its text; the same words at every call."""
    for name, words in WORDS.items():
        rng = random.Random(name)
        documents = [
            " ".join(rng.choices(words.split(), k=rng.randrange(40, 120))) for _ in range(300)
        ]
        path = experiment / "text" / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in documents))
    (experiment / "experiment.yaml").write_text(text)
    return experiment


def planned(experiment: Path) -> Plan:
    """Its plan, with its corpora prepared and its run folders made."""
    loaded = load_experiment(experiment)
    corpora = prepare(experiment, loaded, lambda message: None)
    plan = plan_runs(loaded, DataIdentity.of(corpora))
    for spec in plan.specs:
        run_folder(experiment, spec).plan(spec)
    return plan


def folders(experiment: Path, plan: Plan) -> list[RunFolder]:
    """Folders of all bases, then of all runs."""
    return [run_folder(experiment, spec) for spec in plan.specs]
