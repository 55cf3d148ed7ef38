"""A law of somebody else's: of an installed package, or an object that no package brings."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import mixlaw
from mixlaw import laws, plugins
from mixlaw.errors import ConfigError, FitError
from mixlaw.fit.api import fit_laws
from mixlaw.laws import Law
from mixlaw.recommend.api import recommend_ratio
from mixlaw.result.fit_result import FitResult
from mixlaw.testing import check_law

#: As their package would have it: loss falls with the logarithm of size and of tokens, and with a
#: power of the share.
MODULE = '''"""Logarithms: loss falls with log size and log tokens, and with a share.

    L(N, D, r) = E - a log10(N/1e9) - b log10(D/1e9) + C (r + 0.1)^-gamma

E is the loss of 1B parameters and 1B tokens at a large share, a and b what a decade of size and of
tokens is worth, C and gamma scale and exponent of the share of the corpus whose loss is predicted.

Limits: falls below zero far outside of the data.
"""

import numpy as np

from mixlaw.laws import Law, Parameter

def terms(p, x):
    return {
        "E": 1.0,
        "a": -np.log10(x["N"] / 1e9),
        "b": -np.log10(x["D"] / 1e9),
        "C": (x["r"] + 0.1) ** -p["gamma"],
    }

def gradient(p, x):
    return {("C", "gamma"): -np.log(x["r"] + 0.1) * (x["r"] + 0.1) ** -p["gamma"]}

LAW = Law(
    name="their-logs",
    formula="E - a log N - b log D + C (r+0.1)^-gamma",
    source="nobody",
    inputs=("N", "D", "r"),
    parameters=(
        Parameter("E", 0.0, np.inf, "loss at 1B", amplitude="nonneg"),
        Parameter("a", -np.inf, np.inf, "worth of a decade of size", amplitude="free"),
        Parameter("b", -np.inf, np.inf, "worth of a decade of tokens", amplitude="free"),
        Parameter("C", 0.0, np.inf, "scale of the share", amplitude="nonneg"),
        Parameter("gamma", 0.1, 2.0, "exponent of the share"),
    ),
    terms=terms,
    gradient=gradient,
    needs_positive=("N", "D"),
    minimum="3 sizes, 3 ratios, 3 budgets",
)
NOT_A_MODULE = LAW
'''
PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "their-laws"
version = "1.0"
[project.entry-points."mixlaw.laws"]
their-logs = "their_laws.logs"
their-object = "their_laws.logs:NOT_A_MODULE"
their-other = "their_laws.other"
their-broken = "their_laws.broken"
[tool.setuptools]
packages = ["their_laws"]
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed a package with laws."""
    source = tmp_path_factory.mktemp("source")
    (source / "pyproject.toml").write_text(PROJECT)
    package = source / "their_laws"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "logs.py").write_text(MODULE)
    (package / "other.py").write_text("from their_laws.logs import LAW\n")
    (package / "broken.py").write_text("import nothing_of_this_name\n")
    target = tmp_path_factory.mktemp("installed")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", "-q", *options, "--target", target, source]
    result = subprocess.run(command, capture_output=True, text=True, env=_environment())
    assert result.returncode == 0, result.stderr
    return target


def _environment(*paths: Path) -> dict[str, str]:
    here = Path(mixlaw.__file__).parents[1]
    return {**os.environ, "PYTHONPATH": ":".join(map(str, (*paths, here)))}


def command(folder: Path, *arguments: str, paths: tuple[Path, ...] = ()):
    return subprocess.run(
        [sys.executable, "-m", "mixlaw", *arguments],
        cwd=folder, capture_output=True, text=True, env=_environment(*paths),
    )  # fmt: skip


def our_law(name: str = "our-logs") -> Law:
    """The law of the package, as somebody would write it in a notebook."""
    module: dict[str, Law] = {}
    exec(MODULE, module)
    return replace(module["LAW"], name=name)


TRUE = {
    "domain": {"E": 1.9, "a": 0.10, "b": 0.08, "C": 0.20, "gamma": 0.6},
    "general": {"E": 2.3, "a": 0.12, "b": 0.03, "C": 0.10, "gamma": 0.5},
}


