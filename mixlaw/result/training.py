"""How a target is trained, as a prediction takes it: what a fit assumes and what it was told.

Both are named by columns of the runs table: ``schedule``, ``unique_tokens.<corpus>``,
``base_tokens`` and ``lr_ratio``.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from mixlaw.laws import InputName
from mixlaw.quantities import SAME_LEVEL, format_quantity
from mixlaw.result.inputs import BASE_TOKENS, LR_RATIO, UNIQUE_TOKENS
from mixlaw.result.types import FitRecord, Status


def input_of(column: str) -> InputName:
    """The input of laws that follows from a column of training."""
    inputs: dict[str, InputName] = {BASE_TOKENS: "P", LR_RATIO: "lr"}
    return inputs.get(column, "U")


def training(fit: FitRecord, told: Mapping[str, float]) -> dict[str, Any]:
    """What is taken to be true of the target.

    Distinct tokens that no law reads and nobody told are nobody's assumption: what such laws say is
    what tokens are worth that repeat no more than those of the runs.
    """
    assumed = {
        name: value
        for name, value in fit.assumes.items()
        if fit.reads("U") or not name.startswith(UNIQUE_TOKENS)
    }
    return {**assumed, **told}


def sentence(fit: FitRecord, told: Mapping[str, float]) -> str:
    """What is assumed of the target where nobody told it; empty if nothing is known of it."""
    unknown = [name for name in training(fit, told) if name not in told]
    phrases = [_phrase(name, fit.assumes[name]) for name in unknown]
    if not phrases:
        return ""
    return f"the target is trained as the longest runs of the largest size: {', '.join(phrases)}"


def notices(fit: FitRecord, told: Mapping[str, float]) -> tuple[Status, ...]:
    """What was told of the target, differs from the runs, and is in no law of the fit."""
    return tuple(_notices(fit, told))


def _notices(fit: FitRecord, told: Mapping[str, float]) -> Iterator[Status]:
    for name, value in told.items():
        measured = fit.assumes.get(name)
        if measured is None or fit.reads(input_of(name)):
            continue
        # Laws that know no repeats at all have the warning of every pass beyond those of the runs.
        of_repeats = name.startswith(UNIQUE_TOKENS)
        if of_repeats and not fit.knows_repeats(fit.domain_set):
            continue
        if abs(value / measured - 1) > SAME_LEVEL:
            yield Status(
                "not-in-the-laws",
                f"The laws of this fit do not depend on {name}: what they say is true of "
                f"{_value(name, measured)}, as in the runs, and the target has "
                f"{_value(name, value)}.",
            )


def _phrase(name: str, value: Any) -> str:
    if name == "schedule":
        return f"schedule {value}"
    if name == LR_RATIO:
        return f"peak learning rate {value:.3g} times the base's (--lr-ratio)"
    if name == BASE_TOKENS:
        return f"base of {format_quantity(value)} tokens (--base-tokens)"
    corpus = name.removeprefix(UNIQUE_TOKENS)
    return f"{format_quantity(value)} distinct tokens of {corpus} (--unique-tokens)"


def _value(name: str, value: float) -> str:
    return f"{value:.3g}" if name == LR_RATIO else format_quantity(value)
