"""What experiment.yaml may say: frozen models, checked when built, all mistakes in one message.

An experiment is science only: corpora, sizes, mixtures, budgets, seeds, schedule, target. Where it
runs (``executor``) is in the file too, but never part of a run's identity.
"""

from mixlaw.experiment.executor import ExecutorChoice
from mixlaw.experiment.model import Experiment
from mixlaw.experiment.reading import FILE_NAME, load_experiment, parse_experiment
from mixlaw.experiment.sections import (
    CorpusSource,
    Count,
    Evaluation,
    ExistingBase,
    LearningRate,
    MixtureEntry,
    Schedule,
    Section,
    TokenizerSource,
    TrainedBase,
    Training,
)

__all__ = [
    "FILE_NAME",
    "CorpusSource",
    "Count",
    "Evaluation",
    "ExecutorChoice",
    "ExistingBase",
    "Experiment",
    "LearningRate",
    "MixtureEntry",
    "Schedule",
    "Section",
    "TokenizerSource",
    "TrainedBase",
    "Training",
    "load_experiment",
    "parse_experiment",
]
