"""Checkpoints: model, optimiser, data cursor and random state in one safetensors file.

One file, so it is whole or absent; its header carries the step and a checksum of the tensors.
"""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from mixlaw.errors import RunError
from mixlaw.files import write_atomic_with
from mixlaw.train.distributed import gathered, sharded_like, wait_for_all
from mixlaw.train.ranks import rank

Tensors = dict[str, torch.Tensor]


class DamagedCheckpointError(RunError):
    """A checkpoint that cannot be used; what it held must be computed again."""


@dataclass
class State:
    """A model in training.

    Attributes:
        model: the network.
        optimizer: its AdamW.
        step: steps taken; the data cursor follows from it.
    """

    model: Any
    optimizer: torch.optim.AdamW
    step: int = 0


def save_checkpoint(state: State, path: Path) -> None:
    """Write everything that a continued run needs to be bit-identical."""
    tensors = {**_model_tensors(state), **_optimizer_tensors(state), "rng": torch.get_rng_state()}
    facts = {"step": str(state.step), "checksum": _checksum(tensors)}
    _write(path, tensors, facts)


def load_checkpoint(state: State, path: Path) -> None:
    """Bring a state of the same shape to what the checkpoint holds.

    Raises:
        DamagedCheckpointError: the file is cut off or its checksum is wrong.
    """
    try:
        with safe_open(path, framework="pt") as file:
            facts = file.metadata() or {}
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise DamagedCheckpointError(f"The checkpoint '{path}' is damaged: {error}.") from error
    if _checksum(tensors) != facts.get("checksum"):
        raise DamagedCheckpointError(f"The checkpoint '{path}' is damaged: wrong checksum.")
    torch.set_rng_state(tensors.pop("rng"))
    weights = {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
    _load_weights(state.model, weights)
    _load_optimizer(state.optimizer, tensors)
    state.step = int(facts["step"])


def save_weights(model: Any, path: Path) -> None:
    """Write the weights alone: what a base hands on."""
    _write(path, _weights(model), {})


def load_weights(model: Any, path: Path) -> None:
    """Read what ``save_weights`` wrote."""
    _load_weights(model, load_file(path))


def _write(path: Path, tensors: Tensors, facts: dict[str, str]) -> None:
    """One file, whole or absent; the library's own error hides which trouble the disk has."""
    if rank() > 0:
        wait_for_all()
        return
    try:
        write_atomic_with(path, lambda temporary: save_file(tensors, temporary, metadata=facts))
    except SafetensorError as error:
        if number := re.search(r"os error (\d+)", str(error)):
            code = int(number[1])
            raise OSError(code, os.strerror(code), str(path)) from error
        raise
    wait_for_all()


def _weights(model: Any) -> Tensors:
    """Weights by name; one that has two names, such as a tied embedding, under its first."""
    tied = _tied_names(model)
    return {
        name: gathered(weight.detach()).contiguous()
        for name, weight in model.state_dict().items()
        if name not in tied
    }


def _load_weights(model: Any, weights: Tensors) -> None:
    weights = weights | {name: weights[first] for name, first in _tied_names(model).items()}
    patterns = model.state_dict()
    model.load_state_dict({name: sharded_like(w, patterns[name]) for name, w in weights.items()})


def _tied_names(model: Any) -> dict[str, str]:
    """Further names of tied weights, each with the first name of the same weight."""
    first: dict[int, str] = {}
    names = {
        name: first.setdefault(id(weight), name)
        for name, weight in model.named_parameters(remove_duplicate=False)
    }
    return {name: known for name, known in names.items() if name != known}


def _model_tensors(state: State) -> Tensors:
    return {f"model.{name}": weight for name, weight in _weights(state.model).items()}


def _optimizer_tensors(state: State) -> Tensors:
    slots = state.optimizer.state_dict()["state"]
    return {
        f"optimizer.{index}.{slot}": gathered(value)
        for index, values in slots.items()
        for slot, value in values.items()
    }


def _load_optimizer(optimizer: torch.optim.AdamW, tensors: Tensors) -> None:
    slots: dict[int, Tensors] = {}
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, slot = name.split(".", 2)
            slots.setdefault(int(index), {})[slot] = sharded_like(value, weights[int(index)])
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": slots, "param_groups": groups})


def _checksum(tensors: Tensors) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().contiguous().cpu()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
