"""The mixture in the words of every trainer that needs to know no more than the shares."""

from collections.abc import Mapping
from typing import Any

from mixlaw import emitters, plugins
from mixlaw.emitters import TOKENS, Emitted


def of_tokens(document: Mapping[str, Any]) -> list[Emitted]:
    """Texts of the trainers whose weights count tokens; none where no share is recommended.

    Args:
        document: a recommendation's JSON document.
    """
    if document["domain_ratio"]["recommended"] is None:
        return []
    return [emitters.emit(name, document) for name in _names() if _unit(name) == TOKENS]


def others() -> list[str]:
    """Names of the trainers that sample documents or keep a part: they need the corpora's sizes."""
    return [name for name in _names() if _unit(name) != TOKENS]


def _names() -> list[str]:
    return list(plugins.available("emitters"))


def _unit(name: str) -> str:
    return str(plugins.load("emitters", name).UNIT)
