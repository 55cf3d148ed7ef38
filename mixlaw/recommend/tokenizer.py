"""A base that was measured with another tokenizer: its losses compare in bits per byte.

A loss per token means nothing beside one per token of another tokenizer; per byte of the same
held-out text the two compare. The table's ``bpb`` tells how many bytes B one of its own tokens
carries, B = loss / (bpb·ln 2), and with it

    nats per token of the table = bpb · ln 2 · B.

All reckoning is in the table's tokens; bits per byte are shown beside them.
"""

import math
from typing import Any

import numpy as np

from mixlaw.errors import ConfigError, FitError
from mixlaw.recommend.loss_units import MeasuredLoss
from mixlaw.recommend.question import Question
from mixlaw.result.fit_result import FitResult
from mixlaw.result.given_base import KnownLoss
from mixlaw.result.types import Prediction, Status, interval_document


def nats_per_token(
    fit: FitResult, loss: MeasuredLoss, eval_set: str, tokenizer: str | None
) -> KnownLoss:
    """A measured loss in nats per token of the table that was fitted.

    Args:
        fit: holds how many bytes a token of its table carries.
        loss: the loss, in either unit.
        eval_set: where it was measured.
        tokenizer: what it was measured with; None for the table's own.

    Raises:
        ConfigError: a loss per token of another tokenizer.
        FitError: the table has no ``bpb`` for this eval set.
    """
    if loss.per_byte:
        unit = math.log(2) * bytes_per_token(fit, eval_set, loss.flag)
        return KnownLoss(loss.value * unit, loss.standard_error * unit)
    if is_foreign(fit, tokenizer):
        raise ConfigError(
            f"{loss.flag} {loss.value:g} is in nats per token of '{tokenizer}' and the table's "
            f"tokenizer is {_own(fit)}: give it in bits per byte, such as {loss.flag} 0.61bpb."
        )
    return KnownLoss(loss.value, loss.standard_error)


def bytes_per_token(fit: FitResult, eval_set: str, what: str) -> float:
    """Bytes of an eval set that one token of the fitted table carries.

    Raises:
        FitError: the table has no ``bpb`` for it.
    """
    size = fit.about.get("bytes_per_token", {}).get(eval_set)
    if size is None:
        raise FitError(
            f"{what} compares in bits per byte, and the fitted table has no bpb for '{eval_set}': "
            "add the column bpb and fit again."
        )
    return float(size)


def is_foreign(fit: FitResult, tokenizer: str | None) -> bool:
    """True if the tokenizer is named and is not the only one of the fitted table."""
    return tokenizer is not None and list(fit.about.get("tokenizers", ())) != [tokenizer]


def in_bits_per_byte(
    question: Question, eval_set: str, nats: Prediction
) -> dict[str, float] | None:
    """A prediction in nats per token of the table as bits per byte; None without ``bpb``."""
    known = question.fit.about.get("bytes_per_token", {})
    if eval_set not in known:
        return None
    unit = math.log(2) * known[eval_set]
    return interval_document(Prediction(nats.estimate / unit, nats.draws / unit))


def losses_per_byte(question: Question, ratio: float) -> dict[str, Any]:
    """Losses and rise in bits per byte, for a target whose tokenizer is not the table's."""
    if not is_foreign(question.fit, question.base_tokenizer):
        return {}
    at, fit = np.array([ratio]), question.fit
    losses = {"domain": (fit.domain_set, question.domain)} if question.has_domain else {}
    if question.has_general:
        losses["general"] = (fit.general_set, question.general)
    if question.knows_rise:
        losses["general rise"] = (fit.general_set, question.rise)
    documents = {
        name: in_bits_per_byte(question, eval_set, loss(at))
        for name, (eval_set, loss) in losses.items()
    }
    return {"bits_per_byte": {name: value for name, value in documents.items() if value}}


def notices(question: Question) -> tuple[Status, ...]:
    """The status of a target whose base has another tokenizer than the table."""
    fit, tokenizer = question.fit, question.base_tokenizer
    if not is_foreign(fit, tokenizer):
        return ()
    text = (
        f"The target's tokenizer is '{tokenizer}' and the table's {_own(fit)}: measured losses are "
        "compared in bits per byte; losses, rises and token counts here are in tokens of the table."
    )
    return (Status("other-tokenizer", text),)


def _own(fit: FitResult) -> str:
    names = [f"'{name}'" for name in fit.about.get("tokenizers", ())]
    return " and ".join(names) or "not named"
