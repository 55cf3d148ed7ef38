"""Every command of the README runs, in its order, in one fresh folder, with exit code 0."""

import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_SPEC = importlib.util.spec_from_file_location("transcript", ROOT / ".ci" / "transcript.py")
assert _SPEC is not None
assert _SPEC.loader is not None
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)
skeleton, transcript = _MODULE.skeleton, _MODULE.transcript
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^\$ (.+)$", README, flags=re.MULTILINE)
#: The test command itself would start this test again.
SKIPPED = ("make test",)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh working folder: the Makefile, two small corpora, and this interpreter as .venv."""
    folder = tmp_path_factory.mktemp("readme")
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    for name in ("fits/prose-to-code-forward/auto", "experiments/prose-to-code"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / ".venv").mkdir()
    (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    for stamp in ("installed", "installed-dev"):
        (folder / ".venv" / stamp).touch()
    corpora = {"DOMAIN": "def f(x): return x * {}", "GENERAL": "It was day {} of rain."}
    for name, line in corpora.items():
        records = [json.dumps({"text": f"{line.format(i)}\n" * 40}) for i in range(400)]
        (folder / f"{name}.jsonl").write_text("\n".join(records))
    return folder


@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in SKIPPED])
def test_command_of_the_readme_runs(command: str, folder: Path) -> None:
    result = subprocess.run(
        shlex.split(command), cwd=folder, capture_output=True, text=True, env={**os.environ}
    )
    assert result.returncode == 0, result.stderr[-2000:]
    if command == "make demo":
        assert skeleton(result.stdout) == skeleton(transcript())


def test_links_and_pictures_of_the_readme_exist() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_every_room_is_in_the_file_tree_of_the_readme() -> None:
    rooms = {path.name for path in (ROOT / "mixlaw").iterdir() if (path / "__init__.py").is_file()}
    assert {room for room in rooms if f"  {room}/ " not in README} == set()
    modules = {path.name for path in (ROOT / "mixlaw").glob("[!_]*.py")}
    assert {module for module in modules if f"  {module}" not in README} == set()
