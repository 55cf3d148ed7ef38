"""The built-in pair: English prose and Python code that every installation already has on disk.

*general* is prose from documentation: docstring paragraphs that read like English, Python's own
topic pages, and the README and metadata files of the same packages. *domain* is the code of
the standard library and the scientific packages without its docstrings, comments and tests, so
that the two share no text. Both are technical and templated: enough to see a mixture work, no
substitute for one's own corpora. What is installed decides what is in them, so the cache is keyed
by versions and every token file by its content.
"""

import ast
import hashlib
import io
import json
import re
import sys
import sysconfig
import tokenize
from collections.abc import Iterable, Iterator
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any

from mixlaw.corpora.documents import Document
from mixlaw.files import write_atomic

#: Change it whenever the text that is gathered changes.
VERSION = 2
#: Text to gather, in bytes: about 2 and 2.4 million tokens at 2.5 bytes each.
BUDGET = {"general": 6_000_000, "domain": 6_000_000}

#: Code files outside these lengths are left out: stubs, and tables that would crowd out the rest.
SHORTEST, LONGEST = 200, 60_000

#: Packages whose docstrings are the prose, ordered by prose per second of reading, then by how
#: little their sentences repeat; and packages whose code is the domain.
PROSE_PACKAGES = ("numpy", "scipy", "networkx", "pandas", "matplotlib", "sympy")
CODE_PACKAGES = ("numpy", "scipy", "pandas", "matplotlib")
#: All of them: their versions are part of the identity of the built-in corpora.
_PACKAGES = sorted({*PROSE_PACKAGES, *CODE_PACKAGES})

#: Paths that are left out: tests, copies of other packages, tables.
_NOT_LIBRARY_CODE = re.compile(r"test|idlelib|lib2to3|site-packages|encodings|__pycache__|_vendor")
#: A docstring, what parts its paragraphs, and what shows that a paragraph is no prose.
_DOCSTRING = re.compile(r'^[ \t]*[rRuU]?("""|\'\'\')(.*?)\1', re.MULTILINE | re.DOTALL)
_BLANK_LINES = re.compile(r"\n\s*\n")
_MARKUP = re.compile(r">>>|::|---|===|~~~|\|| : |^[-*.#:@]|`{2}.*`{2}.*`{2}")
#: The commonest English words: prose has one in five (see ``is_english``).
_STOP_WORDS = re.compile(
    r"\b(the|of|and|to|a|in|is|that|for|it|as|with|be|by|this|are|or|not|an|on|from|if|which|can|at"
    r"|when|will|has)\b",
    re.IGNORECASE,
)


def gather(name: str, cache: Path) -> Path:
    """The JSONL file of one built-in corpus, written on the first call.

    Args:
        name: ``general`` or ``domain``.
        cache: folder to keep it in.
    """
    path = cache / file_name(name)
    if not path.exists():
        for left in cache.glob(f".{path.name}.*.tmp"):
            left.unlink()  # of a killed process
        documents = _general() if name == "general" else _domain()
        write_atomic(path, _jsonl(documents, BUDGET[name]))
    return path


def file_name(name: str) -> str:
    """Name of the file of a built-in corpus; says which installed packages it is from."""
    return f"builtin-{name}-{_environment()}.jsonl"


def strip_comments(source: str) -> str:
    """Python source without comments and docstrings; the rest keeps its layout.

    Raises:
        SyntaxError, tokenize.TokenError: the source is not Python of this version.
    """
    lines = source.splitlines(keepends=True)
    for text, alone in _docstrings(ast.parse(source)):
        first, last = text.lineno - 1, text.end_lineno or text.lineno
        before = lines[first][: text.col_offset]
        lines[first] = before + "pass\n" if alone or before.strip() else ""
        lines[first + 1 : last] = [""] * (last - first - 1)
    code = "".join(lines)
    lines = code.splitlines(keepends=True)
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip() + "\n"
    return re.sub(r"\n{3,}", "\n\n\n", "".join(lines)).strip() + "\n"


