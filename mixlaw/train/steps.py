"""Training loops, and how several of them take their steps together.

A loop is a generator that yields a ``Batch`` where it needs the gradients of a step, and is sent
the loss when its model has them. Whatever else a run does between two steps (evaluate, save, leave
the trunk for a branch, begin again) is its own affair, so no loop knows of the others.

Nothing here imports torch: ``mixlaw.train.gradients`` computes what the loops wait for.
"""

from collections.abc import Callable, Generator, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Batch:
    """A step whose gradients a loop waits for.

    Attributes:
        model: whose gradients they are.
        sequences: token ids, shape (batch_size, seq_len + 1).
        micro_batch: sequences that go through the model at once.
    """

    model: Any
    sequences: "torch.Tensor"
    micro_batch: int


#: What is sent to it is the loss of the batch that it yielded, nats per token.
Loop = Generator[Batch, float, None]
#: Leaves the gradients of every batch in its model, and returns the losses, nats per token.
ComputeGradients = Callable[[Sequence[Batch]], Sequence[float]]


def take_steps(
    loops: Sequence[Loop], prepare: Callable[[], ComputeGradients]
) -> list[Exception | None]:
    """Run loops to their ends, one step of all that go on at a time.

    Args:
        loops: of models of one shape.
        prepare: makes what computes the gradients; called when every loop has come to its first
            step, so that importing torch (seconds) does not delay what a run does before.

    Returns:
        What ended each of them: an exception, or None for its proper end.
    """
    members = [_Member(loop) for loop in loops]
    for member in members:
        member.resume(next, member.loop)
    compute_gradients = prepare()
    while active := [member for member in members if member.batch is not None]:
        try:
            losses = compute_gradients([member.batch for member in active if member.batch])
        except Exception as error:  # memory that ran out, for one: each run reports it in its way
            for member in active:
                member.resume(member.loop.throw, error)
        else:
            for member, loss in zip(active, losses, strict=True):
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
        """Let the loop go on to its next step, or its end.

        Args:
            how: ``next``, or the loop's ``send`` or ``throw``.
            what: the argument of ``how``: the loop, a loss or an exception.
        """
        self.batch = None
        try:
            self.batch = self._context.run(how, what)
        except StopIteration:
            pass
        except Exception as error:
            self.error = error
