"""How far a target lies from the data, and the warnings that follow.

Distances of counts are factors: 13.3 is 13.3 times the largest value measured, 0.5 half of the
smallest, 1 inside the range. That of the shares is how far the farthest of them lies outside.
"""

from mixlaw.quantities import format_factor, format_quantity, percent, times
from mixlaw.recommend.question import Question
from mixlaw.result.types import Status

#: Beyond this factor the first lines of the screen say that a target is far outside the data.
#: Conventional: a power of ten.
FAR = 10.0
#: Factors up to this one are inside the data: sizes of one model differ so much by convention.
_INSIDE = 1.05
#: Shares outside the swept ones by less than this are inside: the screen shows no smaller step.
_SHARE_INSIDE = 0.005

_NAMES = {
    "n_params": ("{} parameters", "model"),
    "tokens": ("{} tokens", "budget"),
    "tokens_per_param": ("{} tokens per parameter", "value"),
}


def distances(question: Question, ratio: float) -> dict[str, float]:
    """Distance of a target and ratio from the fitted data, by quantity."""
    ranges = question.fit.ranges
    factors = {
        name: _factor(value, *ranges[name])
        for name, value in _counts(question).items()
        if name in ranges
    }
    outside = _outside(question, ratio)
    passes = [factor for factor, _, _ in _passes(question, ratio)]
    return factors | {
        "share": max(outside.values(), default=0.0),
        **({"epochs": max(passes)} if passes else {}),
    }


def notices(question: Question, ratio: float) -> tuple[Status, ...]:
    """One warning per quantity outside the fitted range, and one where the size is carried over."""
    ranges, counts = question.fit.ranges, _counts(question)
    statuses = [
        Status(f"extrapolation.{name}", _sentence(name, counts[name], *ranges[name]))
        for name in counts
        if name in ranges and not 1 / _INSIDE <= _factor(counts[name], *ranges[name]) <= _INSIDE
    ]
    for corpus, outside in _outside(question, ratio).items():
        if outside > _SHARE_INSIDE:
            low, high = ranges[f"share.{corpus}"]
            share = float(question.path.shares(ratio)[corpus])
            statuses.append(
                Status(
                    "extrapolation.share",
                    f"A share of {percent(share)} for {corpus} lies outside the swept "
                    f"{percent(low)} to {percent(high)}.",
                )
            )
    statuses += [
        Status(
            "extrapolation.epochs",
            f"The target passes {times(epochs)} over {corpus}, and no run more than "
            f"{times(epochs / factor)}; {_worth(question, corpus)}.",
        )
        for factor, corpus, epochs in _passes(question, ratio)
        if factor > 1
    ]
    return (*_carried(question), *statuses)


def _counts(question: Question) -> dict[str, float]:
    return {
        "n_params": question.n_params,
        "tokens": question.tokens,
        "tokens_per_param": question.tokens / question.n_params,
    }


def _factor(value: float, low: float, high: float) -> float:
    if value > high:
        return float(value / high)
    return float(value / low) if value < low else 1.0


def _passes(question: Question, ratio: float) -> list[tuple[float, str, float]]:
    """Factor beyond the passes that were measured (one at least), corpus and passes."""
    measured = question.fit.about.get("epochs", {})
    return [
        (max(1.0, epochs / max(1.0, measured.get(corpus, 1.0))), corpus, epochs)
        for corpus, epochs in question.epochs(ratio).items()
    ]


def _worth(question: Question, corpus: str) -> str:
    """What a repeated token counts to the loss that a corpus is there for."""
    fit, is_domain = question.fit, corpus in question.path.domain
    eval_set = fit.domain_set if is_domain else fit.general_set
    if eval_set in fit.eval_sets and fit.knows_repeats(eval_set, question.law):
        return "what so many passes are worth is extrapolated"
    return "the laws count a repeated token like a new one"


def _outside(question: Question, ratio: float) -> dict[str, float]:
    return {
        corpus: max(0.0, float(share) - high, low - float(share))
        for corpus, share in question.path.shares(ratio).items()
        for low, high in [question.fit.ranges.get(f"share.{corpus}", (0.0, 1.0))]
    }


def _sentence(name: str, value: float, low: float, high: float) -> str:
    what, noun = _NAMES[name]
    text = what.format(format_quantity(value))
    if value > high:
        times, edge = value / high, f"the largest {noun} measured ({format_quantity(high)})"
    else:
        times, edge = low / value, f"the smallest {noun} measured ({format_quantity(low)})"
    relation = "times" if value > high else "times below"
    return f"The target's {text} are {format_factor(times)} {relation} {edge}."


def _carried(question: Question) -> tuple[Status, ...]:
    sizes = question.carried_sizes
    if not sizes:
        return ()
    known = ", ".join(format_quantity(size) for size in sizes)
    more = "; sweep a third size to learn that law" if len(sizes) == 2 else ""
    if len(sizes) == 1:
        text = (
            f"One model size ({known}) was fitted, so nothing is known about the effect of size: "
            "the ratio is carried over unchanged, and its interval says nothing about that step; "
            "sweep two more sizes to learn it."
        )
    elif sizes[0] < question.n_params < sizes[-1]:
        text = (
            f"The laws are fitted size by size ({known}) and know no law in the size: between the "
            f"sizes they are interpolated, and how far they may bend is part of the interval{more}."
        )
    else:
        text = (
            f"The laws are fitted size by size ({known}) and know no law in the size: the nearest "
            "is carried over, and the difference between the sizes, in proportion to the "
            f"distance, is part of the interval{more}."
        )
    return (Status("no-size-information", text),)
