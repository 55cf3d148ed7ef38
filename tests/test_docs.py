"""The documentation site builds without a broken link, and speaks of commands that exist."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from mixlaw import plugins
from mixlaw.cli import build_app
from mixlaw.recommend.options import rule_names

ROOT = Path(__file__).parents[1]
PAGES = sorted(path for path in (ROOT / "docs").glob("*.md"))
#: Commands shown on the pages, each with its page.
SHOWN = [
    (path.name, command)
    for path in PAGES
    for command in re.findall(r"^\$ (mixlaw .+)$", path.read_text(), flags=re.MULTILINE)
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)},
    )
    assert built.returncode == 0, built.stderr[-3000:]
    return folder


def test_every_law_and_every_rule_has_its_page(site: Path) -> None:
    for name in plugins.available("laws"):
        page = (site / "laws" / f"{name}.html").read_text()
        assert f"mixlaw fit --law {name}" in page
        assert (site / "laws" / f"{name}.svg").is_file() or name == "constant"
    for name in rule_names():
        assert f"--rule {name}" in (site / "rules" / f"{name}.html").read_text()


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    loaded = r"<(?:script|img|link rel=\"stylesheet\")[^>]+(?:src|href)=\"(https?:[^\"]+)\""
    for page in site.rglob("*.html"):
        assert re.findall(loaded, page.read_text()) == [], page


def test_the_pages_show_commands() -> None:
    assert len(SHOWN) > 30


@pytest.mark.parametrize(("page", "command"), SHOWN, ids=lambda text: text)
def test_a_command_on_a_page_exists_with_its_options(page: str, command: str) -> None:
    """Parsed as the command line parses it, with every option known, and not run."""
    _, name, *arguments = shlex.split(command)
    group = typer.main.get_command(build_app())
    context = group.make_context("mixlaw", [name, *arguments], resilient_parsing=True)
    assert name in group.commands, page
    known = {
        flag for parameter in group.commands[name].get_params(context) for flag in parameter.opts
    }
    assert {word for word in arguments if word.startswith("--")} <= known
