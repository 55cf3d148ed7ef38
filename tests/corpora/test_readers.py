"""Readers: the same documents from every format, and what each says of a bad file."""

import gzip
import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from mixlaw.corpora.plan import CorporaPlan
from mixlaw.corpora.prepare import prepare_corpora
from mixlaw.corpora.readers import Options, list_files, read_documents
from mixlaw.corpora.readers.hub import read_hub
from mixlaw.corpora.tokenizer import load_encoder, train_encoder
from mixlaw.errors import DataError
from mixlaw.experiment import CorpusSource, TokenizerSource

TEXTS = [f"Document {i} — naïve, with\nlines and “quotes”, {i * i}.\n" for i in range(30)]
JSONL = "".join(json.dumps({"id": i, "text": text}) + "\n" for i, text in enumerate(TEXTS)).encode()


def write_parquet(path):
    table = pa.table({"id": range(30), "text": TEXTS})
    parquet.write_table(table, path, row_group_size=7)


def write_zstd(path, content=JSONL):
    path.write_bytes(b"".join(pa.compress(part, "zstd", asbytes=True) for part in halves(content)))


def halves(content):
    middle = len(content) // 2
    return content[:middle], content[middle:]


WRITERS = {
    "a.jsonl": lambda path: path.write_bytes(JSONL),
    "a.jsonl.gz": lambda path: path.write_bytes(b"".join(map(gzip.compress, halves(JSONL)))),
    "a.jsonl.zst": write_zstd,
    "a.parquet": write_parquet,
    "a.parquet.gz": lambda path: (
        write_parquet(path.with_suffix("")),
        path.write_bytes(gzip.compress(path.with_suffix("").read_bytes())),
    ),
}


def texts_of(path, **options):
    return [document.text for document in read_documents(path, Options(**options))]


@pytest.mark.parametrize("name", WRITERS)
def test_the_same_documents_from_every_format(tmp_path, name):
    WRITERS[name](tmp_path / name)
    assert texts_of(tmp_path / name) == TEXTS


def test_compressed_text(tmp_path):
    (tmp_path / "book.md.gz").write_bytes(gzip.compress(TEXTS[3].encode()))
    assert texts_of(tmp_path / "book.md.gz") == [TEXTS[3]]


@pytest.mark.parametrize("in_splits", [False, True])
def test_a_folder_that_datasets_saved(tmp_path, in_splits):
    datasets = pytest.importorskip("datasets")
    table = datasets.Dataset.from_dict({"text": TEXTS})
    other = datasets.Dataset.from_dict({"text": ["not for training"]})
    saved = datasets.DatasetDict({"train": table, "test": other}) if in_splits else table
    saved.save_to_disk(str(tmp_path / "saved"))
    assert texts_of(tmp_path / "saved") == TEXTS


def test_a_saved_data_set_without_train(tmp_path):
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["validation", "test"]}')
    with pytest.raises(DataError, match="no split 'train'; .* validation, test"):
        list_files(tmp_path)


@pytest.mark.parametrize("name", ["dataset_dict.json", "state.json"])
@pytest.mark.parametrize(("content", "message"), [("{", "is not JSON"), ("[]", "no JSON object")])
def test_a_saved_data_set_whose_own_files_are_damaged(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message):
        texts_of(tmp_path)


def test_a_streamed_data_set(tmp_path):
    pytest.importorskip("datasets")
    WRITERS["a.jsonl"](tmp_path / "a.jsonl")
    documents = read_hub(f"hf://{tmp_path}", Options())
    assert [document.text for document in documents] == TEXTS


