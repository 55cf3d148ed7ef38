"""The glossary has every code that a screen can print, and the command prints it."""

import json
import re
from pathlib import Path

import pytest

import mixlaw
from mixlaw.cli import main
from mixlaw.cli.glossary import PATH, entries
from mixlaw.recommend.context import extrapolation
from mixlaw.result import types

PACKAGE = Path(mixlaw.__file__).parent
PREDICTIONS = json.loads((PACKAGE / "result" / "predictions.schema.json").read_text())
#: How a status or a finding is made, up to its code; ``several`` makes findings of one form.
MADE = re.compile(r"\b(?:Status|finding|several)\(\s*(?:\"[a-z_]+\",\s*)?\"([a-z]+[-.][a-z-]+)\"")
#: Codes of the flags of predicted rows.
ROW_CODES = PREDICTIONS["$defs"]["flag"]["properties"]["code"]["enum"]
TERMS = (
    "next-smaller-size", "critical ratio", "recommended", "turning point", "regret", "held out",
    "nearest budget", "trunk", "branch", "annealed", "control", "base loss", "rise", "drift",
    "discrepancy", "stack weights", "risk", "tolerance",
)  # fmt: skip


def codes() -> set[str]:
    """Codes of all statuses and findings in the source."""
    rooms = ("fit", "result", "recommend", "doctor")
    files = [path for room in rooms for path in (PACKAGE / room).rglob("*.py")]
    written = {code for path in files for code in MADE.findall(path.read_text())}
    named = {
        types.EXPLAINS_NOTHING, types.HELD_OUT_FAILED, types.DOCTOR_ERROR, types.MEANINGLESS,
    }  # fmt: skip
    distances = {f"extrapolation.{name}" for name in extrapolation._NAMES}
    return written | named | distances | set(ROW_CODES)


def test_the_codes_are_read_from_the_source():
    assert {"at-bound", "shape-violated", "bits-as-nats", "extrapolation.share"} <= codes()
    assert len(codes()) > 40


@pytest.mark.parametrize("code", sorted(codes()))
def test_every_code_has_an_entry(code: str):
    assert code in entries()


@pytest.mark.parametrize("term", TERMS)
def test_every_word_of_the_screens_has_an_entry(term: str):
    assert term in entries()


def test_entries_are_short_and_alphabetical():
    every = entries()
    assert list(every) == sorted(every)
    assert len(every) == len(re.findall(r"^###", PATH.read_text(), re.MULTILINE))
    for name, text in every.items():
        assert 0 < len(text) < 350, name


def test_the_documentation_leads_to_it():
    assert (PACKAGE.parent / "docs" / "glossary.md").resolve() == PATH


def test_one_entry_and_all(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as leave:
        main(["glossary", "Critical ratio"])
    assert leave.value.code == 0
    assert "largest domain share that keeps" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["glossary"])
    assert capsys.readouterr().out.count("\n\n") == len(entries()) - 1


def test_an_unknown_term_names_the_nearest(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as leave:
        main(["glossary", "critcal ratio"])
    assert leave.value.code == 2
    assert "Did you mean 'critical ratio'?" in capsys.readouterr().err
