"""Losses in nats per token, whatever they were logged in; what cannot be converted is refused."""

import math
from dataclasses import replace

from mixlaw.errors import DataError
from mixlaw.importers import Evaluation
from mixlaw.importers.assembly.description import RunDescription
from mixlaw.importers.reading import BITS_PER_BYTE, BITS_PER_TOKEN, PERPLEXITY


def in_nats(run_id: str, run: RunDescription, evaluation: Evaluation, eval_set: str) -> Evaluation:
    """An evaluation with its loss in nats per token; bits per byte stay in the column ``bpb``.

    Args:
        run_id: of the run.
        run: what is described of it.
        evaluation: with the unit of its loss.
        eval_set: the table's name of its set.

    Raises:
        DataError: a perplexity, or bits per byte of a text whose tokens are not described.
    """
    if evaluation.unit == BITS_PER_TOKEN:
        return replace(evaluation, loss=evaluation.loss * math.log(2))
    if evaluation.unit == BITS_PER_BYTE:
        length = run.bytes_per_token.get(eval_set)
        if length is None:
            raise DataError(
                f"Run '{run_id}': '{eval_set}' is measured in bits per byte "
                f"({evaluation.loss:.4g}), which is no loss in nats per token; say "
                f"bytes_per_token: {{{eval_set}: N}} in the description (bytes of that text by "
                "tokens of it, 3 to 5 for most), or map it to the column bpb beside a loss."
            )
        bpb = evaluation.loss
        return replace(
            evaluation, loss=bpb * math.log(2) * length, more={**evaluation.more, "bpb": bpb}
        )
    if evaluation.unit == PERPLEXITY:
        raise DataError(
            f"Run '{run_id}': '{eval_set}' is a perplexity ({evaluation.loss:.4g}); an averaged "
            "perplexity is not the exponential of the mean loss, so give the cross-entropy."
        )
    return evaluation
