"""The fast way gives the tokens that the tokenizer gives, on any text."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from mixlaw.corpora.documents import Document
from mixlaw.corpora.tokenizer import END_OF_TEXT, TextEncoder, train_encoder

#: Llama 3's pattern (its tokenizer.json), written for this test's own small vocabulary.
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SENTENCES = [
    "The café's owner said: “we'll open at 8”, and it's 12345 steps away…\n\n  Indented\tline.\n",
    "def f(x):\n    return x**2  # not HERE'S\n\n\n日本語のテキスト русский ١٢٣ e\u0301 ﬁ\r\n",
]


def gpt2_style():
    return train_encoder(SENTENCES * 20, 400)


def llama3_style(normalizer=None):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizer
    split = pre_tokenizers.Split(Regex(LLAMA3), "isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES * 20, trainer)
    return TextEncoder(tokenizer, END_OF_TEXT)


ENCODERS = {
    "gpt2": gpt2_style(),
    "llama3": llama3_style(),
    "qwen": llama3_style(normalizers.NFC()),
}
PIECES = st.sampled_from(
    [*"\n\r\t '\u00a0\u3000", "'s", "'LL", END_OF_TEXT, "e\u0301", "123", "__"]
)
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=12).map("".join)


@pytest.mark.parametrize("name", ENCODERS)
@settings(max_examples=100, deadline=None)
@given(text=TEXTS)
def test_the_tokens_are_the_tokenizers_own(name, text):
    encoder = ENCODERS[name]
    assert encoder.words is not None
    own = encoder.tokenizer.encode(text, add_special_tokens=False).ids
    (fast,) = encoder.encode_texts([text])
    assert fast.tolist() == [*own, encoder.end_of_text]


@pytest.mark.parametrize("name", ENCODERS)
@settings(max_examples=50, deadline=None)
@given(text=TEXTS)
def test_bytes_add_up_to_the_text(name, text):
    ids, n_bytes = ENCODERS[name].encode_with_bytes(Document(text, ""))
    assert len(ids) == len(n_bytes)
    assert n_bytes.sum() == (len(text.encode()) if len(ids) > 1 else 0)
    assert (n_bytes >= 0).all()


def test_other_makes_take_their_own_way():
    tokenizer = gpt2_style().tokenizer
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    encoder = TextEncoder(tokenizer, END_OF_TEXT)
    assert encoder.words is None
    own = tokenizer.encode("one two", add_special_tokens=False).ids
    assert np.array_equal(encoder.encode_texts(["one two"])[0], [*own, encoder.end_of_text])
