"""nanotron: a data stage over tokenised folders (weights of samples, which are tokens).

``NanosetDatasetsArgs`` declares parallel lists, though the project's example file still maps
path to weight.
"""

from collections.abc import Mapping
from typing import Any

from mixlaw.emitters import TOKENS, EmitOptions, blend, yaml_text

UNIT = TOKENS
EXAMPLE = "dataset_weights: [0.3, 0.7]"


def emit(document: Mapping[str, Any], options: EmitOptions) -> str:
    """YAML with the key ``data_stages``."""
    mix = blend(document, options, UNIT, "/data/{}/tokenized")
    dataset = {"dataset_folder": mix.paths, "dataset_weights": mix.weights}
    stage = {
        "name": "CPT",
        "start_training_step": 1,
        "data": {"dataset": dataset, "num_loading_workers": 1, "seed": 42},
    }
    return yaml_text(mix.notes, {"data_stages": [stage]})
