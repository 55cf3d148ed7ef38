"""Megatron-LM: the ``--data-path`` argument line (weights count fixed-length samples, so tokens).

Grammar: weight, prefix, weight, prefix, ...; prefixes without ``.bin``/``.idx``
(``megatron/core/datasets/utils.py: get_blend_from_list``).
"""

from collections.abc import Mapping
from typing import Any

from mixlaw.emitters import TOKENS, EmitOptions, argument, blend, shell_line

UNIT = TOKENS
EXAMPLE = "--data-path 0.3 /data/domain_text_document 0.7 /data/general_text_document"

_NOTE = (
    "With --split the validation loss is blended; 'mixlaw recommend --emit megatron-per-split' "
    "writes the JSON that gives one validation loss per corpus."
)


def emit(document: Mapping[str, Any], options: EmitOptions) -> str:
    """A shell line of Megatron-LM arguments."""
    mix = blend(document, options, UNIT, "/data/{}_text_document", "/data/{}_val_text_document")
    words = [argument(word) for word in mix.interleaved]
    return shell_line([*mix.notes, _NOTE], "--data-path", *words, "--split", "990,10,0")
