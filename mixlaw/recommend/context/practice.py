"""What others do: replay defaults and the general shares of published continual pre-training runs.

Shown beside every recommendation, because a number is judged by its neighbours. Shares are parts of
the CPT tokens; *general* is anything meant to retain the base. Few of these mixes were read in the
authors' own paper, readme or configuration; the others are known second-hand, as surveys and other
papers describe them, and are said to be so wherever they are shown.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixlaw.recommend.loss_units import Tolerance
from mixlaw.recommend.options import Options, Shift
from mixlaw.recommend.question import Question

#: Replay of Ibrahim et al. (arXiv 2403.08763) for a weak and a strong shift, with which their runs
#: matched a retraining on all data; known second-hand.
REPLAY_DEFAULTS = {"weak shift": 0.05, "strong shift": 0.25}

#: Source of a share that was read in a survey or another paper, not in the authors' own.
SECOND_HAND = "second-hand"


@dataclass(frozen=True)
class PublishedRun:
    """General share of one published run, by what the shift was, and where it was read."""

    name: str
    general: float
    shift: Shift
    source: str = SECOND_HAND


#: Stated mixes, one value per run.
PUBLISHED = (
    PublishedRun("ProX math", 0.0, "same-language", "the authors' configurations"),
    PublishedRun("Chinese-LLaMA", 0.0, "new-language"),
    PublishedRun("Meditron", 0.009, "same-language"),
    PublishedRun("SaulLM-7B", 0.02, "same-language"),
    PublishedRun("Llemma", 0.02, "same-language"),
    PublishedRun("Code Llama", 0.07, "same-language"),
    PublishedRun("ChipNeMo", 0.092, "same-language"),
    PublishedRun("EntiGraph", 0.10, "same-language"),
    PublishedRun("Swallow", 0.10, "new-language"),
    PublishedRun("stability gap (OpenLLaMA-3B)", 0.18, "same-language", "arXiv 2406.14833"),
    PublishedRun("Meltemi", 0.193, "new-language", "the paper"),
    PublishedRun("Me-LLaMA", 0.20, "same-language", "the authors' readme"),
    PublishedRun("Qwen2.5-Coder", 0.20, "same-language"),
    PublishedRun("Elhady et al. 2025", 0.20, "new-language"),
    PublishedRun("DeepSeek-Coder-V2", 0.30, "same-language"),
    PublishedRun("DeepSeekMath", 0.30, "same-language"),
    PublishedRun("Thomson-1.0", 0.33, "same-language"),
    PublishedRun("Marco-LLM stage I", 0.49, "new-language"),
    PublishedRun("e-Llama", 0.50, "same-language"),
    PublishedRun("OLMo-2 mid-training", 0.50, "anneal"),
    PublishedRun("Zamba anneal", 0.60, "anneal"),
    PublishedRun("Llama-3 data scoring", 0.70, "anneal"),
    PublishedRun("Baichuan4-Finance", 0.80, "same-language"),
    PublishedRun("Llama-3-SynE", 0.80, "new-language"),
    PublishedRun("SwallowCode", 0.84, "same-language"),
)


def domain_band(shift: Shift | None = None) -> dict[str, float | int]:
    """Quartiles of the domain share of the published runs, all of them or of one kind of shift.

    Returns:
        ``low``, ``median`` and ``high``; the number of ``runs``, and of the ``second_hand`` ones.
    """
    runs = [run for run in PUBLISHED if shift is None or run.shift == shift]
    low, middle, high = np.quantile([1 - run.general for run in runs], [0.25, 0.5, 0.75])
    return {
        "low": float(low),
        "median": float(middle),
        "high": float(high),
        "runs": len(runs),
        "second_hand": sum(run.source == SECOND_HAND for run in runs),
    }


def document(question: Question, options: Options) -> dict[str, Any]:
    """What others do, and what the sweep's own longest runs of the largest size did."""
    return {
        "replay_defaults": {name: 1 - replay for name, replay in REPLAY_DEFAULTS.items()},
        "published": domain_band(options.shift),
        "best_observed": best_observed(question.fit.about.get("longest_runs", ()), options.bound),
        "bound": str(options.bound),
    }


def best_observed(runs: Iterable[Mapping[str, Any]], tolerance: Tolerance) -> dict[str, Any] | None:
    """The measured run with the lowest domain loss among those that kept the tolerance.

    Args:
        runs: the longest runs of the largest size, as ``mixlaw.fit.provenance`` lists them.
        tolerance: the allowed rise of the general loss over the base.
    """
    kept = [
        run
        for run in runs
        if run["rise"] is not None
        and run["domain"] is not None
        and run["rise"]
        <= tolerance.value * (run["general"] - run["rise"] if tolerance.relative else 1.0)
    ]
    return dict(min(kept, key=lambda run: float(run["domain"]))) if kept else None
