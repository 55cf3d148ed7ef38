"""torchtitan: a ``DatasetMixConfig`` over corpora packed first, so that weights count rows.

Needs the data components of August 2026 or later. Documents mixed before packing would make the
weights count documents (torchtitan's data README).
"""

from collections.abc import Mapping
from typing import Any

from mixlaw.emitters import TOKENS, EmitOptions, blend, comments

UNIT = TOKENS
EXAMPLE = "WeightedDataset(dataset=packed('/data/domain/*.jsonl'), weight=0.3),"


def emit(document: Mapping[str, Any], options: EmitOptions) -> str:
    """A Python snippet that defines ``mix``."""
    mix = blend(document, options, UNIT, "/data/{}/*.jsonl")
    children = "".join(
        f"    WeightedDataset(dataset=packed({part.path!r}), weight={part.weight!r}),\n"
        for part in mix.parts
    )
    return f"""\
{comments(mix.notes)}from torchtitan.components.data import (
    ConcatThenSplitPackingConfig,
    DatasetMixConfig,
    IndexedJsonlSource,
    SingleDatasetConfig,
    WeightedDataset,
)
from torchtitan.hf_datasets.text_datasets import TextProcessor


def packed(pattern):
    # Packed before mixing: the weights then count fixed-length rows, not documents.
    return ConcatThenSplitPackingConfig(
        dataset=SingleDatasetConfig(
            source=IndexedJsonlSource.Config(patterns=(pattern,)),
            processor=TextProcessor.Config(text_fn=lambda row: row['text']),
            post_filters=(lambda sample: sample is not None,),
        )
    )


mix = DatasetMixConfig(datasets=(
{children}))
"""
