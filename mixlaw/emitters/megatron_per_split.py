"""Megatron-LM: the JSON for ``--per-split-data-args-path``, which gives one loss per corpus.

Use it with ``--multiple-validation-sets --validation-set-names <corpus> <corpus>``. All three keys
are indexed, and several validation sets must carry no weights. JSON has no comments.
"""

import json
from collections.abc import Mapping
from typing import Any

from mixlaw.emitters import TOKENS, EmitOptions, blend

UNIT = TOKENS
EXAMPLE = '"train": ["0.3", "/data/domain_text_document", "0.7", "/data/general_text_document"]'


def emit(document: Mapping[str, Any], options: EmitOptions) -> str:
    """A JSON object with the keys train, valid and test."""
    mix = blend(document, options, UNIT, "/data/{}_text_document", "/data/{}_val_text_document")
    splits = {
        "train": mix.interleaved,
        "valid": mix.validation_paths,
        "test": mix.validation_paths,
    }
    lines = (f'  "{split}": {json.dumps(prefixes)}' for split, prefixes in splits.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"
