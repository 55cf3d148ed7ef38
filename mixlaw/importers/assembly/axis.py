"""The token axis of a run: which counter is believed, and what is said where two contradict.

In this order: the log's own count of tokens (TRL's, which leaves padding out, before the
Trainer's), its sequences times ``sequence_length``, its steps times ``tokens_per_step``, its
epochs times ``tokens_per_epoch`` (or steps per epoch), the described ``tokens``. ``token_axis`` of
the description overrules. A count of 0 at a later step was never switched on, and is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mixlaw.errors import ConfigError, DataError
from mixlaw.importers import Evaluation
from mixlaw.importers.assembly.description import RunDescription
from mixlaw.quantities import format_quantity

#: Two counts of tokens this far apart (relative) contradict each other: padding, a last batch that
#: is not full and rounded epochs stay below it. Conventional.
CONTRADICTION = 0.05


@dataclass(frozen=True)
class Count:
    """The tokens of an evaluation by one counter, and how a person is told which one."""

    axis: str
    how: str
    tokens: float


def token_axis(
    run_id: str,
    run: RunDescription,
    evaluations: Sequence[Evaluation],
    source: str,
    notes: list[str],
) -> list[float]:
    """Training tokens at every evaluation of a run.

    Args:
        run_id: of the run.
        run: what is described of it.
        evaluations: in the order of the log.
        source: of the log, for messages.
        notes: gets what a person should know.

    Raises:
        ConfigError: nothing gives the tokens; the axis is never guessed.
        DataError: a trained run has no evaluation after its beginning.
    """
    switched_on = [_without_idle_counters(run_id, e, notes) for e in evaluations]
    counts = [_counts(run, evaluation) for evaluation in switched_on]
    chosen = [
        _chosen(run_id, run, evaluation, known, source)
        for evaluation, known in zip(switched_on, counts, strict=True)
    ]
    _note_contradiction(run_id, chosen, counts, notes)
    tokens = [count.tokens for count in chosen]
    if tokens and not any(tokens) and run.mixture() is not None:
        raise DataError(
            f"Every evaluation of run '{run_id}' in {source} stands at 0 {chosen[0].axis}: either "
            "that counter was not running, so export another one or say 'tokens' in the "
            "description, or this is the base model before training, whose losses belong under "
            "'bases'."
        )
    return tokens


def _without_idle_counters(run_id: str, evaluation: Evaluation, notes: list[str]) -> Evaluation:
    """The evaluation without counters that are 0 where another one shows that training went on."""
    further = max(evaluation.step or 0, evaluation.epoch or 0, evaluation.samples or 0)
    counts = {name: tokens for name, tokens in evaluation.counts.items() if tokens or not further}
    idle = [name for name in evaluation.counts if name not in counts]
    tokens, samples = evaluation.tokens, evaluation.samples
    if further and tokens == 0:
        tokens = next(iter(counts.values()), None)
        idle = idle or ["of tokens"]
    if samples == 0 and max(evaluation.step or 0, evaluation.epoch or 0):
        samples, idle = None, [*idle, "of samples"]
    if idle:
        at = f"step {evaluation.step:g}" if evaluation.step else f"epoch {evaluation.epoch:g}"
        note = f"{run_id}: the log's counter {', '.join(idle)} is 0 at {at}, so it was not running"
        if not any(line.startswith(note.partition(" is 0")[0]) for line in notes):
            notes.append(f"{note}; it is taken as absent")
    return replace(evaluation, tokens=tokens, samples=samples, counts=counts)


def _counts(run: RunDescription, evaluation: Evaluation) -> list[Count]:
    """All that is known of the tokens of an evaluation, the most trusted first."""
    known = [Count("tokens", name, tokens) for name, tokens in evaluation.counts.items()]
    if evaluation.tokens is not None and not known:
        known.append(Count("tokens", "the log's count", evaluation.tokens))
    if evaluation.samples is not None and run.sequence_length:
        tokens = evaluation.samples * run.sequence_length
        known.append(Count("samples", "sequences x sequence_length", tokens))
    if evaluation.step is not None and run.tokens_per_step:
        known.append(
            Count("steps", "step x tokens_per_step", evaluation.step * run.tokens_per_step)
        )
    if evaluation.epoch is not None:
        if run.tokens_per_epoch:
            tokens = evaluation.epoch * run.tokens_per_epoch
            known.append(Count("epochs", "epoch x tokens_per_epoch", tokens))
        elif run.steps_per_epoch and run.tokens_per_step:
            # A printed epoch is rounded, and an evaluation stands at a whole step.
            steps = round(evaluation.epoch * run.steps_per_epoch)
            tokens = steps * run.tokens_per_step
            known.append(Count("epochs", "epoch x steps_per_epoch x tokens_per_step", tokens))
    return known


def _chosen(
    run_id: str, run: RunDescription, evaluation: Evaluation, known: list[Count], source: str
) -> Count:
    """The count that is believed."""
    wanted = [count for count in known if run.token_axis in (None, count.axis)]
    if wanted:
        return wanted[0]
    at_start = evaluation.position == 0 and any(
        value == 0 for value in (evaluation.step, evaluation.samples, evaluation.epoch)
    )
    if at_start and not run.tokens:
        return Count("steps", "step", 0.0)
    if run.tokens:
        return Count("described", "tokens", float(run.tokens))
    raise ConfigError(
        f"Run '{run_id}' has no token axis in {source}; say {_missing(evaluation)} in the "
        "description, or 'tokens' for a run that is evaluated once."
    )


def _missing(evaluation: Evaluation) -> str:
    """What the description must say for the counters that the log has."""
    batch = "tokens_per_step (global batch size x sequence length)"
    if evaluation.samples is not None:
        return "sequence_length" + (f", or {batch}" if evaluation.step is not None else "")
    if evaluation.step is None and evaluation.epoch is not None:
        return f"steps_per_epoch and {batch}, or tokens_per_epoch (the log counts epochs)"
    return batch


def _note_contradiction(
    run_id: str, chosen: Sequence[Count], counts: Sequence[Sequence[Count]], notes: list[str]
) -> None:
    """Say where two counters of one evaluation are more than 5% apart; the furthest one at that."""
    worst, said = CONTRADICTION, ""
    for believed, known in zip(chosen, counts, strict=True):
        for other in known:
            low, high = sorted((believed.tokens, other.tokens))
            if low > 0 and high / low - 1 > worst:
                worst = high / low - 1
                said = (
                    f"{format_quantity(believed.tokens)} by {believed.how}, "
                    f"{format_quantity(other.tokens)} by {other.how} (a factor of {high / low:.3g})"
                )
    if said:
        notes.append(
            f"{run_id}: two counts of its tokens contradict: {said}; the first is used, "
            "'token_axis' in the description chooses another"
        )
