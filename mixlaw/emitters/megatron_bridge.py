"""Megatron-Bridge: ``dataset.blend`` in Python (weights of fixed-length samples, which are tokens).

``GPTDatasetConfig`` has no ``blend_weights`` field, though its migration guide shows one: paths and
weights are the two lists of ``blend``.
"""

from collections.abc import Mapping
from typing import Any

from mixlaw.emitters import TOKENS, EmitOptions, blend, comments

UNIT = TOKENS
EXAMPLE = (
    "cfg.dataset.blend = "
    "[['/data/domain_text_document', '/data/general_text_document'], [0.3, 0.7]]"
)


def emit(document: Mapping[str, Any], options: EmitOptions) -> str:
    """A Python assignment to ``cfg.dataset.blend``."""
    mix = blend(document, options, UNIT, "/data/{}_text_document")
    return f"{comments(mix.notes)}cfg.dataset.blend = {[mix.paths, mix.weights]!r}\n"
