"""The rules of recommendation: a file is a rule, and its name with ``_`` written ``-`` is the rule's.

Adding a rule is adding a file with a function ``decide(question, options) -> Verdict``.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path

from mixlaw.errors import ConfigError, unknown_name
from mixlaw.recommend.options import Options
from mixlaw.recommend.question import Question
from mixlaw.recommend.verdict import Verdict

#: Files of this folder that the rules share and that are none themselves.
_SHARED = ("balance_many", "crossing", "minimum")


@cache
def available() -> tuple[str, ...]:
    """Names of all rules, sorted, without importing them."""
    stems = {path.stem for path in Path(__file__).parent.glob("*.py")}
    rules = stems.difference(_SHARED, ("__init__",))
    return tuple(sorted(stem.replace("_", "-") for stem in rules))


def load(name: str) -> Callable[[Question, Options], Verdict]:
    """The ``decide`` of a rule.

    Raises:
        ConfigError: there is no such rule; the message names the nearest one and lists all.
    """
    if name not in available():
        raise ConfigError(unknown_name("rule", name, available()))
    module = import_module(f"{__name__}.{name.replace('-', '_')}")
    decide: Callable[[Question, Options], Verdict] = module.decide
    return decide
