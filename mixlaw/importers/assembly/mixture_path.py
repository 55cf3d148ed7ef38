"""A mixture that moved during training: the shares that a run has realised so far."""

import json

from mixlaw.errors import DataError
from mixlaw.mixture import SUM_TOLERANCE


def realised_shares(path: str, tokens: float, place: str) -> dict[str, float]:
    """Mean token shares up to some tokens, as ``share.*`` columns; none before training.

    Args:
        path: JSON ``[[until_tokens, {corpus: share}], ...]``, each stage up to its tokens.
        tokens: trained on so far; the last stage goes on for ever.
        place: what the path is of, for messages.

    Raises:
        DataError: the path is not of this form.
    """
    try:
        stages = [(float(until), {str(c): float(s) for c, s in shares.items()})
                  for until, shares in json.loads(path)]  # fmt: skip
    except (TypeError, ValueError, AttributeError, RecursionError):
        raise DataError(
            f'{place}: mixture_path is not JSON like [[1e9, {{"domain": 0.1, "general": 0.9}}], '
            "[2e9, {...}]]."
        ) from None
    sums = [sum(shares.values()) for _, shares in stages]
    ends = [until for until, _ in stages]
    if not stages or ends != sorted(ends) or any(abs(s - 1) > SUM_TOLERANCE for s in sums):
        raise DataError(
            f"{place}: the stages of mixture_path must end later and later, with shares that sum "
            "to 1."
        )
    seen: dict[str, float] = {}
    start = 0.0
    for number, (until, shares) in enumerate(stages):
        end = tokens if number == len(stages) - 1 else min(until, tokens)
        for corpus, share in shares.items():
            seen[corpus] = seen.get(corpus, 0.0) + max(end - start, 0.0) * share
        start = max(start, min(until, tokens))
    return {f"share.{corpus}": part / tokens for corpus, part in seen.items()} if tokens > 0 else {}
