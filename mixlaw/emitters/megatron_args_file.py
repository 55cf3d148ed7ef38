"""Megatron-LM: the file for ``--data-args-path``, whose content is split on whitespace.

The format has no comments and no quoting, so a path with a space in it is refused.
"""

import string
from collections.abc import Mapping
from typing import Any

from mixlaw.emitters import TOKENS, EmitOptions, argument, blend

UNIT = TOKENS
EXAMPLE = "0.3 /data/domain_text_document 0.7 /data/general_text_document"


def emit(document: Mapping[str, Any], options: EmitOptions) -> str:
    """Weight and prefix in turn, on one line."""
    mix = blend(document, options, UNIT, "/data/{}_text_document")
    return " ".join(argument(word, string.whitespace) for word in mix.interleaved) + "\n"
