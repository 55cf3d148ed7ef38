"""NeMo 2: ``PreTrainingDataModule(paths=...)`` with one list per split.

Lists are weight, prefix, weight, prefix, ... (fixed-length samples, which are tokens), as strings.
"""

from collections.abc import Mapping
from typing import Any

from mixlaw.emitters import TOKENS, EmitOptions, blend, comments

UNIT = TOKENS
EXAMPLE = "'train': ['0.3', '/data/domain_text_document', '0.7', '/data/general_text_document'],"


def emit(document: Mapping[str, Any], options: EmitOptions) -> str:
    """A Python snippet that builds the data module."""
    mix = blend(document, options, UNIT, "/data/{}_text_document", "/data/{}_val_text_document")
    return f"""\
{comments(mix.notes)}from nemo.collections.llm import PreTrainingDataModule

data = PreTrainingDataModule(
    paths={{
        'train': {mix.interleaved!r},
        'validation': {mix.validation_paths!r},
        'test': {mix.validation_paths!r},
    }},
)
"""
