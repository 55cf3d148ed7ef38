"""Names of the rules, known without importing any."""

from functools import cache
from pathlib import Path

#: Files among the rules that rules share and that are none themselves.
_SHARED_BY_RULES = ("__init__", "balance_many", "crossing", "minimum")


@cache
def rule_names() -> tuple[str, ...]:
    """Names of all rules, sorted: files of the folder ``rules``, which are not imported."""
    stems = {path.stem for path in Path(__file__).with_name("rules").glob("*.py")}
    return tuple(sorted(stem.replace("_", "-") for stem in stems.difference(_SHARED_BY_RULES)))
