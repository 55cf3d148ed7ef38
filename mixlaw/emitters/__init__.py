"""Emitters: one file, one trainer's way of writing a mixture down.

A recommendation speaks of tokens. Trainers do not: some sample fixed-length rows (which are
tokens), some sample documents, one keeps a fraction of each corpus. An emitter module declares

``UNIT``
    what its weights count: :data:`TOKENS`, :data:`DOCUMENTS` or :data:`KEPT`;
``EXAMPLE``
    one line of what it writes for the recommendation in :data:`EXAMPLE_DOCUMENT`;
``emit(document, options)``
    the text, ready to be saved as a file, for the JSON document of a recommendation.

The conversion, the comments and the quoting are shared (``_blend``, ``_text``), so an emitter is
little more than the trainer's own format.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mixlaw import plugins

Unit = Literal["tokens", "documents", "fraction of the corpus kept"]

TOKENS: Unit = "tokens"
DOCUMENTS: Unit = "documents"
KEPT: Unit = "fraction of the corpus kept"


@dataclass(frozen=True)
class EmitOptions:
    """What the recommendation does not know about the corpora, each by corpus name.

    Attributes:
        tokens_per_doc: mean tokens per document; needed where a trainer samples documents.
        tokens_on_disk: distinct tokens; needed for epochs, and where a trainer keeps fractions.
        paths: where the trainer finds the corpus; a placeholder is written for those not named.
        validation_paths: where it finds the corpus's held-out set; as ``paths``.
    """

    tokens_per_doc: Mapping[str, float] = field(default_factory=dict)
    tokens_on_disk: Mapping[str, float] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)
    validation_paths: Mapping[str, str] = field(default_factory=dict)


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
    from mixlaw.emitters._blend import blend

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
