"""A base that was measured with another tokenizer: its losses compare in bits per byte.

A loss per token means nothing beside one per token of another tokenizer; per byte of the same
held-out text the two compare. The table's ``bpb`` tells how many bytes B one of its own tokens
carries, B = loss / (bpb·ln 2), and with it

    nats per token of the table = bpb · ln 2 · B.

Everything is reckoned in the table's tokens, and said in bits per byte beside them.
"""

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mixlaw.errors import ConfigError, FitError
from mixlaw.result.types import Prediction, Status

if TYPE_CHECKING:
    from mixlaw.recommend.question import Question
    from mixlaw.result.fit_result import FitResult

_LOSS = re.compile(r"\s*([+-]?\d*\.?\d+(?:[eE][+-]?\d+)?|[+-]?nan|[+-]?inf)\s*(bpb|nats?)?\s*")

#: A loss above this is a slip of the pen, in nats per token and in bits per byte alike.
_LARGEST = 100


@dataclass(frozen=True)
class MeasuredLoss:
    """A loss that was measured elsewhere: nats per token, or bits per byte."""

    flag: str
    value: float
    per_byte: bool = False

    @classmethod
    def parse(cls, flag: str, text: str | float) -> "MeasuredLoss":
        """From ``2.31`` (nats per token) or ``0.61bpb`` (bits per byte).

        Raises:
            ConfigError: it is neither: not a number, not positive, or above 100.
        """
        match = _LOSS.fullmatch(str(text))
        value = float(match[1]) if match else math.nan
        if not 0 < value <= _LARGEST:
            raise ConfigError(
                f"{flag} is {text}; a loss is in nats per token (2.31) or bits per byte (0.61bpb), "
                f"above 0 and up to {_LARGEST}."
            )
        return cls(flag, value, bool(match and match[2] == "bpb"))

    def nats(self, fit: "FitResult", eval_set: str, tokenizer: str | None) -> float:
        """The loss in nats per token of the table that was fitted.

        Args:
            fit: says how many bytes a token of its table carries.
            eval_set: where the loss was measured.
            tokenizer: what it was measured with; None for the table's own.

        Raises:
            ConfigError: a loss per token of another tokenizer.
            FitError: the table has no ``bpb`` for this eval set.
        """
        if self.per_byte:
            return self.value * math.log(2) * bytes_per_token(fit, eval_set, self.flag)
        if is_foreign(fit, tokenizer):
            raise ConfigError(
                f"{self.flag} {self.value:g} is in nats per token of '{tokenizer}' and the table's "
                f"tokenizer is {_own(fit)}: give it in bits per byte, such as {self.flag} 0.61bpb."
            )
        return self.value


def bytes_per_token(fit: "FitResult", eval_set: str, what: str) -> float:
    """Bytes of an eval set that one token of the fitted table carries.

    Raises:
        FitError: the table has no ``bpb`` for it.
    """
    found = fit.about.get("bytes_per_token", {}).get(eval_set)
    if found is None:
        raise FitError(
            f"{what} compares in bits per byte, and the fitted table has no bpb for '{eval_set}': "
            "add the column bpb and fit again."
        )
    return float(found)


def is_foreign(fit: "FitResult", tokenizer: str | None) -> bool:
    """True if the tokenizer is named and is not the only one of the fitted table."""
    return tokenizer is not None and list(fit.about.get("tokenizers", ())) != [tokenizer]


def in_bits_per_byte(
    question: "Question", eval_set: str, nats: Prediction
) -> dict[str, float] | None:
    """A prediction in nats per token of the table as bits per byte; None without ``bpb``."""
    from mixlaw.result.types import interval_document

    known = question.fit.about.get("bytes_per_token", {})
    if eval_set not in known:
        return None
    unit = math.log(2) * known[eval_set]
    return interval_document(Prediction(nats.estimate / unit, nats.draws / unit))


def notices(question: "Question") -> tuple[Status, ...]:
    """The status of a target whose base has another tokenizer than the table."""
    fit, tokenizer = question.fit, question.base_tokenizer
    if not is_foreign(fit, tokenizer):
        return ()
    text = (
        f"The target's tokenizer is '{tokenizer}' and the table's {_own(fit)}: measured losses are "
        "compared in bits per byte; losses, rises and token counts here are in tokens of the table."
    )
    return (Status("other-tokenizer", text),)


def _own(fit: "FitResult") -> str:
    names = [f"'{name}'" for name in fit.about.get("tokenizers", ())]
    return " and ".join(names) or "not named"
