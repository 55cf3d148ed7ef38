"""ms-swift: the ``--dataset`` and ``--interleave_prob`` arguments, which draw documents.

``--stopping_strategy`` defaults to ``first_exhausted``, which would end at the last document of
the smallest corpus (ms-swift 4.6, ``arguments/base_args/data_args.py``).
"""

from collections.abc import Mapping
from typing import Any

from mixlaw.emitters import DOCUMENTS, EmitOptions, all_exhausted_note, argument, blend, shell_line

UNIT = DOCUMENTS
EXAMPLE = "--interleave_prob 0.096774 0.903226"


def emit(document: Mapping[str, Any], options: EmitOptions) -> str:
    """A shell line of ms-swift arguments."""
    mix = blend(document, options, UNIT)
    return shell_line(
        [*mix.notes, all_exhausted_note(mix)],
        *("--dataset", *map(argument, mix.paths)),
        *("--interleave_prob", *(f"{weight:.12g}" for weight in mix.weights)),
        *("--stopping_strategy", "all_exhausted"),
        *("--val_dataset", *map(argument, mix.validation_paths)),
    )
