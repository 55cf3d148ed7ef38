"""Training loops that take their steps together, each without knowing of the others.

A loop is a generator that yields a ``Batch`` where it needs the gradients of a step, and is sent
the loss when its model has them. Whatever else a run does between two steps (evaluate, save, leave
the trunk for a branch, begin again) is its own affair.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass
