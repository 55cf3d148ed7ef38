"""In a real browser: the sliders say what `mixlaw recommend` says, and everybody can read it."""

import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
from report_page import Page

from mixlaw.recommend.answer import decide
from mixlaw.recommend.options import Options
from mixlaw.recommend.target import question_of

#: Questions put to each of the two fits.
N_QUESTIONS = 30
#: The largest difference of a share allowed between a slider's answer and the command's.
TOLERANCE = 0.005
SLIDERS = ("n_params", "tokens", "bound", "risk")


@pytest.fixture
def opened(browser: Any):
    """Opens a page, and at the end finds no message in its console and no request made."""
    messages: list[str] = []
    requests: list[str] = []

    def open_page(page: Page, width: int = 1200) -> Any:
        tab = browser.new_page(viewport={"width": width, "height": 900})
        tab.on("console", lambda message: messages.append(message.text))
        tab.on("pageerror", lambda error: messages.append(str(error)))
        tab.on("request", lambda request: requests.append(request.url))
        tab.goto(page.path.as_uri())
        return tab

    yield open_page
    assert messages == []
    assert all(url.startswith(("file:", "data:")) for url in requests)


def move(tab: Any, slider: str, stop: int) -> None:
    tab.eval_on_selector(
        f"#slider-{slider}",
        "(input, stop) => { input.value = stop; input.dispatchEvent(new Event('input')); }",
        stop,
    )


def read(tab: Any, name: str) -> str:
    return tab.get_attribute(f"#answer-{name}", "data-value")


def number(text: str) -> float | None:
    return None if text == "none" else float(text)


def ask_at_random(tab: Any, rng: random.Random) -> Options:
    """Move every slider somewhere, and read off the page what is then asked."""
    for slider in SLIDERS:
        move(tab, slider, rng.randint(0, int(tab.get_attribute(f"#slider-{slider}", "max"))))
    reference = rng.choice(["base", "control"])
    tab.check(f"#reference-{reference}")
    size, tokens, bound, risk = (
        float(tab.get_attribute(f"#value-{slider}", "data-value")) for slider in SLIDERS
    )
    return Options(
        n_params=size, tokens=tokens, max_general_rise=bound, risk=risk, reference=reference
    )


@pytest.mark.parametrize("which", ["simulated_page", "measured_page"])
def test_sliders_say_what_recommend_says(
    which: str, request: pytest.FixtureRequest, opened: Any
) -> None:
    page: Page = request.getfixturevalue(which)
    tab, rng = opened(page), random.Random(5)
    answered = 0
    for _ in range(N_QUESTIONS):
        options = ask_at_random(tab, rng)
        verdict = decide(question_of(page.fit, options), options)
        said = {name: number(read(tab, name)) for name in ("recommended", "critical")}
        assert (
            read(tab, "verdict") == {True: "true", False: "false", None: "null"}[verdict.feasible]
        ), options
        assert said["recommended"] == pytest.approx(verdict.recommended, abs=TOLERANCE), options
        assert said["critical"] == pytest.approx(verdict.estimate, abs=TOLERANCE), options
        ends = [float(end) for end in read(tab, "interval").split()]
        assert ends == pytest.approx(verdict.interval(), abs=TOLERANCE), options
        answered += verdict.recommended is not None
    assert answered > N_QUESTIONS / 3  # the questions are no empty ones


@pytest.mark.parametrize("which", ["simulated_page", "measured_page"])
def test_as_asked_the_page_says_its_own_recommendation(
    which: str, request: pytest.FixtureRequest, opened: Any
) -> None:
    page: Page = request.getfixturevalue(which)
    tab = opened(page)
    for slider in SLIDERS:
        move(tab, slider, 0)
    assert number(read(tab, "recommended")) != pytest.approx(page.answer.recommended, abs=0.01)
    tab.click("#as-asked")
    assert number(read(tab, "recommended")) == pytest.approx(page.answer.recommended, abs=0.002)
    assert number(read(tab, "rise")) == pytest.approx(
        page.answer.general_rise["estimate"], abs=0.001
    )
    assert number(read(tab, "domain")) == pytest.approx(
        page.answer.losses["domain"]["estimate"], abs=0.005
    )


def test_the_keyboard_moves_a_slider_and_the_picture_with_it(
    simulated_page: Page, opened: Any
) -> None:
    tab = opened(simulated_page)
    curve = tab.get_attribute("#decision-figure .curve", "points")
    mark = tab.get_attribute("#decision-figure .recommended", "x1")
    tab.focus("#slider-tokens")
    tab.keyboard.press("ArrowLeft")
    assert tab.get_attribute("#decision-figure .curve", "points") != curve
    tab.focus("#slider-bound")
    for _ in range(4):
        tab.keyboard.press("ArrowRight")
    assert float(tab.get_attribute("#decision-figure .recommended", "x1")) > float(mark)
    text = tab.get_attribute("#slider-bound", "aria-valuetext")
    assert text.endswith("nats")


@pytest.mark.parametrize("width", [1200, 390])
@pytest.mark.parametrize("which", ["simulated_page", "measured_page"])
def test_no_accessibility_violation_and_no_sideways_scrolling(
    which: str, width: int, request: pytest.FixtureRequest, opened: Any
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    tab = opened(request.getfixturevalue(which), width)
    tab.eval_on_selector_all("details", "every => every.forEach((one) => { one.open = true; })")
    found = Axe().run(tab).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("which", ["simulated_page", "measured_page"])
def test_it_prints_on_two_pages(
    which: str, request: pytest.FixtureRequest, chromium: str, tmp_path: Path
) -> None:
    page: Page = request.getfixturevalue(which)
    pdf = tmp_path / "page.pdf"
    command = [
        chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
        f"--user-data-dir={tmp_path / 'profile'}", f"--print-to-pdf={pdf}", page.path.as_uri(),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    described = subprocess.run(["pdfinfo", str(pdf)], check=True, capture_output=True, text=True)
    lines = dict(line.split(":", 1) for line in described.stdout.splitlines())
    assert int(lines["Pages"]) <= 2
    assert "A4" in lines["Page size"]


def test_without_scripts_the_picture_is_there(simulated_page: Page, browser: Any) -> None:
    tab = browser.new_context(java_script_enabled=False).new_page()
    tab.goto(simulated_page.path.as_uri())
    assert tab.locator("noscript img").count() == 1
    assert not tab.locator(".what-if").is_visible()
