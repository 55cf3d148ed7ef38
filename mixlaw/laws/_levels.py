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
    if x.ndim != 1 or x.dtype != np.float64:
        return function(x)
    levels = _levels(x.tobytes())
    return function(x) if levels is None else np.take(function(levels[0]), levels[1], axis=-1)


def raised(x: Array, exponent: Any) -> Any:
    """x^exponent for rows x (n,) and exponents that broadcast against them."""
    return of_levels(lambda values: values**exponent, x)


@lru_cache(maxsize=256)
def _levels(rows: bytes) -> tuple[Array, NDArray[np.intp]] | None:
    """Distinct values and which of them every row has; None where they are not few."""
    values, index = np.unique(np.frombuffer(rows), return_inverse=True)
    return (values, index) if len(values) <= FEW * len(index) else None