def is_english(paragraph: str) -> bool:
    """Whether a paragraph is a sentence or more of prose, not a signature, table or code."""
    words = paragraph.split()
    if len(words) < 8 or _MARKUP.search(paragraph) or paragraph[-1] not in ".:!?)":
        return False
    letters = sum(map(str.isalpha, paragraph)) + len(words)
    stop_words = len(_STOP_WORDS.findall(paragraph))
    return letters >= 0.88 * len(paragraph) and stop_words >= 0.2 * len(words)


def _general() -> Iterator[Document]:
    """One document a file: its English paragraphs, each kept where it occurs first."""
    earlier: set[str] = set()
    for origin, texts in _documentation():
        paragraphs = []
        for text in texts:
            for block in _BLANK_LINES.split(text):
                paragraph = " ".join(block.split())
                if paragraph not in earlier and is_english(paragraph):
                    earlier.add(paragraph)
                    paragraphs.append(paragraph)
        if paragraphs:
            yield Document("\n\n".join(paragraphs) + "\n", origin)


def _documentation() -> Iterator[tuple[str, Iterable[str]]]:
    from pydoc_data.topics import topics

    for topic, text in sorted(topics.items()):
        yield f"pydoc:{topic}", [text]
    for name, file in _package_texts():
        yield name, [file.read_text(encoding="utf-8", errors="ignore")]
    for name, file in _sources(("stdlib", *PROSE_PACKAGES)):
        source = file.read_text(encoding="utf-8", errors="ignore")
        yield name, (match[2] for match in _DOCSTRING.finditer(source))


def _domain() -> Iterator[Document]:
    for name, file in _sources(("stdlib", *CODE_PACKAGES)):
        source = file.read_text(encoding="utf-8", errors="ignore")
        try:
            code = strip_comments(source)
        except (SyntaxError, tokenize.TokenError):
            continue  # templates and files of other Python versions are not in the corpus
        if SHORTEST <= len(code) <= LONGEST:
            yield Document(code, name)


def _sources(packages: Iterable[str]) -> Iterator[tuple[str, Path]]:
    """Python files of the packages in an order that stays fair wherever it is cut."""
    files = []
    for package in packages:
        root = _root(package)
        for file in root.rglob("*.py"):
            name = f"{package}/{file.relative_to(root).as_posix()}"
            if not _NOT_LIBRARY_CODE.search(name):
                files.append((name, file))
    return iter(sorted(files, key=lambda item: hashlib.sha256(item[0].encode()).digest()))


def _root(package: str) -> Path:
    paths = sysconfig.get_paths()
    return Path(paths["stdlib"]) if package == "stdlib" else Path(paths["purelib"]) / package


def _package_texts() -> Iterator[tuple[str, Path]]:
    """Of the packages whose versions name the cache, and of no other that may come and go."""
    for package in _PACKAGES:
        for file in distribution(package).files or ():
            if file.suffix in {".md", ".rst", ".txt"} or file.name == "METADATA":
                path = Path(str(file.locate()))
                if "license" not in file.as_posix().lower() and path.is_file():
                    yield file.as_posix(), path


def _docstrings(tree: ast.Module) -> Iterator[tuple[ast.stmt, bool]]:
    """Every docstring, and whether it is all there is in its body."""
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, holders) and ast.get_docstring(node, clean=False) is not None:
            yield node.body[0], len(node.body) == 1


def _jsonl(documents: Iterable[Document], budget: int) -> str:
    """Documents up to the budget (in bytes), one JSON object a line."""
    lines: list[str] = []
    earlier: set[int] = set()
    for document in documents:
        if document.key not in earlier:
            earlier.add(document.key)
            lines.append(_line(document))
            budget -= len(document.text.encode())
        if budget <= 0:
            break
    return "".join(lines)


def _line(document: Document) -> str:
    record: dict[str, Any] = {"text": document.text, "origin": document.origin}
    return json.dumps(record, ensure_ascii=False) + "\n"


def _environment() -> str:
    """Hash of everything that decides what is gathered."""
    versions = [f"{package} {version(package)}" for package in _PACKAGES]
    content = f"{VERSION} {sys.version} {BUDGET} {versions}"
    return hashlib.sha256(content.encode()).hexdigest()[:12]
