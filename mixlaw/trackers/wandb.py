"""Weights & Biases: one W&B run per base or run, in a project with the experiment's name.

The package's own variables decide the rest: ``WANDB_MODE=offline`` writes below
``<experiment>/tracking/wandb``, to be sent later by ``wandb sync``; ``WANDB_PROJECT``,
``WANDB_ENTITY`` and ``WANDB_API_KEY`` as ever.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixlaw.trackers import Fact, folder_of, import_package


@dataclass(frozen=True)
class _Run:
    run: Any

    def log(self, tokens: int, values: Mapping[str, float]) -> None:
        self.run.log({"tokens": tokens, **values})

    def close(self) -> None:
        self.run.finish()


@dataclass(frozen=True)
class WandB:
    """Runs of one project."""

    project: str
    folder: Path

    def open_run(self, run_id: str, facts: Mapping[str, Fact]) -> _Run:
        """The W&B run with this id; several are open at once, one for each that is in training."""
        wandb = import_package("wandb", "wandb")
        run = wandb.init(
            project=self.project,
            id=run_id,
            name=run_id,
            dir=str(self.folder),
            config=dict(facts),
            resume="allow",
            reinit="create_new",
            # Nothing of the driver's own belongs to a run: not its output, code or machine.
            settings=wandb.Settings(
                console="off",
                silent=True,
                disable_code=True,
                disable_git=True,
                x_disable_stats=True,
            ),
        )
        # W&B's own step only grows, and a branch ends beyond where the trunk then goes on.
        run.define_metric("tokens", hidden=True)
        run.define_metric("*", step_metric="tokens")
        return _Run(run)


def open_tracker(experiment: Path) -> WandB:
    """A project with the experiment's name, or that of ``WANDB_PROJECT``.

    Raises:
        ConfigError: wandb is not installed.
    """
    import_package("wandb", "wandb")
    folder = folder_of(experiment, "wandb")
    folder.mkdir(parents=True, exist_ok=True)
    return WandB(os.environ.get("WANDB_PROJECT") or experiment.name, folder)
