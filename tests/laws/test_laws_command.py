"""``mixlaw laws`` says of every law what a person and a program need."""

import json
import re
from pathlib import Path

import pytest

from mixlaw import laws, plugins
from mixlaw.cli import main


def _run(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        main(["laws", *arguments])
    captured = capsys.readouterr()
    return left.value.code, captured.out, captured.err


def test_lists_every_law_with_formula_data_and_source(capsys):
    code, out, _ = _run(capsys)
    assert code == 0
    for name in plugins.available("laws"):
        law = laws.load(name)
        assert law.formula in out
        assert law.minimum in out
        assert law.source in out


def test_one_law_is_described_by_its_docstring_and_parameters(capsys):
    code, out, err = _run(capsys, "dcpt")
    assert code == 0
    assert plugins.load("laws", "dcpt").__doc__.strip() in out
    assert "C > C0" in out
    assert all(p.meaning in out for p in laws.load("dcpt").parameters)
    # With a table, if the folder has one: a hint runs as it is printed.
    assert re.search(r"next: mixlaw fit (\S+ )?--law dcpt\n", err)


def test_the_page_of_docs_has_every_law_and_its_limits():
    page = (Path(__file__).parents[2] / "docs" / "laws.md").read_text()
    for name in plugins.available("laws"):
        if not name.startswith("dcpt-l"):
            assert re.search(rf"^### (.*, )?{name}(,|$)", page, re.MULTILINE), name
    sections = re.split(r"^### ", page, flags=re.MULTILINE)[1:]
    assert all("**Limits**" in text or text.startswith("constant") for text in sections)


def test_json_is_one_document(capsys):
    code, out, _ = _run(capsys, "--json")
    documents = json.loads(out)
    assert code == 0
    assert [d["name"] for d in documents] == list(plugins.available("laws"))
    code, out, _ = _run(capsys, "hump", "--json")
    assert json.loads(out)["rows"] == "trajectory"


def test_unknown_law_is_one_sentence(capsys):
    code, out, err = _run(capsys, "dcptt")
    assert code == 2
    assert out == ""
    assert "Did you mean 'dcpt'?" in err
