"""The plan of the house: who may import whom, and what starting up must never load."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "mixlaw"
LEVELS = (
    {"errors"},
    {"plugins", "mixture", "quantities", "files", "roles", "cores"},
    {"experiment", "runs", "laws"},
    {"corpora", "fit", "importers", "executors", "trackers"},
    {"train", "recommend"},
    {"recipes", "emitters", "report"},
    {"sweep"},
    {"cli"},
)
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
READERS = ("laws", "fit", "recommend", "emitters", "report", "importers", "runs", "roles")
TRAINERS = ("corpora", "train", "recipes", "executors", "sweep", "trackers")
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path: Path) -> Iterator[str]:
    """Dotted names of everything a module imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    room = room_of(path)
    if room in {"__init__", "__main__"}:
        return
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "mixlaw" or parts[1] in {room, "__version__"}:
            continue
        assert LEVEL[parts[1]] < LEVEL[room], f"{room} (level {LEVEL[room]}) imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_two_halves_never_meet(path: Path) -> None:
    room = room_of(path)
    named = {name.removeprefix("mixlaw.").split(".")[0] for name in imports(path)}
    if room in READERS:
        assert not named & {"torch", "transformers", *TRAINERS}
    if room in TRAINERS:
        assert not named & {"fit", "recommend", "report"}


def loaded_by(*arguments: str) -> set[str]:
    """Top-level packages in sys.modules after ``python <arguments>``."""
    probe = "import sys, runpy\nsys.argv = ['mixlaw', *sys.argv[1:]]\n"
    run = (
        "try:\n    runpy.run_module('mixlaw', run_name='__main__')\nexcept SystemExit:\n    pass\n"
    )
    code = probe + (run if arguments else "import mixlaw\n")
    code += "sys.stderr.write('\\n' + ' '.join({name.split('.')[0] for name in sys.modules}))"
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return set(result.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [(), ("--help",), ("fit", "--help"), ("recommend", "--help")])
def test_starting_up_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    heavy = {"torch", "transformers", "pandas", "scipy", "lmfit", "matplotlib", "ray", "wandb"}
    assert not loaded_by(*arguments) & heavy


def test_recommend_reads_a_fit_without_lmfit_or_pandas() -> None:
    code = "import sys, mixlaw.fit.result, mixlaw.recommend.api as _; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not set(result.stdout.split()) & {"torch", "transformers", "pandas", "lmfit"}
