"""Calls that name a wrong keyword in one sentence."""

import inspect
from collections.abc import Callable, Mapping
from difflib import get_close_matches

from mixlaw.errors import ConfigError


def check_keywords(
    function: Callable[..., object], given: Mapping[str, object], also_called: Mapping[str, str]
) -> None:
    """Refuse a keyword that a function does not have.

    Args:
        function: that is called.
        given: its keywords.
        also_called: what parameters are called elsewhere, such as on the command line.

    Raises:
        ConfigError: the sentence names the nearest one.
    """
    known = list(inspect.signature(function).parameters)
    for name in given:
        if name in known:
            continue
        near = also_called.get(name) or next(iter(get_close_matches(name, known, n=1)), None)
        hint = f" Did you mean '{near}'?" if near else ""
        raise ConfigError(
            f"{function.__name__} has no parameter '{name}'.{hint} It has: {', '.join(known)}."
        )
