"""litgpt and litdata: a ``CombinedStreamingDataset`` of token blocks (litgpt's TinyLlama data)."""

from collections.abc import Mapping
from typing import Any

from mixlaw.emitters import TOKENS, EmitOptions, blend, comments

UNIT = TOKENS
EXAMPLE = "weights=(0.3, 0.7),"


def emit(document: Mapping[str, Any], options: EmitOptions) -> str:
    """A Python snippet that defines ``train_dataset(block_size)``."""
    mix = blend(document, options, UNIT)
    return f"""\
{comments(mix.notes)}from litdata import CombinedStreamingDataset, StreamingDataset, TokensLoader


def train_dataset(block_size, seed=42):
    paths = {mix.paths!r}
    return CombinedStreamingDataset(
        datasets=[
            StreamingDataset(
                input_dir=path,
                item_loader=TokensLoader(block_size=block_size),
                shuffle=True,
                drop_last=True,
            )
            for path in paths
        ],
        seed=seed,
        weights={tuple(mix.weights)!r},
        iterate_over_all=False,
    )
"""
