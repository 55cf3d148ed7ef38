"""What a fit is once it is made: laws with parameters and draws, statuses, and their origin.

``fit.json`` says everything a person may ask; ``draws.npz`` holds the bootstrap draws. This module
and those it calls load, save and predict with numpy alone, so ``mixlaw recommend`` starts fast.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, overload

import numpy as np
from numpy.typing import ArrayLike

from mixlaw.quantities import parse_quantity
from mixlaw.result.predict import predict, predict_base
from mixlaw.result.rows import predict_rows
from mixlaw.result.store import load, save
from mixlaw.result.types import FitRecord, Prediction

if TYPE_CHECKING:
    import pandas as pd


def _count(value: ArrayLike, what: str) -> ArrayLike:
    """Counts as they are, or one that is written like 8B."""
    return parse_quantity(value, what) if isinstance(value, str) else value


class FitResult(FitRecord):
    """Laws fitted to the eval sets of one runs table, ready to predict with, save and load.

    The attributes are those of ``FitRecord``.
    """

    @overload
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
        assuming: Mapping[str, ArrayLike] = ...,
    ) -> Prediction: ...

    @overload
    def predict(self, rows: "pd.DataFrame", /, *, rank: str | None = None) -> "pd.DataFrame": ...

    def predict(
        self,
        eval_set: "str | pd.DataFrame",
        n_params: ArrayLike = np.nan,
        tokens: ArrayLike = np.nan,
        shares: Mapping[str, ArrayLike] = MappingProxyType({}),
        base_loss: ArrayLike | None = None,
        *,
        law: str | None = None,
        carry_size: bool = False,
        assuming: Mapping[str, ArrayLike] = MappingProxyType({}),
        rank: str | None = None,
    ) -> "Prediction | pd.DataFrame":
        """Predicted loss of an eval set, nats per token; or of the rows of a table.

        Args:
            eval_set: one of ``eval_sets``.
            n_params: non-embedding parameters, a count or ``8B``; broadcasts with the next two to
                (n,).
            tokens: CPT tokens, a count.
            shares: share of every corpus; ignored by laws without a mixture.
            base_loss: loss of the base model, for laws that need it; default the base law.
            law: only this member of the stack.
            carry_size: accept a size that the laws of one or two sizes cannot reach: the nearest
                slice is carried over, two are interpolated between their sizes, and their
                difference is part of the draws.
            assuming: how the run is trained, by columns of the runs table on which laws may depend
                (``unique_tokens.<corpus>``, ``base_tokens``, ``lr_ratio``); default ``assumes``.
            rank: of a table only: rank its rows by the loss of this eval set.

        A table of rows, given instead of an eval set and alone, has the columns ``n_params``,
        ``tokens`` (0: the base before CPT) and ``share.<corpus>`` or ``domain_ratio``; optional
        are ``eval_set`` (else every row is predicted for each), ``base_loss`` (measured, nats per
        token: it sets the level, or is an input of the law), and how the run is trained, by the
        columns of ``assuming``.
        Returned are its rows with ``eval_set``, ``estimate``, ``low``, ``high`` (90%) and
        ``flags``, a tuple of ``mixlaw.result.row_flags.Flag``; nan where the fit cannot say. The
        interval is that of the expected loss, without the noise of a single run. Sizes are carried
        over. With ``rank`` the best row comes first, and there are ``regret``, the
        mean over draws of a row's loss above the best row of that draw, and ``p_best``, the part
        of draws in which the row is the best; all rows of that eval set are compared, whatever
        their size and budget.

        Raises:
            NotIdentifiedError: the size is out of reach and ``carry_size`` is off, or (arrays)
                the fit has one budget and the tokens are others.
            FitError: unknown eval set, law or corpus.
            DataError: the table's columns or cells are not those of rows to predict.
        """
        if not isinstance(eval_set, str):
            return predict_rows(self, eval_set, rank)
        size, budget = _count(n_params, "model size"), _count(tokens, "token budget")
        of = (eval_set, size, budget, shares)
        return predict(self, *of, base_loss, law, carry_size, assuming)

    def base(self, eval_set: str, n_params: ArrayLike, *, carry_size: bool = False) -> Prediction:
        """Loss of the base model before CPT, from the law of N fitted to the tokens = 0 rows.

        Raises:
            NotIdentifiedError: the size is out of reach and ``carry_size`` is off.
            FitError: the table has no tokens = 0 rows for this eval set.
        """
        return predict_base(self, eval_set, _count(n_params, "model size"), carry_size)

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
