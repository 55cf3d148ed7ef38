"""The page is one file that says what the recommendation says."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from report_page import Page
from typer.testing import CliRunner

from mixlaw.cli import build_app
from mixlaw.errors import DataError
from mixlaw.recommend.options import Options
from mixlaw.recommend.rules.crossing import critical_ratios
from mixlaw.recommend.target import question_of
from mixlaw.report.page.build import write_page
from mixlaw.report.page.what_if import WhatIf


def embedded(page: Page, name: str) -> dict:
    text = page.path.read_text(encoding="utf-8")
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', text, re.S)
    return json.loads(found[1])


def test_the_page_is_one_small_file_that_needs_no_network(simulated_page: Page) -> None:
    text = simulated_page.path.read_text(encoding="utf-8")
    assert len(text.encode()) < 3e6

    class Sources(HTMLParser):
        found: ClassVar[list[str]] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.found += [v or "" for k, v in attrs if k in {"src", "href", "srcset", "action"}]

    parser = Sources()
    parser.feed(text)
    assert parser.found
    assert all(source.startswith("data:") for source in parser.found)
    assert "url(" not in text.split("</style>")[0]
    assert "fetch(" not in text


@pytest.mark.parametrize("which", ["simulated_page", "measured_page"])
def test_the_embedded_document_is_that_of_the_recommend_command(
    which: str, request: pytest.FixtureRequest
) -> None:
    page: Page = request.getfixturevalue(which)
    asked = embedded(page, "what-if-data")["asked"]
    arguments = [
        "recommend", "--fit", str(page.path.parent / "fit"), "--json",
        "--model-size", f"{asked['n_params']:.0f}", "--tokens", f"{asked['tokens']:.0f}",
        "--max-general-rise", repr(asked["bound"]), "--risk", str(asked["risk"]),
        "--reference", asked["reference"],
    ]  # fmt: skip
    result = CliRunner().invoke(build_app(), arguments)
    assert result.exit_code == 0, result.output
    assert embedded(page, "recommendation") == json.loads(result.stdout)


def test_the_command_asks_what_was_asked_last(simulated_page: Page, tmp_path: Path) -> None:
    """After the test above, which left its recommendation beside the fit."""
    folder = simulated_page.path.parent / "fit"
    asked = ["--model-size", "600M", "--tokens", "6B", "--max-general-rise", "0.04"]
    runner = CliRunner()
    assert runner.invoke(build_app(), ["recommend", "--fit", str(folder), *asked]).exit_code == 0
    out = tmp_path / "page.html"
    result = runner.invoke(build_app(), ["report", str(folder), "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["page"] == str(out)
    assert document["recommendation"]["target"] == {"n_params": 6e8, "tokens": 6e9}
    assert "600M parameters" in out.read_text(encoding="utf-8")


def test_a_table_that_is_gone_is_asked_for_and_nothing_is_written(
    simulated_page: Page, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="give it with --runs"):
        write_page(simulated_page.path.parent / "fit", tmp_path / "a.html", tmp_path / "gone.csv")
    assert not list(tmp_path.iterdir())


def test_what_people_named_cannot_break_the_page(simulated_page: Page) -> None:
    text = simulated_page.path.read_text(encoding="utf-8")
    body, *scripts = re.split(r"<script[^>]*>", text)
    assert len(scripts) == 3
    assert all(script.count("</script>") == 1 for script in scripts)
    assert "{{" not in body


def test_stops_are_measured_values_and_the_target(simulated_page: Page) -> None:
    fit = simulated_page.fit
    options = Options(n_params=1e9, tokens=1e10, max_general_rise=0.03)
    what_if = WhatIf.of(question_of(fit, options), options)
    for stops, name in ((what_if.sizes, "n_params"), (what_if.tokens, "tokens")):
        assert set(fit.levels[name]) <= set(stops)
        assert list(stops) == sorted(stops)
        assert max(stops) == pytest.approx(10 * fit.ranges[name][1])
    assert 1e9 in what_if.sizes
    assert 1e10 in what_if.tokens


def test_a_target_out_of_reach_is_a_stop_without_an_answer(simulated_page: Page) -> None:
    options = Options(n_params=1e29, tokens=1e10, max_general_rise=0.03)
    what_if = WhatIf.of(question_of(simulated_page.fit, options), options)
    assert what_if.sizes[-1] == 1e29
    assert all("beyond the sweep" in why for why in what_if.why[-1])
    assert not any(what_if.why[0])


def test_the_curves_of_the_interval_are_the_quantiles_of_the_draws(measured_page: Page) -> None:
    fit = measured_page.fit
    options = Options(n_params=401296, tokens=524288, max_general_rise=0.05)
    question = question_of(fit, options)
    what_if = WhatIf.of(question, options)
    place = what_if.sizes.index(401296), what_if.tokens.index(524288)
    low = what_if.rise[0][place][3]
    draws = critical_ratios(question.ratios, question.rise(question.ratios).draws - 0.05)
    kept = what_if.ratios[np.flatnonzero(low <= 0.05)[-1]]
    below = np.sort(draws)[int(0.05 * (len(draws) - 1))]
    assert kept == pytest.approx(below, abs=0.02)
