"""Two fits with their pages, and a browser that opens them."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_page import Page
from truths import dcpt_truth, simulate_sweep

from mixlaw.fit.api import fit_laws
from mixlaw.report.page.build import write_page
from mixlaw.result.fit_result import FitResult
from mixlaw.runs.table import write_runs

ROOT = Path(__file__).parents[2]


def _page(folder: Path, runs: Path, question: dict[str, Any], **fit_options: Any) -> Page:
    fit = fit_laws(runs, n_draws=150, **fit_options)
    fit.save(folder / "fit")
    answer = write_page(folder / "fit", folder / "report.html", **question)
    return Page(folder / "report.html", FitResult.load(folder / "fit"), answer)


@pytest.fixture(scope="session")
def simulated_page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """A simulated sweep of models up to 480M, fitted by one law, asked beyond its range."""
    folder = tmp_path_factory.mktemp("simulated")
    write_runs(simulate_sweep(dcpt_truth(), np.random.default_rng(0)), folder / "runs.csv")
    question = {"n_params": 1e9, "tokens": 1e10, "max_general_rise": 0.03}
    return _page(folder, folder / "runs.csv", question, law="dcpt")


@pytest.fixture(scope="session")
def measured_page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The measured runs of a sweep, fitted by default (a stack), asked at what it measured."""
    folder = tmp_path_factory.mktemp("measured")
    question = {"n_params": 401296, "tokens": 524288, "max_general_rise": 0.05, "risk": 0.15}
    return _page(folder, ROOT / "experiments" / "prose-to-code" / "runs.csv", question)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium, installed where it is missing and may be."""
    script = Path(__file__).with_name("chromium.sh")
    found = subprocess.run([str(script)], capture_output=True, text=True)
    if found.returncode == 77:
        pytest.skip(f"no browser to open the page in: {found.stdout.strip()}")
    assert found.returncode == 0, found.stderr
    return found.stdout.strip()


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Any]:
    """A headless browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Without a sandbox it also starts as root, as in a container.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()
