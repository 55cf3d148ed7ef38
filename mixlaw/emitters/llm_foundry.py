"""llm-foundry and MosaicML streaming: the streams of a train loader.

``proportion`` counts samples, which are tokens when the data were written with ``--concat_tokens``.
"""

from collections.abc import Mapping
from typing import Any

from mixlaw.emitters import TOKENS, EmitOptions, blend, yaml_text

UNIT = TOKENS
EXAMPLE = "domain: {local: /data/domain, split: train, proportion: 0.3}"

_NOTE = (
    "Convert the corpora with --concat_tokens: a proportion counts samples, which are tokens only "
    "then. Set epoch_size; batching_method stratified keeps every batch at the mixture."
)


def emit(document: Mapping[str, Any], options: EmitOptions) -> str:
    """YAML with the key ``train_loader``."""
    mix = blend(document, options, UNIT)
    streams = {
        part.corpus: {"local": part.path, "split": "train", "proportion": part.weight}
        for part in mix.parts
    }
    dataset = {"streams": streams, "batching_method": "stratified"}
    return yaml_text([*mix.notes, _NOTE], {"train_loader": {"dataset": dataset}})
