"""LLaMA-Factory: interleaved datasets of a continual pre-training YAML, which draws documents.

``dataset`` holds names of ``dataset_info.json``, split at commas. ``interleave_probs`` needs an
interleaving ``mix_strategy``, and as many evaluation datasets as training ones.
"""

from collections.abc import Mapping
from typing import Any

from mixlaw.emitters import DOCUMENTS, EmitOptions, all_exhausted_note, argument, blend, yaml_text

UNIT = DOCUMENTS
EXAMPLE = "interleave_probs: 0.096774,0.903226"

_NOTE = (
    "Names are those of dataset_info.json. With streaming also set max_steps "
    "(= token budget / tokens per step)."
)


def emit(document: Mapping[str, Any], options: EmitOptions) -> str:
    """YAML keys of a LLaMA-Factory run."""
    mix = blend(document, options, UNIT, "{}", "{}_val")
    config = {
        "stage": "pt",
        "dataset": _joined(mix.paths),
        "mix_strategy": "interleave_over",
        "interleave_probs": ",".join(f"{weight:.12g}" for weight in mix.weights),
        "streaming": True,
        "eval_dataset": _joined(mix.validation_paths),
        "eval_on_each_dataset": True,
    }
    return yaml_text([*mix.notes, all_exhausted_note(mix), _NOTE], config)


def _joined(names: list[str]) -> str:
    return ",".join(argument(name, ",") for name in names)
