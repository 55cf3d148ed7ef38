"""The shipped conformance checks over every recipe that is installed."""

from pathlib import Path

import pytest

from mixlaw import plugins
from mixlaw.errors import ConfigError
from mixlaw.recipes import cpt
from mixlaw.testing import ConformanceError, check_recipe
from mixlaw.testing.recipe import CHECKS, untrained_run


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", plugins.available("recipes"))
def test_recipe(check, name: str, tmp_path: Path):
    check(untrained_run(name, tmp_path))


def does_nothing(folder, spec, corpora, watch):
    folder.finish(status="done", epochs={})
    yield from ()


def test_a_recipe_that_breaks_a_promise_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cpt, "train_run", does_nothing)
    with pytest.raises(ConformanceError, match="Annealed losses are"):
        check_recipe("cpt", tmp_path)


def test_a_recipe_that_is_not_installed_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="Available: cpt"):
        check_recipe("nothing-of-this-name", tmp_path)
