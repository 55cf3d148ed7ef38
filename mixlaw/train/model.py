"""The proxy: a Llama of ``transformers``, initialised so that small ones train well."""

from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from transformers.models.llama.configuration_llama import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaForCausalLM

from mixlaw.rundir.shape import ModelShape
from mixlaw.rundir.spec import ComputeSpec, Spec


def build_model(shape: ModelShape, seq_len: int, seed: int) -> Any:
    """A new proxy; the same seed gives the same weights.

    The library's default (standard deviation 0.02 everywhere, tied head) costs up to 0.8 nats at
    width 48; fan-in scaling with a zero head removes that and lets the best rate scale with width.
    """
    config: Any = LlamaConfig(
        vocab_size=shape.vocab_size,
        hidden_size=shape.width,
        intermediate_size=shape.mlp_width,
        num_hidden_layers=shape.n_layers,
        num_attention_heads=shape.n_heads,
        num_key_value_heads=shape.n_heads,
        max_position_embeddings=seq_len,
        tie_word_embeddings=False,
        use_cache=False,
        bos_token_id=None,
        eos_token_id=None,
    )
    config._attn_implementation = "sdpa"
    model = LlamaForCausalLM(config)
    initialise(model, seed)
    return model


def initialise(model: Any, seed: int) -> None:
    """Draw all weights: fan_in^-0.5, outputs to the residual stream divided by sqrt(2 n_layers).

    The head starts at zero (the first loss is ln of the vocabulary), embeddings at one.
    """
    generator = torch.Generator().manual_seed(seed)
    outputs = (2 * model.config.num_hidden_layers) ** -0.5
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name == "lm_head.weight":
                weight.zero_()
            elif name.endswith("embed_tokens.weight"):
                weight.normal_(0, 1, generator=generator)
            elif weight.ndim == 1:
                weight.fill_(1)
            else:
                to_residual = name.endswith(("o_proj.weight", "down_proj.weight"))
                std = weight.shape[1] ** -0.5 * (outputs if to_residual else 1)
                weight.normal_(0, std, generator=generator)


def configure(model: Any, compute: ComputeSpec | None) -> None:
    """Set how a model is computed, in training and evaluation alike.

    Weights, gradients and optimiser stay float32: updates of a low learning rate vanish in
    bfloat16, which has 8 bits of precision.
    """
    model.train()
    if compute is None:
        return
    if compute.gradient_checkpointing:
        # Named so from transformers 5 on.
        later = getattr(model, "activation_checkpointing_enable", None)
        (later or model.gradient_checkpointing_enable)({"use_reentrant": False})
    if compute.precision == "bfloat16":
        autocast = torch.autocast(model.device.type, dtype=torch.bfloat16)
        model.forward = autocast(model.forward)


def build_optimizer(model: nn.Module, weight_decay: float) -> torch.optim.AdamW:
    """AdamW with betas (0.9, 0.95); matrices decay, norms and vectors do not."""
    matrices = [weight for weight in model.parameters() if weight.ndim >= 2]
    vectors = [weight for weight in model.parameters() if weight.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.95), fused=True)


def token_losses(model: nn.Module, batch: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of every next token, nats; (B, T + 1) token ids give (B, T) losses."""
    batch = batch.to(next(model.parameters()).device, non_blocking=True)
    logits = model(input_ids=batch[:, :-1], use_cache=False).logits
    return cross_entropy(logits, batch[:, 1:])


def cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross-entropy, nats: logits (..., V) and targets (...) give losses (...)."""
    losses = nn.functional.cross_entropy(
        logits.float().flatten(0, -2), targets.flatten(), reduction="none"
    )
    return losses.view_as(targets)


def step_flops(spec: Spec, model: Any) -> int:
    """FLOPs of one training step, counted by torch in a forward and a backward pass.

    An existing model may be too large to be tried: it is gone through without arithmetic and
    memory, one sequence long. What gradient checkpointing computes twice counts once.
    """
    size, seq_len = spec.data.batch_size, spec.data.seq_len
    if isinstance(spec.shape, ModelShape):
        return measure_step_flops(model, size, seq_len)
    with FakeTensorMode():
        return size * measure_step_flops(type(model)(model.config), 1, seq_len)


def measure_step_flops(model: nn.Module, batch_size: int, seq_len: int) -> int:
    """FLOPs of one forward and backward pass.

    The plain attention is counted, since torch has no formula for the fused one on every device.
    """
    batch = torch.zeros(batch_size, seq_len + 1, dtype=torch.long)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        token_losses(model, batch).mean().backward()  # type: ignore[no-untyped-call]
    model.zero_grad(set_to_none=True)
    return int(counter.get_total_flops())
