"""Functions of one input, computed once for each of its values.

A sweep has few sizes, budgets and shares, and each of them in many rows; powers and logarithms are
most of the time that a fit takes.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixlaw.laws import Array

#: With more distinct values than this part of the rows, every row is computed: conventional.
FEW = 1 / 3


def of_levels(function: Callable[[Array], Any], x: Array) -> Any:
    """An elementwise function of rows x (n,), of shape (..., n)."""
    few = few_levels(x)
    return function(x) if few is None else np.take(function(few[0]), few[1], axis=-1)


def raised(x: Array, exponent: Any) -> Any:
    """x^exponent for rows x (n,) and exponents that broadcast against them."""
    return of_levels(lambda values: values**exponent, x)


def few_levels(x: Array) -> tuple[Array, NDArray[np.intp]] | None:
    """Distinct values of rows x (n,), and which of them every row has; None where they are many."""
    return _few_levels(x.tobytes()) if x.ndim == 1 and x.dtype == np.float64 else None


@lru_cache(maxsize=256)
def _few_levels(rows: bytes) -> tuple[Array, NDArray[np.intp]] | None:
    values, index = np.unique(np.frombuffer(rows), return_inverse=True)
    return (values, index) if len(values) <= FEW * len(index) else None