@pytest.fixture
def table() -> pd.DataFrame:
    """Losses of the law with known parameters, and of bases above them."""
    law, rng = our_law(), np.random.default_rng(0)
    rows = []
    for n, R in ((n, R) for n in (1e8, 3e8, 9e8) for R in (0.1, 0.3, 0.5, 0.7, 0.9)):
        for tokens in (1e9, 3e9, 9e9):
            for name, params in TRUE.items():
                r = R if name == "domain" else 1 - R
                x = {"N": np.array([n]), "D": np.array([tokens]), "r": np.array([r])}
                loss = law.predict(params, x)[0] * np.exp(0.0005 * rng.standard_normal())
                rows.append((f"{n:g}-{R}", n, tokens, R, name, loss))
        for name in TRUE:
            rows.append((f"base-{n:g}", n, 0.0, np.nan, name, 2.4 - 0.12 * np.log10(n / 1e9)))
    columns = ["run_id", "n_params", "tokens", "domain_ratio", "eval_set", "loss"]
    return pd.DataFrame(rows, columns=columns).drop_duplicates()


def test_the_law_conforms():
    check_law(our_law(), MODULE)


def test_an_installed_law_is_listed_described_and_fitted(installed, table, tmp_path):
    table.to_csv(tmp_path / "runs.csv", index=False)
    listed = command(tmp_path, "laws", "their-logs", "--json", paths=(installed,))
    assert listed.returncode == 0, listed.stderr
    assert json.loads(listed.stdout)["name"] == "their-logs"
    page = command(tmp_path, "laws", "their-logs", paths=(installed,)).stdout
    assert "falls below zero far outside" in page
    fitted = command(tmp_path, "fit", "runs.csv", "--law", "their-logs", "--draws", "40",
                     paths=(installed,))  # fmt: skip
    assert fitted.returncode == 0, fitted.stderr
    fit = json.loads((tmp_path / "fits/runs/fit.json").read_text())
    [member] = fit["members"]["general"]
    assert member["law"] == "their-logs"
    assert member["parameters"] == pytest.approx(TRUE["general"], rel=0.1)
    answer = command(tmp_path, "recommend", "--model-size", "2B", "--tokens", "5B", "--json",
                     paths=(installed,))  # fmt: skip
    assert json.loads(answer.stdout)["law"] == "their-logs"
    without = command(tmp_path, "recommend", "--model-size", "2B")
    assert without.returncode == 2
    assert "of the law 'their-logs', which is not installed here; install" in without.stderr
    assert len(without.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("their-object", "'their_laws.logs:NOT_A_MODULE' must name a module, such as 'their_laws"),
        ("their-other", "declares a law named 'their-logs'"),
        ("their-broken", "cannot be imported (No module named 'nothing_of_this_name')"),
    ],
)
def test_an_entry_point_that_cannot_be_used_is_one_sentence(name, complaint, installed, tmp_path):
    result = command(tmp_path, "laws", name, paths=(installed,))
    assert result.returncode == 2
    assert complaint in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Laws that a test provides are not known to the next one."""
    monkeypatch.setattr(laws, "_provided", {})


def test_a_law_object_is_fitted_recommended_saved_and_loaded(table, tmp_path):
    fit = fit_laws(table, our_law(), n_draws=40)
    assert fit.law == "our-logs"
    answer = recommend_ratio(fit, n_params=2e9, tokens=5e9)
    assert answer.law == "our-logs"
    fit.save(tmp_path)
    again = recommend_ratio(FitResult.load(tmp_path), n_params=2e9, tokens=5e9)
    assert again.interval == answer.interval


def test_a_saved_fit_of_a_law_that_is_not_here_is_refused_until_it_is_provided(table, tmp_path):
    fit_laws(table, our_law(), n_draws=40).save(tmp_path)
    laws._provided.clear()
    with pytest.raises(FitError, match="of the law 'our-logs', which is not installed here"):
        FitResult.load(tmp_path)
    laws.provide(our_law())
    assert FitResult.load(tmp_path).law == "our-logs"


def test_an_installed_law_may_be_given_as_an_object(table):
    assert fit_laws(table, laws.load("exponential"), n_draws=40).law == "exponential"


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("dcpt", "'dcpt' is installed; give yours another name"),
        ("auto", "no name for a law"),
        ("a,b", "no name for a law"),
    ],
)
def test_a_law_object_with_a_name_that_is_taken_or_none_is_refused(name, complaint):
    with pytest.raises(ConfigError, match=complaint):
        laws.provide(our_law(name))


def test_a_plugin_without_a_law_is_one_sentence(monkeypatch):
    monkeypatch.setattr(plugins, "load", lambda kind, name: SimpleNamespace())
    with pytest.raises(ConfigError, match="declares no LAW of type Law"):
        laws.load("their-logs")
