"""TensorBoard: event files in ``<experiment>/tracking/tensorboard/<run_id>``.

``tensorboard --logdir <experiment>/tracking/tensorboard`` shows them; the step is in tokens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixlaw.trackers import Fact, folder_of, import_package


@dataclass(frozen=True)
class _Run:
    writer: Any

    def log(self, tokens: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self.writer.add_scalar(name, value, tokens)
        self.writer.flush()

    def close(self) -> None:
        self.writer.close()


@dataclass(frozen=True)
class TensorBoard:
    """Writes event files below a folder."""

    folder: Path

    def open_run(self, run_id: str, facts: Mapping[str, Fact]) -> _Run:
        """A new event file; TensorBoard shows all files of a folder as one run.

        It has no place for facts: they are in the name, and all of them in the run's spec.json.
        """
        # The package's own writer: that of torch.utils would bring torch into the driver.
        writer = import_package("tensorboard.summary", "tensorboard").Writer(
            str(self.folder / run_id)
        )
        return _Run(writer)


def open_tracker(experiment: Path) -> TensorBoard:
    """Event files in the experiment's folder.

    Raises:
        ConfigError: tensorboard is not installed.
    """
    import_package("tensorboard.summary", "tensorboard")
    return TensorBoard(folder_of(experiment, "tensorboard"))
