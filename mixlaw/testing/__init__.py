"""Conformance checks that authors of plugins can run: what every plugin of a kind has to keep.

The checks need no test runner: each raises a :class:`ConformanceError`, an ``AssertionError`` whose
message is one sentence, for the first promise that a plugin breaks. In the tests of a package that
brings a law, say, this is all there is to write::

    from mixlaw.testing import check_law
    from my_package import my_law

    def test_conformance():
        check_law(my_law.LAW, my_law.__doc__)

Every module here holds the checks of one kind as the tuple ``CHECKS``, so that a test can run them
one by one; those of mixlaw's own plugins are run so.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mixlaw.testing.conformance import ConformanceError

if TYPE_CHECKING:
    from mixlaw.testing.emitter import check_emitter
    from mixlaw.testing.executor import check_executor
    from mixlaw.testing.importer import check_importer
    from mixlaw.testing.law import check_law
    from mixlaw.testing.recipe import check_recipe
    from mixlaw.testing.tracker import check_tracker

__all__ = [
    "ConformanceError",
    "check_emitter",
    "check_executor",
    "check_importer",
    "check_law",
    "check_recipe",
    "check_tracker",
]


def __getattr__(name: str) -> Any:
    # Only when it is used: the check of a recipe brings the half that trains, that of a law does
    # not.
    if name not in __all__:
        raise AttributeError(f"module 'mixlaw.testing' has no attribute '{name}'")
    return getattr(import_module(f"mixlaw.testing.{name.removeprefix('check_')}"), name)