def test_a_data_set_that_is_not_there(tmp_path):
    pytest.importorskip("datasets")
    with pytest.raises(DataError, match="cannot be read from the hub"):
        list(read_hub(f"hf://{tmp_path}/nothing", Options()))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.parquet", b"PAR1 and nothing else", "not a sound Parquet file"),
        ("a.arrow", b"no arrow", "not a sound Arrow stream"),
        ("a.jsonl.gz", gzip.compress(JSONL)[:-20], "Cannot read .*ended"),
        ("a.jsonl.gz", b"not gzip", "Cannot read .*gzip"),
        ("a.jsonl.zst", b"not zstd at all", "Cannot read .*[zZ][sS][tT][dD]"),
        ("a.npy", b"not npy", "is already tokenised; name the tokenizer"),
        ("a.jsonl", b'{"text": "\\ud800"}\n', "half a character"),
    ],
)
def test_bad_files(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        texts_of(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_wrong_columns_name_those_there_are(tmp_path):
    write_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match="no field 'body'; the fields are: id, text"):
        texts_of(tmp_path / "a.parquet", field="body")
    with pytest.raises(DataError, match="the field 'id' is int64, not text"):
        texts_of(tmp_path / "a.parquet", field="id")


# ---------------------------------------------------------------- text that is already tokenised


@pytest.fixture
def tokenised(tmp_path):
    """A tokenizer's folder, the texts as JSONL, and the same as ids."""
    encoder = train_encoder(TEXTS, 300)
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    encoder.tokenizer.save(str(folder / "tokenizer.json"))
    texts = [text for i in range(20) for text in (f"{i}: {text}" for text in TEXTS)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return folder, np.concatenate(encoder.encode_texts(texts))


def prepare(source, folder, cache):
    return prepare_corpora(
        {"domain": CorpusSource(**source)},
        cache=cache,
        seq_len=16,
        train_tokens={"domain": 10_000},
        held_out_tokens={"domain": 640},
        tokenizer=TokenizerSource(path=str(folder)),
    )


@pytest.mark.parametrize(
    ("name", "dtype"), [("a.npy", "int64"), ("a.bin", "uint16"), ("a.bin", "uint32")]
)
def test_token_ids_train_like_the_text_they_are_of(tmp_path, tokenised, name, dtype):
    folder, ids = tokenised
    if name == "a.npy":
        np.save(tmp_path / name, ids.astype(dtype))
        source = {"path": str(tmp_path / name)}
    else:
        ids.astype(dtype).tofile(tmp_path / name)
        source = {"path": str(tmp_path / name), "dtype": dtype}
    prepared = prepare(source, folder, tmp_path / "cache")
    # Which documents are held out follows from the ids here, from the text there.
    documents = np.split(ids, np.flatnonzero(ids == load_encoder(folder).end_of_text) + 1)
    known = {document.tobytes() for document in documents}
    tokens = prepared.train["domain"].tokens()
    ends = np.flatnonzero(tokens == load_encoder(folder).end_of_text)
    read = np.split(tokens, ends + 1)[:-1]
    assert len(read) > 100
    assert all(document.astype(ids.dtype).tobytes() in known for document in read)
    held_out = prepared.held_out["domain"]
    for window, n_bytes in zip(held_out.windows, held_out.window_bytes, strict=True):
        decoded = load_encoder(folder).tokenizer.decode(window[1:].tolist())
        assert n_bytes == len(decoded.encode())


def test_ids_of_another_tokenizer_are_refused(tmp_path, tokenised):
    folder, ids = tokenised
    np.save(tmp_path / "a.npy", ids.astype(np.uint32) + 5000)
    with pytest.raises(DataError, match="holds ids that the tokenizer, with 300 of them"):
        prepare({"path": str(tmp_path / "a.npy")}, folder, tmp_path / "cache")


def test_arrays_that_are_no_token_ids_are_refused(tmp_path, tokenised):
    folder, _ = tokenised
    np.save(tmp_path / "a.npy", np.zeros((3, 4)))
    with pytest.raises(DataError, match=r"float64 of shape \(3, 4\), not one row of token ids"):
        prepare({"path": str(tmp_path / "a.npy")}, folder, tmp_path / "cache")
    (tmp_path / "a.bin").write_bytes(b"odd")
    with pytest.raises(DataError, match="whole uint16 integers"):
        prepare({"path": str(tmp_path / "a.bin")}, folder, tmp_path / "cache")


def test_token_ids_need_their_tokenizer(tmp_path, tokenised):
    _, ids = tokenised
    np.save(tmp_path / "a.npy", ids)
    plan = CorporaPlan(
        {"domain": CorpusSource(path=str(tmp_path / "a.npy"))}, 16, {}, {}, TokenizerSource()
    )
    with pytest.raises(DataError, match="name the tokenizer"):
        plan.encoder()
