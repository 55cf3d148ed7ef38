"""Hugging Face ``datasets``: a Python script around ``interleave_datasets``, which draws documents.

``all_exhausted`` repeats a small corpus; the default ``first_exhausted`` would end at its last
document and drop most of the general data.
"""

from collections.abc import Mapping
from typing import Any

from mixlaw.emitters import DOCUMENTS, EmitOptions, all_exhausted_note, blend, comments

UNIT = DOCUMENTS
EXAMPLE = "PROBABILITIES = {'domain': 0.096774, 'general': 0.903226}"


def emit(document: Mapping[str, Any], options: EmitOptions) -> str:
    """A Python script that defines ``train`` and ``evaluation``, for a Trainer."""
    mix = blend(document, options, UNIT)
    train = {part.corpus: part.path for part in mix.parts}
    held_out = {part.corpus: part.validation_path for part in mix.parts}
    probabilities = {part.corpus: part.weight for part in mix.parts}
    notes = comments([*mix.notes, all_exhausted_note(mix)])
    return f"""\
{notes}from datasets import interleave_datasets, load_dataset

TRAIN = {train!r}
HELD_OUT = {held_out!r}
PROBABILITIES = {probabilities!r}

train = interleave_datasets(
    [load_dataset(path, split='train') for path in TRAIN.values()],
    probabilities=[PROBABILITIES[corpus] for corpus in TRAIN],
    seed=42,
    stopping_strategy='all_exhausted',
)
# As the Trainer's eval_dataset this gives eval_<corpus>_loss for each corpus.
evaluation = {{corpus: load_dataset(path, split='train') for corpus, path in HELD_OUT.items()}}
"""
