"""A size that counts the embeddings, turned into the non-embedding parameters that laws count.

The table's sizes tell how many parameters the embeddings have, n_total - n. They grow like a power
of the size, c·n^p: p from a regression over the sizes, or 1/3 with a single size, because in models
of one shape embeddings grow with the width and the rest with its cube. The target's n then solves
n + c·n^p = n_total.
"""

from collections.abc import Sequence

import numpy as np

#: Power of the size with which embeddings grow where the table has one size only.
_ONE_SIZE = 1 / 3


def non_embedding(total: float, sizes: Sequence[Sequence[float]]) -> float | None:
    """Non-embedding parameters of a model with this total.

    Args:
        total: parameters with embeddings.
        sizes: pairs of non-embedding and total parameters.

    Returns:
        A count, or None if the pairs do not tell.
    """
    pairs = [(size, both - size) for size, both in sizes if both > size]
    if not pairs:
        return None
    logs = np.log(pairs)
    power = _ONE_SIZE
    if len(pairs) > 1:
        centred = logs[:, 0] - logs[:, 0].mean()
        power = float(np.clip(centred @ logs[:, 1] / (centred @ centred), 0.0, 1.0))
    scale = np.exp(logs[:, 1].mean() - power * logs[:, 0].mean())
    size = np.geomspace(1.0, total, 20001)
    return float(np.interp(total, size + scale * size**power, size))
