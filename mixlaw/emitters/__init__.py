"""Emitters: one file, one trainer's way of writing a mixture down.

A recommendation speaks of tokens. Trainers do not: some sample fixed-length rows (which are
tokens), some sample documents, one keeps a fraction of each corpus. An emitter module declares

``UNIT``
    what its weights count: :data:`TOKENS`, :data:`DOCUMENTS` or :data:`KEPT`;
``EXAMPLE``
    one line of what it writes for the recommendation in :data:`EXAMPLE_DOCUMENT`;
``emit(document, options)``
    the text, ready to be saved as a file, for the JSON document of a recommendation.

What it needs for that is here: the conversion and its comments (:func:`blend`), and the quoting of
names and paths, which are data (:func:`yaml_text`, :func:`shell_line`, :func:`comments`,
:func:`argument`). So an emitter is little more than the trainer's own format;
``mixlaw.testing.check_emitter`` holds it to a reader of that format.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mixlaw import plugins
from mixlaw.emitters._blend import (
    DOCUMENTS,
    KEPT,
    TOKENS,
    Blend,
    EmitOptions,
    Part,
    Unit,
    all_exhausted_note,
    blend,
)
from mixlaw.emitters._text import argument, comments, shell_line, yaml_text

__all__ = [
    "DOCUMENTS", "EXAMPLE_DOCUMENT", "EXAMPLE_OPTIONS", "KEPT", "TOKENS", "Blend", "EmitOptions",
    "Emitted", "Part", "Unit", "all_exhausted_note", "argument", "blend", "comments", "emit",
    "shell_line", "yaml_text",
]  # fmt: skip


@dataclass(frozen=True)
class Emitted:
    """A trainer's text with the unit of its weights.

    Attributes:
        name: of the emitter.
        unit: what the weights in the text count.
        text: in the trainer's format.
        notes: unit, epochs and validation sets in words: comments of the text, where its format
            has any.
    """

    name: str
    unit: Unit
    text: str
    notes: tuple[str, ...]


def emit(name: str, document: Mapping[str, Any], options: EmitOptions | None = None) -> Emitted:
    """The mixture of a recommendation in the words of the trainer ``name``.

    Args:
        name: plugin name, such as ``megatron``.
        document: the recommendation's JSON document; its ``shares`` and ``target`` are used.
        options: sizes and paths of the corpora.

    Raises:
        ConfigError: no such emitter, a recommendation without a ratio, a size that the trainer's
            unit needs is missing, or a name that the trainer's format cannot hold.
    """
    emitter, options = plugins.load("emitters", name), options or EmitOptions()
    notes = blend(document, options, emitter.UNIT).notes
    return Emitted(name, emitter.UNIT, emitter.emit(document, options), notes)


#: The recommendation and options that every emitter's ``EXAMPLE`` line is an excerpt of.
EXAMPLE_DOCUMENT: Mapping[str, Any] = {
    "target": {"n_params": 8e9, "tokens": 2e10},
    "shares": {"domain": {"recommended": 0.3}, "general": {"recommended": 0.7}},
}
EXAMPLE_OPTIONS = EmitOptions(
    tokens_per_doc={"domain": 2000, "general": 500},
    tokens_on_disk={"domain": 2e9, "general": 4e10},
)
