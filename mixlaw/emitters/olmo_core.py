"""OLMo-core: the sources of a ``SourceMixtureList`` (target ratios of tokens).

A source that is too small for its ratio raises unless ``max_repetition_ratio`` covers it, so the
implied epochs are written there where the size of the corpus is known.
"""

import math
from collections.abc import Mapping
from typing import Any

from mixlaw.emitters import TOKENS, EmitOptions, Part, blend, yaml_text

UNIT = TOKENS
EXAMPLE = "target_ratio: 0.3"

_NOTE = (
    "Read it with SourceMixtureList; set requested_tokens of SourceMixtureDatasetConfig to "
    "the budget, and max_repetition_ratio where a corpus must be repeated."
)


def emit(document: Mapping[str, Any], options: EmitOptions) -> str:
    """YAML with the key ``sources``."""
    mix = blend(document, options, UNIT, "/data/{}/*.npy")
    return yaml_text([*mix.notes, _NOTE], {"sources": [_source(part) for part in mix.parts]})


def _source(part: Part) -> dict[str, Any]:
    source = {"source_name": part.corpus, "target_ratio": part.weight, "paths": [part.path]}
    if part.epochs is None:
        return source
    return {**source, "max_repetition_ratio": max(1.0, math.ceil(part.epochs * 100) / 100)}
