"""The smallest sweep that answers: five runs of the cheapest size, and which of them a table lacks.

Three shares at a short budget tell how forgetting depends on the share, and the control with one
share at a longer budget how both grow with tokens. A second size does not replace the second
budget.
"""

from collections.abc import Sequence
from typing import NamedTuple

from mixlaw.quantities import format_quantity, percent

#: Domain shares at the short budget, and at the long one.
SHORT, LONG = (0.0, 0.5, 0.75), (0.0, 0.75)
#: The long budget over the short one, and the least that counts as longer.
LONGER, LEAST_LONGER = 4.0, 1.9
#: With as many runs laws can be compared: the D-CPT law alone has eight parameters.
ENOUGH = 8


class Run(NamedTuple):
    """Where a run ended: size and budget as counts, and its domain share."""

    n_params: float
    tokens: float
    ratio: float


def missing_runs(runs: Sequence[Run]) -> tuple[Run, ...]:
    """The runs of the smallest design that the cheapest size lacks.

    Any share between a quarter and the design's large one stands for the middle one, and any larger
    one short of the whole for the large one.
    """
    size = min(run.n_params for run in runs)
    here = [run for run in runs if run.n_params == size]
    short = min(run.tokens for run in here)
    longer = [run.tokens for run in here if run.tokens >= LEAST_LONGER * short]
    long = max(longer) if longer else LONGER * short
    wanted = [(short, share) for share in SHORT] + [(long, share) for share in LONG]
    taken = {(run.tokens, _kind(run.ratio)) for run in here}
    return tuple(
        Run(size, tokens, share) for tokens, share in wanted if (tokens, share) not in taken
    )


def _kind(ratio: float) -> float:
    """The share of the design that a domain share stands for; nan for none."""
    if ratio == 0:
        return 0.0
    if 0.25 <= ratio < 0.65:
        return 0.5
    return 0.75 if 0.65 <= ratio < 1 else float("nan")


def described(runs: Sequence[Run]) -> str:
    """The runs in words: their size once, and the shares of every budget."""
    budgets = dict.fromkeys(run.tokens for run in runs)
    shares = {d: [percent(run.ratio) for run in runs if run.tokens == d] for d in budgets}
    listing = ", ".join(
        f"{' and '.join(filter(None, [', '.join(some[:-1]), some[-1]]))} domain at "
        f"{format_quantity(tokens)} tokens"
        for tokens, some in shares.items()
    )
    return f"{format_quantity(runs[0].n_params)} with {listing}"
