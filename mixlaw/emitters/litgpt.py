"""litgpt and litdata: a ``CombinedStreamingDataset`` of token blocks (litgpt's TinyLlama data).

With weights it ends with the first corpus that runs out (litdata 0.2.76, ``iterate_over_all``);
litgpt then begins a new epoch, in which every corpus starts again, shuffled anew.
"""

from collections.abc import Mapping
from typing import Any

from mixlaw.emitters import TOKENS, EmitOptions, blend, comments

UNIT = TOKENS
EXAMPLE = "weights=(0.3, 0.7),"

_NOTE = (
    "One epoch ends with the first corpus that runs out, and the next begins every corpus anew, "
    "shuffled; let max_tokens end the run, not epochs."
)


def emit(document: Mapping[str, Any], options: EmitOptions) -> str:
    """A Python snippet that defines ``train_dataset(block_size)``."""
    mix = blend(document, options, UNIT)
    notes = comments([*mix.notes, _NOTE])
    return f"""\
{notes}from litdata import CombinedStreamingDataset, StreamingDataset, TokensLoader


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
