"""Plugins: one file in a room is one plugin, and its file name (``_`` written ``-``) is its name.

Listing names reads folders and entry points and imports nothing, so ``mixlaw --help`` never pays
for torch or ray. Files whose names start with ``_`` and packages inside a room are no plugins.

A package elsewhere adds plugins with entry points in the group ``mixlaw.<kind>``, such as::

    [project.entry-points."mixlaw.laws"]
    my-law = "my_package.my_law"

An entry point names a *module* that declares what the files of that room declare, for laws too: the
docstring of the module is what ``mixlaw laws NAME`` prints. (A ``Law`` object that is in no package
is fitted by ``fit_laws(law=LAW)``.) A plugin of mixlaw's own comes before one of equal name.
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
        ConfigError: there is no such plugin (the message names the nearest one and lists all), or
            it is an entry point that cannot be imported or names no module.
    """
    if name in _files(kind):
        return import_module(f"mixlaw.{kind}.{name.replace('-', '_')}")
    if name in _entry_points(kind):
        return _load_entry_point(kind, _entry_points(kind)[name])
    raise ConfigError(unknown_name(kind.removesuffix("s"), name, available(kind)))


def name_of(module: ModuleType) -> str:
    """The plugin name of a module by its file name."""
    return module.__name__.rsplit(".", 1)[-1].replace("_", "-")


def _load_entry_point(kind: str, point: EntryPoint) -> ModuleType:
    package = point.dist.name if point.dist else point.module
    plugin = f"The {kind.removesuffix('s')} '{point.name}' of the package '{package}'"
    try:
        module = point.load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"{plugin} cannot be imported ({error}); mend or uninstall that package."
        ) from error
    if not isinstance(module, ModuleType):
        raise ConfigError(
            f"{plugin} is a {type(module).__name__}; its entry point '{point.value}' must name a "
            f"module, such as '{point.module}'."
        )
    return module


@cache
def _files(kind: str) -> frozenset[str]:
    room = Path(__file__).parent / kind
    return frozenset(
        path.stem.replace("_", "-") for path in room.glob("*.py") if not path.stem.startswith("_")
    )


@cache
def _entry_points(kind: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"mixlaw.{kind}")}
