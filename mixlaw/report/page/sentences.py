"""What the page says in words: the answer, what it rests on, and what it does not know."""

from collections.abc import Iterator

from mixlaw.quantities import format_factor, format_quantity, percent
from mixlaw.recommend.context.extrapolation import FAR
from mixlaw.recommend.recommendation import Recommendation
from mixlaw.result.fit_result import FitResult


def target(answer: Recommendation) -> str:
    """The run that is asked about."""
    size, tokens = format_quantity(answer.n_params), format_quantity(answer.tokens)
    return f"{size} parameters, {tokens} tokens of continual pre-training"


def headline(answer: Recommendation) -> str:
    """The answer in a sentence."""
    where = target(answer)
    if answer.feasible is False:
        return f"No domain share keeps the general loss within the bound ({where})"
    if not answer.feasible or answer.recommended is None:
        return f"These runs cannot tell the domain share ({where})"
    return f"{percent(answer.recommended)} domain data is recommended for {where}"


def lead(answer: Recommendation) -> Iterator[str]:
    """What stands directly below: the promise and the interval, or the reason."""
    low, high = (percent(end) for end in answer.interval)
    if answer.feasible and answer.recommended is not None:
        yield answer.promise
        yield (
            f"The largest share that keeps the bound is {percent(answer.estimate or 0.0)}, and "
            f"between {low} and {high} with a probability of 90%."
        )
        return
    reasons = [w.message for w in answer.warnings if w.code in _REASONS]
    yield from reasons[:1]
    if answer.feasible is None:
        yield f"Every share from {low} to {high} may be right."


#: Codes of the warnings that say why there is no answer.
_REASONS = ("not-identified", "no-feasible-ratio")


def origin(fit: FitResult, answer: Recommendation, asked: str, folder: str) -> str:
    """Which question, fit, law and table an answer is of."""
    table = fit.about.get("source") or "a table in memory"
    digest = str(fit.about.get("data_sha256") or "")[:12]
    return (
        f"Asked: {asked}. Fit: {folder}, law {answer.law}, {fit.rows_used} rows of {table}"
        f"{f' (sha256 {digest})' if digest else ''}."
    )


def trust(fit: FitResult, answer: Recommendation) -> Iterator[str]:
    """Validation, the distance from the data, and what the headline assumed."""
    if answer.validation:
        yield str(answer.validation["line"])
    else:
        yield "Nothing was hidden and asked about yet: mixlaw validate does it."
    yield _distance(fit, answer)
    if answer.assumptions:
        yield f"Assumed: {'; '.join(answer.assumptions)}."


def _distance(fit: FitResult, answer: Recommendation) -> str:
    names = {"n_params": "the largest model", "tokens": "the longest budget"}
    far = []
    for name, words in names.items():
        factor, edge = answer.extrapolation.get(name, 1.0), fit.ranges[name][1]
        if factor > 1:
            far.append(f"{format_factor(factor)} times {words} measured ({format_quantity(edge)})")
    if not far:
        return "The target lies within the sizes and budgets that were measured."
    alarm = " That is far." if any(v > FAR for v in answer.extrapolation.values()) else ""
    return f"The target is {' and '.join(far)}.{alarm}"


def caveats(fit: FitResult, answer: Recommendation) -> tuple[str, str, str]:
    """Three caveats in plain words."""
    beyond = max(answer.extrapolation.get(name, 1.0) for name in ("n_params", "tokens"))
    if beyond > 1:
        second = (
            f"It was measured on models of up to {format_quantity(fit.ranges['n_params'][1])} "
            f"parameters and {format_quantity(fit.ranges['tokens'][1])} tokens. Beyond them the "
            "interval is that of the laws that were fitted; if none of them holds there, it is too "
            "narrow."
        )
    else:
        second = (
            "The interval holds for runs like these: the same tokenizer, the same kind of "
            "schedule, the same data. It is not that of another corpus of the same name."
        )
    return (
        "Loss is not ability: two models with equal held-out losses can differ in what they do. "
        "Check the large run on tasks before it is used.",
        second,
        "Nothing here knows a learning-rate schedule, a batch size or a filter of the data that "
        "differs between these runs and the target. Keep them alike, or sweep again.",
    )


def next_run(answer: Recommendation) -> str:
    """The run that would narrow the answer most."""
    if answer.next_run:
        return str(answer.next_run["text"])
    if answer.feasible:
        return "The interval is narrow enough that no single run stands out."
    return "No single run can be weighed for this question; the reason above says what is missing."
