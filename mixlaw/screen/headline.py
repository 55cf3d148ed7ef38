"""A faulty table, a target far from the data, and the verdict."""

from mixlaw.quantities import format_factor, format_quantity, moved, percent
from mixlaw.recommend.context.extrapolation import FAR
from mixlaw.recommend.recommendation import Recommendation
from mixlaw.result.types import TABLE_ERRORS, Status
from mixlaw.screen.layout import wrap

#: Warnings that are the verdict itself, so they stand beside it and not below.
_REASONS = (
    "no-feasible-ratio", "not-identified", "bound-never-binds", "flat-optimum",
    "no-size-information",
)  # fmt: skip


def validated(answer: Recommendation) -> list[str]:
    """What came of the same procedure where its answer could be checked."""
    return wrap(answer.validation["line"]) if answer.validation else []


def alarm(answer: Recommendation) -> list[str]:
    """A faulty table, and a target far outside the data, come before anything else."""
    wrong = [w.message for w in answer.warnings if w.code in TABLE_ERRORS]
    return [*wrap(f"WRONG IN THE TABLE: {' '.join(wrong)}" if wrong else ""), *_distance(answer)]


def _distance(answer: Recommendation) -> list[str]:
    spelled = {"n_params": "model size", "tokens": "token budget"}
    far = [
        f"{spelled[name]} {format_factor(factor)} times the largest measured"
        if factor > 1
        else f"{spelled[name]} {format_factor(1 / factor)} times below the smallest measured"
        for name, factor in answer.extrapolation.items()
        if name in spelled and not 1 / FAR <= factor <= FAR
    ]
    if not far:
        return []
    return wrap(f"FAR OUTSIDE THE DATA: {'; '.join(far)}. Read what follows as a guess.")


def head(answer: Recommendation) -> str:
    """The answer in one sentence."""
    target = (
        f"{format_quantity(answer.n_params)} parameters, {format_quantity(answer.tokens)} tokens"
    )
    compute = f"{answer.details['flops']:.3g} FLOPs" if "flops" in answer.details else ""
    if answer.feasible is False:
        return f"No feasible ratio for {compute and f'{compute}: '}{target}."
    if answer.feasible is None:
        best = f"best use of {compute}: " if compute else "ratio for "
        return f"The data cannot tell the {best}{target}."
    assert answer.recommended is not None
    share = percent(answer.recommended)
    if compute:
        return f"Best use of {compute}: {target}, domain share {share}."
    if any(w.code == "no-domain" for w in answer.warnings):
        return f"Recommended mixture for {target}."
    return f"Recommended domain share: {share} for {target}."


def verdict(answer: Recommendation) -> list[str]:
    """The answer in one sentence, and why it is so."""
    reasons = [w.message for w in answer.warnings if is_reason(w)]
    if answer.feasible is None:
        reasons += despite(answer)
    elif answer.feasible:
        reasons = [*_mixture_and_promise(answer), *reasons]
    return [*wrap(head(answer)), *wrap(" ".join(reasons), "  ")]


def despite(answer: Recommendation) -> list[str]:
    """What can be done although the data cannot tell: a cautious share, and the run to add."""
    sentences = []
    if answer.recommended is not None:
        sentences.append(f"A cautious share that obeys the risk is {percent(answer.recommended)}.")
    if answer.next_run:
        sentences.append(answer.next_run["text"])
    return sentences


def _mixture_and_promise(answer: Recommendation) -> list[str]:
    """The shares, of many corpora those of half a percent on, and what they keep to."""
    mixture = [
        f"{corpus} {percent(share['recommended'] or 0.0)}"
        for corpus, share in answer.shares.items()
        if len(answer.shares) == 2 or (share["recommended"] or 0.0) >= 0.005
    ]
    sentences = [f"Mixture: {', '.join(mixture)}."]
    rise = answer.general_rise
    if rise is None:
        return sentences
    if answer.promise:
        sentences.append(answer.promise)
    elif not answer.keeps_bound and rise["high"] > 0:
        sentences.append(
            f"Nothing bounds the general loss here: it {moved(rise['estimate'], answer.reference)}."
        )
    return sentences


def is_reason(warning: Status) -> bool:
    """True for a warning of the answer that stands beside the verdict."""
    return warning.code in _REASONS and not warning.law
