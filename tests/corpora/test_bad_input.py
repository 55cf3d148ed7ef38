"""Sources that cannot be used: one sentence, and nothing written."""

import errno
import json
import os

import pytest

from mixlaw.corpora.plan import CorporaPlan
from mixlaw.corpora.prepare import prepare_corpora
from mixlaw.corpora.tokens import TokenWriter
from mixlaw.errors import ConfigError, DataError, RunError
from mixlaw.experiment import CorpusSource, TokenizerSource

JUNK = bytes(range(256)) * 100
LATIN = ("der Fluß " * 500).encode("latin-1")
PROSE = b"A sentence that says something.\n"

#: What the file is called, what it holds, which field is asked for, and what the message says.
CASES = [
    ("missing.txt", None, "text", "no corpus at"),
    ("empty.txt", b"", "text", "no text to train a tokenizer on"),
    ("blank.txt", b"\n \n" * 999, "text", "no text to train a tokenizer on"),
    ("junk.txt", JUNK, "text", "binary file"),
    ("zeros.txt", bytes(5000), "text", "binary file"),
    ("latin.txt", LATIN, "text", r"not valid UTF-8 \(byte 0xdf in line 1\)"),
    ("later.txt", PROSE * 900 + LATIN, "text", r"not valid UTF-8 \(byte 0xdf in line 901\)"),
    ("other.jsonl", b'{"content": "x", "id": 1}\n', "text", "no field 'text'; .* content, id"),
    ("field.jsonl", b'{"text": "x"}\n', "body", "no field 'body'; the fields are: text"),
    ("number.jsonl", b'{"text": 5}\n', "text", "field 'text' is int, not text"),
    ("list.jsonl", b"[1, 2]\n", "text", "expected an object"),
    ("cut.jsonl", b'{"text": "x"\n', "text", "line 1 is not JSON"),
    ("bytes.jsonl", b'{"text": "\xff"}\n', "text", "not valid UTF-8"),
    ("short.txt", PROSE, "text", "too small|no text to train"),
]


def prepare(source, cache, n_tokens=3000):
    return prepare_corpora(
        {"domain": source},
        cache=cache,
        seq_len=16,
        train_tokens={"domain": n_tokens},
        held_out_tokens={"domain": 320},
        tokenizer=TokenizerSource(vocab_size=300),
    )


@pytest.mark.parametrize(
    ("name", "content", "field", "message"), CASES, ids=[case[0] for case in CASES]
)
def test_one_sentence_and_nothing_written(tmp_path, name, content, field, message):
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        prepare(CorpusSource(path=str(file), field=field), tmp_path / "cache")
    assert "\n" not in str(caught.value)
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path != file] == []


def test_a_folder_without_text(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0")
    with pytest.raises(DataError, match="holds no text: none of its 1 files"):
        prepare(CorpusSource(path=str(tmp_path / "images")), tmp_path / "cache")


def test_absurd_sizes(tmp_path):
    (tmp_path / "a.txt").write_bytes(PROSE)
    with pytest.raises(ConfigError, match="cannot be prepared; ask for 0 to 1e"):
        prepare(CorpusSource(path=str(tmp_path / "a.txt")), tmp_path / "cache", n_tokens=10**20)


def test_a_full_disk_is_a_sentence_and_is_continued(tmp_path, monkeypatch):
    file = tmp_path / "a.jsonl"
    lines = [json.dumps({"text": f"Sentence {i} of the day, {i * i}."}) for i in range(900)]
    file.write_text("\n".join(lines))
    source = CorpusSource(path=str(file))

    def full(self, tokens):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(TokenWriter, "append", full)
        with pytest.raises(RunError, match="cannot be prepared in .*No space left on device"):
            prepare(source, tmp_path / "cache")
    assert not (tmp_path / "cache" / "corpora.json").exists()
    assert prepare(source, tmp_path / "cache").train["domain"].n_tokens == 3009


def test_names_that_are_no_folder_names(tmp_path):
    source = CorpusSource(path=str(tmp_path))
    with pytest.raises(ConfigError, match=r"'\.\./a' cannot name a corpus"):
        CorporaPlan({"../a": source}, 16, {}, {}, TokenizerSource())
