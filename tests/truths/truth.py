"""What a truth is: a law of both losses with known parameters, and the losses of its bases."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mixlaw import laws
from truths.parameters import DCPT

EVAL_SETS = ("domain", "general")


@dataclass(frozen=True)
class Truth:
    """A known law of both losses.

    Attributes:
        loss: ``loss(eval_set, N, D, R)``, arrays that broadcast, plain counts.
        base: ``base(eval_set, N)``, the loss before CPT.
        trajectory: True if ``loss`` describes trunks, False if it describes annealed ends.
    """

    loss: Callable[[str, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    base: Callable[[str, np.ndarray], np.ndarray]
    trajectory: bool = False


def dcpt_truth(
    parameters: dict[str, dict[str, float]] = DCPT,
    level_ratio: float = 0.4,
    level_tokens: float = 8e9,
    base: Callable[[str, np.ndarray], np.ndarray] | None = None,
) -> Truth:
    """The dcpt law, by default with a base whose general loss is that of CPT at this ratio."""
    law = laws.load("dcpt")

    def loss(eval_set, N, D, R):
        r = R if eval_set == "domain" else 1 - R
        N, D, r = np.broadcast_arrays(*np.atleast_1d(N, D, r))
        return law.predict(parameters[eval_set], {"N": N * 1.0, "D": D * 1.0, "r": r * 1.0})

    def level_base(eval_set, N):
        if eval_set == "general":
            return loss("general", N, np.float64(level_tokens), np.float64(level_ratio))
        return loss("domain", N, np.float64(1e8), np.float64(0.0)) + 0.3

    return Truth(loss, base or level_base)


def anchored_truth(law_name: str, parameters: dict[str, dict[str, float]]) -> Truth:
    """A law that starts from the base model's loss, with bases of the dcpt example.

    An eval set without parameters follows the dcpt example.
    """
    return _law_truth(law_name, parameters, dcpt_truth().base)


def grown_truth(law_name: str, parameters: dict[str, dict[str, float]]) -> Truth:
    """A law that is finite before any CPT, where the bases lie on it."""
    law, example = laws.load(law_name), dcpt_truth()

    def base(eval_set, N):
        if eval_set not in parameters:
            return example.base(eval_set, N)
        x = {"N": N * 1.0, "D": np.zeros_like(N, dtype=float), "r": np.ones_like(N, dtype=float)}
        return law.predict(parameters[eval_set], x)

    return _law_truth(law_name, parameters, base)


def _law_truth(law_name, parameters, base) -> Truth:
    law, example = laws.load(law_name), dcpt_truth()

    def loss(eval_set, N, D, R):
        if eval_set not in parameters:
            return example.loss(eval_set, N, D, R)
        r = R if eval_set == "domain" else 1 - R
        N, D, r = (a * 1.0 for a in np.broadcast_arrays(*np.atleast_1d(N, D, r)))
        x = {"N": N, "D": D, "r": r, "L0": base(eval_set, N)}
        return law.predict(parameters[eval_set], x)

    return Truth(loss, base, trajectory=law.takes == "trunk")
