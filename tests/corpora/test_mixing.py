"""Exact mixing: expected token lists on eight-token corpora, and properties of any shares."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixlaw.corpora.mixing import Allocation, MixtureStream
from mixlaw.errors import ConfigError, DataError

# Eight predicted tokens each: four sequences of two; the last token of one opens the next.
DOMAIN = np.arange(10, 19)
GENERAL = np.arange(20, 29)
CORPORA = {"domain": DOMAIN, "general": GENERAL}
TWICE = {"domain": 2.0, "general": 2.0}


def stream(domain_ratio=0.5, corpora=CORPORA, **changes):
    settings = {"seq_len": 2, "block": 4, "seed": 0, **changes}
    shares = {"domain": domain_ratio, "general": 1 - domain_ratio}
    return MixtureStream(corpora, shares, **settings)


def test_half_and_half_is_this_list():
    assert stream().batch(0, 8).tolist() == [
        [20, 21, 22],
        [10, 11, 12],
        [26, 27, 28],
        [16, 17, 18],
        # the second block: again two of each
        [24, 25, 26],
        [12, 13, 14],
        [14, 15, 16],
        [22, 23, 24],
    ]


def test_a_quarter_reads_the_same_streams_at_other_shares():
    assert stream(0.25).batch(0, 4).tolist() == [
        [20, 21, 22],
        [26, 27, 28],
        [24, 25, 26],
        [10, 11, 12],
    ]


def test_the_second_epoch_holds_the_same_sequences_in_another_order():
    rows = stream(1.0, max_epochs=TWICE).batch(0, 8).tolist()
    assert rows == [
        [10, 11, 12],
        [16, 17, 18],
        [12, 13, 14],
        [14, 15, 16],
        [16, 17, 18],
        [10, 11, 12],
        [14, 15, 16],
        [12, 13, 14],
    ]


def test_start_continues_after_what_was_used_and_wraps_when_all_is_seen():
    whole = stream(1.0, max_epochs=TWICE).batch(0, 8).tolist()
    rest = stream(1.0, max_epochs=TWICE, start={"domain": 3}).batch(0, 5).tolist()
    assert rest == whole[3:]


@pytest.mark.parametrize("seed", range(5))
def test_start_seed_keeps_used_sequences_out_while_unseen_ones_remain(seed):
    used = stream(1.0, seed=7).batch(0, 2).tolist()
    replay = stream(1.0, seed=seed, start={"domain": 2}, start_seed=7, max_epochs=TWICE)
    unseen = replay.batch(0, 2).tolist()
    assert sorted(used + unseen) == [[10, 11, 12], [12, 13, 14], [14, 15, 16], [16, 17, 18]]
    assert sorted(replay.batch(2, 4).tolist()) == sorted(used + unseen)


def test_replicates_differ_in_the_order_of_unseen_text():
    corpora = {"domain": np.arange(101), "general": np.arange(101)}
    orders = {
        str(stream(0.0, corpora, seed=seed, start={"general": 10}, start_seed=7).batch(0, 8))
        for seed in range(4)
    }
    assert len(orders) == 4


@given(
    weights=st.lists(st.integers(0, 50), min_size=1, max_size=6).filter(any),
    block=st.integers(1, 12),
)
def test_totals_never_miss_a_share_by_a_whole_sequence(weights, block):
    shares = np.array([weight for weight in weights if weight], dtype=float)
    shares /= shares.sum()
    allocation = Allocation(shares, block)
    totals = np.array([allocation.before(k) for k in range(40)])
    assert (np.diff(totals, axis=0) >= 0).all()
    assert (totals.sum(axis=1) == block * np.arange(40)).all()
    worst = 1 - 1 / (2 * len(shares) - 2) if len(shares) > 1 else 0
    planned = shares * block * np.arange(40)[:, None]
    assert np.abs(totals - planned).max() <= worst + 1e-6


@given(first=st.integers(0, 60), size=st.integers(1, 20), ratio=st.sampled_from([0, 0.1, 0.37, 1]))
def test_any_position_can_be_asked_for_at_any_time(first, size, ratio):
    corpora = {"domain": np.arange(1000), "general": np.arange(1000, 2000)}
    straight = stream(ratio, corpora, block=5).batch(0, 80)
    assert (stream(ratio, corpora, block=5).batch(first, size) == straight[first:][:size]).all()


@given(n=st.integers(0, 90), ratio=st.floats(0, 1))
def test_counts_are_what_the_batches_hold(n, ratio):
    corpora = {"domain": np.arange(1000), "general": np.arange(1000, 2000)}
    mixed = stream(ratio, corpora, block=7)
    counts = mixed.counts(n)
    assert sum(counts.values()) == n
    assert counts.get("domain", 0) == sum(mixed.batch(0, n)[:, 0] < 1000)


def test_all_ratios_share_the_order_within_a_corpus():
    corpora = {"domain": np.arange(1000), "general": np.arange(1000, 2000)}
    longest = stream(1.0, corpora).batch(0, 100).tolist()
    for ratio in (0.1, 0.5, 0.9):
        rows = [row for row in stream(ratio, corpora).batch(0, 100).tolist() if row[0] < 1000]
        assert rows == longest[: len(rows)]


def test_epochs_and_unique_tokens_are_counted():
    mixed = stream(0.25, max_epochs=TWICE)
    assert mixed.epochs(8) == {"domain": 0.5, "general": 1.5}
    assert mixed.unique_tokens() == {"domain": 8, "general": 8}


def test_a_corpus_too_small_says_how_many_tokens_are_missing():
    mixed = stream(0.25)
    with pytest.raises(DataError, match=r"'general' is too small: 4 tokens are missing .*has 8"):
        mixed.batch(0, 8)
    with pytest.raises(DataError, match=r"max_epochs: \{general: 1.5\}"):
        mixed.check(8)
    stream(0.25, max_epochs={"general": 1.5}).check(8)


def test_a_corpus_shorter_than_a_sequence_is_refused():
    with pytest.raises(DataError, match="'domain' has 2 tokens; one sequence needs 3"):
        stream(corpora={"domain": np.arange(2), "general": GENERAL})


def test_a_share_without_a_corpus_is_refused():
    with pytest.raises(ConfigError, match="'web', which is no corpus"):
        MixtureStream(CORPORA, {"web": 1.0}, seq_len=2, block=4, seed=0)


def test_shares_that_miss_one_are_refused():
    with pytest.raises(ConfigError, match="sum to 1"):
        MixtureStream(CORPORA, {"domain": 0.5, "general": 0.4}, seq_len=2, block=4, seed=0)
