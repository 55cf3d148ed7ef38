"""Gradients of a training step: of one model, or of several of one shape in one batched pass."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.func import functional_call, vmap

from mixlaw.train.model import cross_entropy, token_losses
from mixlaw.train.steps import Batch


class Gradients:
    """Computes the gradients of batches, those of several models of one shape in one pass.

    The weights of several models are stacked once, and stay so while the same models come again.
    """

    def __init__(self) -> None:
        self._population: Population | None = None

    def __call__(self, batches: Sequence[Batch]) -> list[float]:
        """Leave the gradients of every batch's loss in its model.

        Returns:
            The losses, nats per token.
        """
        if len(batches) == 1:
            return [_backward(batches[0])]
        models = [batch.model for batch in batches]
        if self._population is None or self._population.models != models:
            self._population = Population(models)  # some have ended, or begun again
        return self._population.backward([batch.sequences for batch in batches])


class Population:
    """Models of one shape whose weights lie in one tensor per name, of shape (n_models, ...).

    They stay models of their own: their weights are slices of these tensors, so an optimiser, a
    checkpoint or an evaluation of one of them needs to know nothing of the others.
    """

    def __init__(self, models: Sequence[Any]) -> None:
        self.models = list(models)
        self._weights = {
            name: torch.stack([model.get_parameter(name).data for model in models])
            for name, _ in models[0].named_parameters()
        }
        for name, stacked in self._weights.items():
            for model, own in zip(models, stacked, strict=True):
                model.get_parameter(name).data = own
            stacked.requires_grad_()

    def backward(self, sequences: Sequence[torch.Tensor]) -> list[float]:
        """As ``Gradients``, for one tensor of token ids (batch_size, seq_len + 1) per model."""
        stacked = torch.stack(list(sequences)).to(self.models[0].device, non_blocking=True)
        with _plain_attention(self.models[0]):
            logits = vmap(self._logits)(self._weights, stacked[..., :-1])
        # The models share no weight, so the gradient of a sum is every model's own.
        losses = cross_entropy(logits, stacked[..., 1:]).mean(dim=(1, 2))
        losses.sum().backward()  # type: ignore[no-untyped-call]
        for name, weights in self._weights.items():
            assert weights.grad is not None
            for model, own in zip(self.models, weights.grad, strict=True):
                model.get_parameter(name).grad = own
            weights.grad = None
        return list(losses.tolist())

    def _logits(self, weights: dict[str, torch.Tensor], tokens: torch.Tensor) -> torch.Tensor:
        """Of one model, to be batched over models."""
        n = tokens.shape[-1]
        # A ready mask: the library's own maker of masks is a vmap too, and wants plain tensors.
        mask = torch.full((1, 1, n, n), -torch.inf, device=tokens.device).triu(1)
        inputs = {"input_ids": tokens, "attention_mask": mask, "use_cache": False}
        logits: torch.Tensor = functional_call(self.models[0], weights, (), inputs).logits
        return logits


def _backward(batch: Batch) -> float:
    losses = []
    for part in torch.split(batch.sequences, batch.micro_batch):
        loss = token_losses(batch.model, part).mean() * (len(part) / len(batch.sequences))
        loss.backward()  # type: ignore[no-untyped-call]
        losses.append(loss.detach())
    return torch.stack(losses).sum().item()


@contextmanager
def _plain_attention(model: Any) -> Iterator[None]:
    """Attention written out: the fused one of the CPU has no rule for batching over models."""
    config, usual = model.config, model.config._attn_implementation
    config._attn_implementation = "eager"
    try:
        yield
    finally:
        config._attn_implementation = usual
