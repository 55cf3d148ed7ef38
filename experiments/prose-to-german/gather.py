"""German text for the second pair: the translated manual pages of Debian 12.

``python gather.py`` downloads the two packages with ``apt-get download`` (no root needed), takes
the prose out of their roff sources and writes ``german.jsonl``, one manual page a line. The text is
other people's (licences in the packages), so it is not committed: ``EXPECTED`` says whether yours
is the same.
"""

import gzip
import hashlib
import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("manpages-de=4.18.1-1", "manpages-de-dev=4.18.1-1")
EXPECTED = "260541d65d2f018a8172fbac493bceffbe6d55f4a5543139666f3c4b92f29e61"
#: Shorter pages (characters) only point to others.
SHORTEST = 500

_FONT_MACRO = re.compile(r"^\.(?:B|I|BR|RB|BI|IB|IR|RI|SM|SB|SS|SH) +(.*)$")
_ESCAPES = (
    (re.compile(r"\\f(?:\[\w*\]|\(\w\w|\w)|\\[,/&|^%:]|\\s[-+]?\d"), ""),
    (re.compile(r"\\\(aq|\\\[aq\]"), "'"),
    (re.compile(r"\\\((?:lq|rq|dq)"), '"'),
    (re.compile(r"\\\((?:bu|em|en)"), "-"),
    (re.compile(r"\\(?:\*\(|\()\w\w|\\\[\w+\]"), ""),
    (re.compile(r"\\([-.~' ])"), r"\1"),
    (re.compile(r"\\e"), r"\\"),
)


def plain_text(roff: str) -> str:
    """The words of a manual page: paragraphs of running text, without layout and examples."""
    paragraphs, lines, is_example = [], list[str](), False
    for line in roff.splitlines():
        if line.startswith((".nf", ".EX", ".TS")):
            is_example = True
        elif line.startswith((".fi", ".EE", ".TE")):
            is_example = False
        elif is_example:
            continue
        elif font := _FONT_MACRO.match(line):
            lines.append(font[1].replace('"', ""))
        elif line.startswith((".", "'")):
            paragraphs.append(" ".join(lines))
            lines = []
        else:
            lines.append(line)
    text = "\n\n".join(p for p in [*paragraphs, " ".join(lines)] if p.strip())
    for pattern, replacement in _ESCAPES:
        text = pattern.sub(replacement, text)
    return re.sub(r"[ \t]+", " ", text).strip() + "\n"


def pages(root: Path) -> Iterator[tuple[str, str]]:
    """Name and text of the manual pages; not of links, nor of mdoc, whose words are macros."""
    for path in sorted(root.rglob("*.gz")):
        if "/man/de/" in path.as_posix() and not path.is_symlink():
            roff = gzip.decompress(path.read_bytes()).decode("utf-8")
            text = plain_text(roff)
            if "\n.Dd" not in roff and len(text) >= SHORTEST:
                yield path.stem, text


def main() -> None:
    """Download, unpack, write, and say whether it is the text of the committed runs."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["apt-get", "download", "-q", *PACKAGES], cwd=folder, check=True)
        for package in Path(folder).glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", package, f"{folder}/root"], check=True)
        found = [{"text": text, "origin": name} for name, text in pages(Path(folder, "root"))]
    lines = "".join(json.dumps(page, ensure_ascii=False) + "\n" for page in found)
    Path(__file__).with_name("german.jsonl").write_text(lines, encoding="utf-8")
    if hashlib.sha256(lines.encode()).hexdigest() != EXPECTED:
        raise SystemExit("german.jsonl is not the text that runs.csv was trained on.")


if __name__ == "__main__":
    main()
