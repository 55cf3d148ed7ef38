"""The training loop: schedule, gradients, step, progress, evaluation, from top to bottom."""

import logging
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import torch

from mixlaw.corpora.mixing import MixtureStream
from mixlaw.errors import RunError
from mixlaw.rundir.folder import RunFolder
from mixlaw.rundir.spec import Spec
from mixlaw.schedule import Schedule
from mixlaw.train.checkpoint import State, save_checkpoint
from mixlaw.train.distributed import any_rank, mean_over_ranks, own_sequences
from mixlaw.train.interrupts import StoppedError, Watch
from mixlaw.train.steps import Batch, Loop

log = logging.getLogger(__name__)


class DivergedError(RunError):
    """The training loss is not finite any more; ``step`` says when."""

    def __init__(self, step: int) -> None:
        super().__init__(f"The training loss is not finite after step {step}.")
        self.step = step


@dataclass(frozen=True)
class Leg:
    """One stretch of training: a base, a trunk, or a branch.

    Attributes:
        folder: where checkpoints and progress go.
        name: of its checkpoint.
        stream: training sequences by position.
        batch_size: sequences a step.
        schedule: learning rate by step.
        clip: largest norm of the gradient.
        watch: when to stop and to save.
        total: steps of trunk and branches together, for the progress display.
        before: steps of earlier branches among them: progress counts from there.
        micro_batch: sequences that go through the model at once; None for all of a step.
    """

    folder: RunFolder
    name: str
    stream: MixtureStream
    batch_size: int
    schedule: Schedule
    clip: float
    watch: Watch
    total: int
    before: int = 0
    micro_batch: int | None = None

    @classmethod
    def of(
        cls,
        folder: RunFolder,
        spec: Spec,
        name: str,
        *,
        stream: MixtureStream,
        schedule: Schedule,
        watch: Watch,
        total: int,
    ) -> "Leg":
        """The first leg of a base or run; batch, clipping and passes are those of its ``spec``."""
        return cls(
            folder=folder,
            name=name,
            stream=stream,
            batch_size=spec.data.batch_size,
            schedule=schedule,
            clip=spec.optim.clip,
            watch=watch,
            total=total,
            micro_batch=spec.micro_batch,
        )

    @property
    def checkpoint(self) -> Path:
        """Its checkpoint file."""
        return self.folder.checkpoint(self.name)


def train(
    state: State,
    leg: Leg,
    until: int,
    evaluate_at: Collection[int] = (),
    evaluate: Callable[[State], None] = lambda state: None,
) -> Loop:
    """Take steps until ``state.step == until``; call ``evaluate`` after those in ``evaluate_at``.

    A generator: who runs it computes the gradients of each step (see ``mixlaw.train.steps``).

    Raises:
        DivergedError: the loss is not finite.
        StoppedError: the process has to stop; the checkpoint holds the state.
    """
    step_tokens = leg.batch_size * leg.stream.seq_len
    while state.step < until:
        must_stop, is_due = any_rank(leg.watch.must_stop, leg.watch.checkpoint_due())
        if must_stop:
            save_checkpoint(state, leg.checkpoint)
            raise StoppedError(
                f"Stopped at step {state.step} of {leg.folder.run_id}; it can continue."
            )
        if is_due:
            with leg.watch.saving():
                save_checkpoint(state, leg.checkpoint)
            log.info("%s: checkpoint at step %d", leg.name, state.step)

        rows = leg.stream.batch(state.step * leg.batch_size, leg.batch_size)
        batch = torch.from_numpy(own_sequences(rows))
        for group in state.optimizer.param_groups:
            group["lr"] = leg.schedule.at(state.step)
        # ------------------------------------------------------------------ one step
        loss = yield Batch(state.model, batch, leg.micro_batch or leg.batch_size)
        torch.nn.utils.clip_grad_norm_(state.model.parameters(), leg.clip)
        state.optimizer.step()
        state.optimizer.zero_grad(set_to_none=True)
        state.step += 1
        # ------------------------------------------------------------------

        loss = mean_over_ranks(loss)
        if not math.isfinite(loss):
            raise DivergedError(state.step)
        leg.watch.report(
            leg.folder.progress_file,
            (leg.before + state.step) * step_tokens,
            leg.total * step_tokens,
            loss,
        )
        if state.step in evaluate_at:
            evaluate(state)
