"""Steps that go back: what a resumed run did again, and counters that start from the beginning.

One policy for all logs whose order is the order of training. A step back to some place after the
first evaluation is a resume: what it did again supersedes what was there. A step back to the
beginning may be a job whose counter started again or another run in the same file; the description
says which (``restarts``), and where it does not, the log is refused.
"""

from collections.abc import Sequence
from dataclasses import replace

from mixlaw.errors import DataError
from mixlaw.importers import Evaluation
from mixlaw.importers.assembly.description import RunDescription

SUPERSEDED = "superseded by resumed run"


def in_force(
    run_id: str, run: RunDescription, evaluations: Sequence[Evaluation], notes: list[str]
) -> list[Evaluation]:
    """The evaluations with those flagged that were done again, on one counter that only grows.

    Args:
        run_id: of the run.
        run: what is described of it.
        evaluations: in the order of training.
        notes: gets what a person should know.

    Raises:
        DataError: a counter starts again, and nothing says what that means.
    """
    done = list(evaluations)
    stacks: dict[str, list[int]] = {}
    offsets: dict[str, float] = {}
    superseded, again = 0, set()
    for i, read in enumerate(evaluations):
        stack = stacks.setdefault(read.eval_set, [])
        evaluation = done[i] = _moved(read, offsets.get(read.eval_set, 0.0))
        back = bool(stack) and evaluation.position < done[stack[-1]].position
        if back and evaluation.position <= done[stack[0]].position:
            if _repeats(evaluation, [done[j] for j in stack]):
                continue  # the same log read twice: the table flags its rows as duplicates
            _check_described(run_id, run, evaluation, done[stack[-1]])
            again.add(evaluation.position)
            if run.restarts == "add":
                offsets[read.eval_set] = done[stack[-1]].position
                evaluation = done[i] = _moved(read, offsets[read.eval_set])
                back = False
        while back and stack and done[stack[-1]].position >= evaluation.position:
            j = stack.pop()
            done[j] = replace(done[j], flag=SUPERSEDED)
            superseded += 1
        stack.append(i)
    if again and run.restarts == "add":
        notes.append(f"{run_id}: its counter starts again; what came before is added")
    if superseded:
        notes.append(f"{run_id}: resumed; {superseded} evaluations done again are superseded")
    return done


def _moved(evaluation: Evaluation, offset: float) -> Evaluation:
    """The evaluation with an offset on the counter that it stands at."""
    if not offset:
        return evaluation
    for axis in ("step", "samples", "tokens", "epoch"):
        if (value := getattr(evaluation, axis)) is not None:
            return replace(evaluation, **{axis: value + offset})
    return evaluation


def _repeats(evaluation: Evaluation, before: Sequence[Evaluation]) -> bool:
    return any(e.position == evaluation.position and e.loss == evaluation.loss for e in before)


def _check_described(
    run_id: str, run: RunDescription, evaluation: Evaluation, last: Evaluation
) -> None:
    if run.restarts is None:
        raise DataError(
            f"Run '{run_id}': its counter starts again at {evaluation.position:g} after "
            f"{last.position:g}, where run '{run_id}' would have two losses for "
            f"'{evaluation.eval_set}'; say 'restarts: add' in the description if the run goes on "
            f"(what came before is added), 'restarts: replace' if what came before is void, or "
            "give each part of the log its own run."
        )
