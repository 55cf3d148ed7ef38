"""GPT-NeoX: paths and weights as parallel lists (weights of samples, which are tokens).

``eval_loss_logging: separate`` is read by the newest versions only; the default blends the losses.
"""

from collections.abc import Mapping
from typing import Any

from mixlaw.emitters import TOKENS, EmitOptions, blend, yaml_text

UNIT = TOKENS
EXAMPLE = "train_data_weights: [0.3, 0.7]"

_NOTE = (
    "eval_loss_logging and valid_data_names need a recent GPT-NeoX; older ones blend the losses."
)


def emit(document: Mapping[str, Any], options: EmitOptions) -> str:
    """YAML keys of a GPT-NeoX configuration."""
    mix = blend(document, options, UNIT, "/data/{}_text_document", "/data/{}_val_text_document")
    config: dict[str, Any] = {
        "train_data_paths": mix.paths,
        "train_data_weights": mix.weights,
        "valid_data_paths": mix.validation_paths,
        "valid_data_weights": list(mix.weights),
        "test_data_paths": list(mix.validation_paths),
        "test_data_weights": list(mix.weights),
        "eval_loss_logging": "separate",
        "valid_data_names": mix.corpora,
    }
    return yaml_text([*mix.notes, _NOTE], config)
