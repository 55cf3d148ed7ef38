"""Plugins: one file in a room is one plugin, and its file name (``_`` written ``-``) is its name.

Listing names reads folders and entry points and imports nothing, so ``mixlaw --help`` never pays
for torch or ray. Packages elsewhere add plugins with an entry point in the group ``mixlaw.<kind>``.
"""

from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from mixlaw.errors import ConfigError, unknown_name


def available(kind: str) -> tuple[str, ...]:
    """Names of all plugins of a kind (a room such as ``laws``), sorted, without importing them."""
    return tuple(sorted({*_files(kind), *_entry_points(kind)}))


def load(kind: str, name: str) -> ModuleType:
    """The module of one plugin.

    Raises:
        ConfigError: there is no such plugin; the message names the nearest one and lists all.
    """
    if name in _files(kind):
        return import_module(f"mixlaw.{kind}.{name.replace('-', '_')}")
    if name in _entry_points(kind):
        module = _entry_points(kind)[name].load()
        if not isinstance(module, ModuleType):
            raise ConfigError(f"The entry point '{name}' of mixlaw.{kind} must name a module.")
        return module
    raise ConfigError(unknown_name(kind.removesuffix("s"), name, available(kind)))


@cache
def _files(kind: str) -> frozenset[str]:
    room = Path(__file__).parent / kind
    return frozenset(
        path.stem.replace("_", "-") for path in room.glob("*.py") if not path.stem.startswith("_")
    )


@cache
def _entry_points(kind: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"mixlaw.{kind}")}
