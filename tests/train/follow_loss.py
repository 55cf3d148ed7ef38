"""``follow_loss.py FOLDER OUT``: train 50 steps of a base and write down every step's loss.

Started alone, or by torchrun as one of several ranks.
"""

import json
import sys
from pathlib import Path

from mixlaw.corpora.prepare import load_corpora
from mixlaw.rundir.folder import RunFolder
from mixlaw.rundir.spec import BaseSpec
from mixlaw.train.distributed import SharedFolder, process_group
from mixlaw.train.gradients import Gradients
from mixlaw.train.interrupts import StoppedError, Watch
from mixlaw.train.pretrain import train_base
from mixlaw.train.ranks import leave, n_ranks, rank
from mixlaw.train.state import set_up_torch
from mixlaw.train.steps import take_steps

STEPS = 50


class Notes(Watch):
    """Keeps all losses, and stops after enough of them."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []

    @property
    def must_stop(self) -> bool:
        return len(self.losses) == STEPS

    def report(self, file: Path, tokens: int, total: int, loss: float) -> None:
        self.losses.append(loss)


if __name__ == "__main__":
    set_up_torch()
    notes = Notes()
    with process_group():
        folder = (SharedFolder if n_ranks() > 1 else RunFolder)(Path(sys.argv[1]))
        spec = folder.spec()
        assert isinstance(spec, BaseSpec)
        loop = train_base(folder, spec, load_corpora(folder.experiment / "corpora"), notes)
        [end] = take_steps([loop], Gradients)
        assert isinstance(end, StoppedError), end
        if rank() == 0:
            Path(sys.argv[2]).write_text(json.dumps(notes.losses))
    leave(0)
