"""axolotl: ``datasets`` with a ``weight``, which is the fraction of each dataset to keep.

Version dependent: the weight comes with axolotl's pull request 3690 (0 < weight <= 1) and release
0.19 does not have it; ``shards: N`` keeps one part in N there. It is not a share of the mixture.
What is kept is chosen once, before training: every epoch passes over the same documents, so the
corpus that is not kept whole is repeated as often as the other.
"""

from collections.abc import Mapping
from typing import Any

from mixlaw.emitters import KEPT, EmitOptions, blend, yaml_text

UNIT = KEPT
EXAMPLE = "- {path: /data/general, type: completion, field: text, weight: 0.116667}"


def emit(document: Mapping[str, Any], options: EmitOptions) -> str:
    """YAML with the key ``datasets``."""
    mix = blend(document, options, UNIT)
    shards = ", ".join(f"{round(1 / weight)}" for weight in mix.weights)
    notes = (
        "Instead of num_epochs, max_steps = token budget / tokens per step ends at the budget. For "
        "fresh text of a corpus in every pass, split it into shards, list another one in each "
        "run, and train them one after the other.",
        f"If your axolotl does not know 'weight', use 'shards' ({shards}), which is coarser.",
    )
    datasets = [
        {"path": part.path, "type": "completion", "field": "text", "weight": part.weight}
        for part in mix.parts
    ]
    config = {"datasets": datasets, "num_epochs": float(f"{mix.passes:.4g}")}
    return yaml_text([*mix.notes, *notes], config)
