"""Training loops that take their steps together, each without knowing of the others.

A loop is a generator that yields a ``Batch`` where it needs the gradients of a step, and is sent
the loss when its model has them. Whatever else a run does between two steps (evaluate, save, leave
the trunk for a branch, begin again) is its own affair.
"""

from collections.abc import Callable, Generator, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Batch:
    """A step whose gradients are wanted.

    Attributes:
        model: that is to have them.
        sequences: token ids, shape (batch_size, seq_len + 1).
        micro_batch: sequences that go through the model at once.
    """

    model: Any
    sequences: "torch.Tensor"
    micro_batch: int


Loop = Generator[Batch, float, None]


def take_steps(loops: Sequence[Loop]) -> list[Exception | None]:
    """Run loops to their ends, one step of all that go on at a time.

    Args:
        loops: of models of one shape.

    Returns:
        What ended each of them: an exception, or None for its proper end.
    """
    members = [_Member(loop) for loop in loops]
    for member in members:
        member.resume(next, member.loop)
    # Only now: until its first step a run has other things to say than that torch is imported.
    from mixlaw.train.gradients import Gradients

    gradients = Gradients()
    while going := [member for member in members if member.batch is not None]:
        try:
            losses = gradients([member.batch for member in going if member.batch])
        except Exception as error:  # memory that ran out, for one: each run says so in its way
            for member in going:
                member.resume(member.loop.throw, error)
        else:
            for member, loss in zip(going, losses, strict=True):
                member.resume(member.loop.send, loss)
    return [member.error for member in members]


class _Member:
    """One loop: what it waits for, or what ended it."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.batch: Batch | None = None
        self.error: Exception | None = None
        # What a run sets for itself, such as where its log goes, holds only while it has its turn.
        self._context = copy_context()

    def resume(self, how: Callable[[Any], Batch], what: Any) -> None:
        """Let it go on to its next step, or its end."""
        self.batch = None
        try:
            self.batch = self._context.run(how, what)
        except StopIteration:
            pass
        except Exception as error:
            self.error = error
