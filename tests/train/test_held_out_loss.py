"""The held-out loss: its definition recomputed by hand, and its standard error on known data."""

import math

import numpy as np
import pytest
import torch

from mixlaw.corpora.held_out import HeldOut
from mixlaw.rundir.shape import choose_shape
from mixlaw.train.evaluate import evaluate, standard_error, window_losses
from mixlaw.train.model import build_model


def held_out(n_windows: int, documents: np.ndarray, seq_len: int = 16) -> HeldOut:
    rng = np.random.default_rng(0)
    windows = rng.integers(0, 300, (n_windows, seq_len + 1))
    return HeldOut("general", windows, documents, np.full(n_windows, 40), "fingerprint")


@pytest.fixture
def model() -> torch.nn.Module:
    made = build_model(choose_shape(8_000, vocab_size=300), seq_len=16, seed=0)
    torch.nn.init.normal_(made.lm_head.weight, 0, 0.5, generator=torch.Generator().manual_seed(0))
    return made


def test_the_loss_is_the_mean_over_all_scored_tokens(model: torch.nn.Module):
    data = held_out(37, np.arange(37))
    with torch.no_grad():
        logits = model(input_ids=torch.from_numpy(data.windows[:, :-1])).logits
    log_p = torch.log_softmax(logits.double(), -1)
    by_hand = -log_p.gather(-1, torch.from_numpy(data.windows[:, 1:, None])).mean().item()
    measured = evaluate(model, data)
    assert measured.loss == pytest.approx(by_hand, rel=1e-6)
    assert measured.bpb == pytest.approx(by_hand / math.log(2) * 16 / 40, rel=1e-6)
    assert measured.eval_tokens == 37 * 16


def test_the_same_model_gives_the_same_bits(model: torch.nn.Module):
    data = held_out(20, np.arange(20))
    assert evaluate(model, data) == evaluate(model, data)
    assert (window_losses(model, data.windows) > 0).all()


def test_the_standard_error_is_that_of_independent_documents():
    sums = 16 * (3 + np.random.default_rng(1).normal(0, 0.5, 400))
    error = standard_error(sums, held_out(400, np.arange(400)))
    assert error == pytest.approx(0.5 / math.sqrt(400), rel=0.15)


def test_windows_of_one_document_count_once():
    values = np.random.default_rng(1).normal(3, 0.5, 100)
    apart = standard_error(16 * values, held_out(100, np.arange(100)))
    repeated = held_out(400, np.repeat(np.arange(100), 4))
    assert standard_error(16 * np.repeat(values, 4), repeated) == pytest.approx(apart, rel=1e-9)


def test_one_document_says_nothing_of_the_spread_between_documents():
    assert math.isnan(standard_error(np.arange(5.0), held_out(5, np.zeros(5, int))))
