"""The built-in pair: English prose on one side, bare code on the other."""

import ast
import json
import tokenize
from pathlib import Path

import pytest

from mixlaw.corpora import builtin
from mixlaw.corpora.plan import CorporaPlan
from mixlaw.experiment import CorpusSource, TokenizerSource

SMALL = {"general": 300_000, "domain": 300_000}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Texts of a small built-in pair by corpus name."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builtin, "BUDGET", SMALL)
        files = {name: builtin.gather(name, cache) for name in SMALL}
    return {
        name: [json.loads(line)["text"] for line in file.read_text().splitlines()]
        for name, file in files.items()
    }


HOLDERS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def without_docstrings(source):
    tree = ast.parse(source)
    for node in ast.walk(tree):
        holder = isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        )
        if holder and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ('"""About."""\nx = 1  # one\n', "x = 1\n"),
        ("# only a comment\nx = '# no comment'\n", "x = '# no comment'\n"),
        ('def f():\n    """Nothing."""\n', "def f():\n    pass\n"),
        ('def f(): """Nothing."""\n', "def f(): pass\n"),
        ('class A:\n    """One\n    two."""\n\n    x = 1\n', "class A:\n\n    x = 1\n"),
        ('x = """\n# text\n"""\n', 'x = """\n# text\n"""\n'),
    ],
)
def test_strip_comments(source, code):
    assert builtin.strip_comments(source).replace("\n\n", "\n") == code.replace("\n\n", "\n")


@pytest.mark.parametrize("module", [ast, tokenize, json.decoder, builtin], ids=lambda m: m.__name__)
def test_stripped_code_is_the_same_program(module):
    source = Path(module.__file__).read_text()
    assert without_docstrings(builtin.strip_comments(source)) == without_docstrings(source)


@pytest.mark.parametrize(
    ("paragraph", "expected"),
    [
        ("The file is read to the end and closed, which is what you want.", True),
        ("Return a copy of the array with the axes in the order given by the argument.", True),
        ("x : array_like, optional The points at which the function is evaluated.", False),
        (">>> the code of an example is not a part of the prose that we want to keep.", False),
        ("Parameters ---------- the first is the name and the second is the value.", False),
        ("int float str bytes tuple list dict set frozenset range slice object type.", False),
        ("Too short to be of use.", False),
    ],
)
def test_is_english(paragraph, expected):
    assert builtin.is_english(paragraph) is expected


def test_sizes_are_those_asked_for(pair):
    for name, texts in pair.items():
        assert SMALL[name] <= sum(len(text.encode()) for text in texts) <= 1.3 * SMALL[name]


def test_domain_is_code_without_comments_and_docstrings(pair):
    for text in pair["domain"]:
        tree = ast.parse(text)
        assert not [n for n in ast.walk(tree) if isinstance(n, HOLDERS) and ast.get_docstring(n)]


def test_no_paragraph_occurs_twice_and_none_is_in_the_code(pair):
    paragraphs = [p for text in pair["general"] for p in text.strip().split("\n\n")]
    assert len(paragraphs) == len(set(paragraphs))
    code = {" ".join(block.split()) for text in pair["domain"] for block in text.split("\n\n")}
    assert not code & set(paragraphs)


def test_gathering_again_gives_the_same_text_and_is_cached(tmp_path, monkeypatch):
    monkeypatch.setattr(builtin, "BUDGET", {"general": 50_000, "domain": 50_000})
    one = builtin.gather("general", tmp_path / "one")
    two = builtin.gather("general", tmp_path / "two")
    assert one.read_bytes() == two.read_bytes()
    monkeypatch.setattr(builtin, "_general", None)
    assert builtin.gather("general", tmp_path / "one") == one


def test_both_sides_of_the_split_have_documents(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(builtin, "BUDGET", SMALL)
    pair = {name: CorpusSource(builtin=name) for name in SMALL}
    plan = CorporaPlan(pair, 128, {}, {}, TokenizerSource())
    for name in pair:
        documents = list(plan.documents(name))
        held_out = sum(document.is_held_out for document in documents)
        assert 0 < held_out < len(documents) / 3
