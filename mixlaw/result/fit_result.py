"""What a fit is once it is made: laws with parameters and draws, statuses, and their origin.

``fit.json`` says everything a person may ask; ``draws.npz`` holds the bootstrap draws. This module
and those it calls load, save and predict with numpy alone, so ``mixlaw recommend`` starts fast.
"""

from collections.abc import Mapping
from pathlib import Path

from numpy.typing import ArrayLike

from mixlaw.result.predict import predict, predict_base
from mixlaw.result.store import load, save
from mixlaw.result.types import FitRecord, Prediction


class FitResult(FitRecord):
    """Laws fitted to the eval sets of one runs table, ready to predict with, save and load.

    The attributes are those of ``FitRecord``.
    """

    def predict(
        self,
        eval_set: str,
        n_params: ArrayLike,
        tokens: ArrayLike,
        shares: Mapping[str, ArrayLike],
        base_loss: ArrayLike | None = None,
        *,
        law: str | None = None,
        carry_size: bool = False,
    ) -> Prediction:
        """Predicted loss of an eval set, nats per token.

        Args:
            eval_set: one of ``eval_sets``.
            n_params: non-embedding parameters, a count; broadcasts with the next two to (n,).
            tokens: CPT tokens, a count.
            shares: share of every corpus; ignored by laws without a mixture.
            base_loss: loss of the base model, for laws that need it; default the base law.
            law: only this member of the stack.
            carry_size: accept a size that the laws of one or two sizes cannot reach: the nearest
                slice is carried over, two are interpolated between their sizes, and their
                difference is part of the draws.

        Raises:
            NotIdentifiedError: the size is out of reach and ``carry_size`` is off.
            FitError: unknown eval set, law or corpus.
        """
        return predict(self, eval_set, n_params, tokens, shares, base_loss, law, carry_size)

    def base(self, eval_set: str, n_params: ArrayLike, *, carry_size: bool = False) -> Prediction:
        """Loss of the base model before CPT, from the law of N fitted to the tokens = 0 rows.

        Raises:
            NotIdentifiedError: the size is out of reach and ``carry_size`` is off.
            FitError: the table has no tokens = 0 rows for this eval set.
        """
        return predict_base(self, eval_set, n_params, carry_size)

    def save(self, folder: str | Path) -> None:
        """Write ``fit.json`` and ``draws.npz`` into a folder, which is made if need be."""
        save(self, Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> "FitResult":
        """Read a saved fit.

        Raises:
            FitError: no fit there, damaged files, or a schema newer than this version knows.
        """
        return cls(**load(Path(folder)))
