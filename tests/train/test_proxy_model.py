"""Proxy models: parameters counted, initialised as said, the same again from the same seed."""

import math
from collections import Counter

import pytest
import torch

from mixlaw.errors import ConfigError
from mixlaw.rundir.shape import choose_shape
from mixlaw.sweep.cost import token_flops
from mixlaw.train.model import build_model, build_optimizer, measure_step_flops, token_losses

VOCABULARY = {"lm_head.weight": "head", "model.embed_tokens.weight": "embedding"}


@pytest.mark.parametrize("size", [8_000, 50_000, 200_000, 1_000_000])
def test_the_size_asked_for_is_met_and_all_groups_add_up(size: int):
    shape = choose_shape(size, vocab_size=300)
    counts = Counter()
    for name, weight in build_model(shape, seq_len=16, seed=0).named_parameters():
        counts[VOCABULARY.get(name, "non_embedding")] += weight.numel()
    assert counts["non_embedding"] == shape.n_params == pytest.approx(size, rel=0.05)
    assert counts["embedding"] == counts["head"] == 300 * shape.width
    assert counts["embedding"] + counts["head"] == shape.n_params_embedding
    assert counts.total() == shape.n_params_total == shape.n_params + shape.n_params_embedding


@pytest.mark.parametrize("size", [3.5e6, 1e7, 1e8, 1e9])
def test_large_sizes_are_met_too(size: float):
    assert choose_shape(round(size), vocab_size=1024).n_params == pytest.approx(size, rel=0.05)


def test_a_size_between_two_shapes_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="the nearest has 5.2k"):
        choose_shape(5_510, vocab_size=300)


def test_initialisation():
    shape = choose_shape(200_000, vocab_size=300)
    weights = dict(build_model(shape, seq_len=16, seed=0).named_parameters())
    residual = (2 * shape.n_layers) ** -0.5
    expected = {
        "model.embed_tokens.weight": 1,
        "model.layers.0.self_attn.q_proj.weight": shape.width**-0.5,
        "model.layers.1.mlp.up_proj.weight": shape.width**-0.5,
        "model.layers.1.self_attn.o_proj.weight": shape.width**-0.5 * residual,
        "model.layers.2.mlp.down_proj.weight": shape.mlp_width**-0.5 * residual,
    }
    for name, std in expected.items():
        assert weights[name].std().item() == pytest.approx(std, rel=0.04), name
    assert not weights["lm_head.weight"].any()
    assert (weights["model.norm.weight"] == 1).all()


def test_the_first_loss_is_that_of_a_uniform_guess():
    model = build_model(choose_shape(8_000, vocab_size=300), seq_len=16, seed=0)
    losses = token_losses(model, torch.arange(34).reshape(2, 17))
    assert losses.shape == (2, 16)
    assert losses.mean().item() == pytest.approx(math.log(300), rel=1e-6)


def test_a_seed_decides_all_weights():
    shape = choose_shape(8_000, vocab_size=300)

    def weights(seed: int) -> torch.Tensor:
        return torch.cat([w.flatten() for w in build_model(shape, 16, seed).parameters()])

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_only_matrices_decay():
    groups = build_optimizer(build_model(choose_shape(8_000, 300), 16, 0), 0.1).param_groups
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    assert {w.ndim for w in groups[0]["params"]} == {2}
    assert {w.ndim for w in groups[1]["params"]} == {1}


@pytest.mark.parametrize("size", [8_000, 200_000])
def test_measured_flops_agree_with_the_estimate_of_the_plan(size: int):
    shape = choose_shape(size, vocab_size=300)
    measured = measure_step_flops(build_model(shape, 16, 0), batch_size=4, seq_len=16)
    # The estimate counts the norms, which are no matrix products, like the rest.
    assert measured == pytest.approx(64 * token_flops(shape, 16), rel=0.02)
