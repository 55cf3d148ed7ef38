"""Evaluations of one run, kept as records."""

from dataclasses import dataclass
from math import isfinite

from mixlaw.corpora.prepare import Corpora
from mixlaw.train.checkpoint import State
from mixlaw.train.evaluate import EVAL_BATCH, Measured, evaluate
from mixlaw.train.folder import Record, RunFolder
from mixlaw.train.loop import DivergedError
from mixlaw.train.spec import AnySpec


def eval_batch(spec: AnySpec) -> int:
    """Windows per forward pass: no more than go through the model in training."""
    return min(EVAL_BATCH, spec.micro_batch or EVAL_BATCH)


@dataclass
class Recorder:
    """Evaluates a state on every held-out set and keeps the records.

    Attributes:
        folder: where records go.
        corpora: whose held-out sets are measured.
        step_flops: training FLOPs a step.
        eval_batch: windows per forward pass.
    """

    folder: RunFolder
    corpora: Corpora
    step_flops: int
    eval_batch: int = EVAL_BATCH

    def has(self, run_id: str, tokens: int) -> bool:
        """Whether all eval sets are recorded for this point."""
        known = {record.key for record in self.folder.records()}
        return all((run_id, tokens, name) in known for name in self.corpora.held_out)

    def measure(
        self, state: State, run_id: str, *, tokens: int, annealed: bool, budget: int | None = None
    ) -> None:
        """Evaluate and record, unless an interrupted run has done so already.

        Raises:
            DivergedError: a held-out loss is not finite.
        """
        if self.has(run_id, tokens):
            return
        results = {
            name: evaluate(state.model, held_out, self.eval_batch)
            for name, held_out in self.corpora.held_out.items()
        }
        if not all(measured.is_finite for measured in results.values()):
            raise DivergedError(state.step)
        self.folder.append(
            [
                self._record(run_id, tokens, name, measured, annealed, budget, state.step)
                for name, measured in results.items()
            ]
        )

    def diverged(self, run_id: str, *, step: int, tokens: int, budget: int | None = None) -> None:
        """Record that a run ended here without a loss: such rows are kept and flagged."""
        self.folder.append(
            [
                self._record(run_id, tokens, name, None, False, budget, step)
                for name in self.corpora.held_out
            ]
        )

    def _record(
        self,
        run_id: str,
        tokens: int,
        name: str,
        measured: Measured | None,
        annealed: bool,
        budget: int | None,
        step: int,
    ) -> Record:
        return Record(
            run_id=run_id,
            tokens=tokens,
            eval_set=name,
            loss=measured.loss if measured else None,
            loss_se=measured.loss_se if measured and isfinite(measured.loss_se) else None,
            bpb=measured.bpb if measured else None,
            eval_tokens=self.corpora.held_out[name].n_tokens,
            annealed=annealed,
            token_budget=budget,
            flops=step * self.step_flops,
        )
