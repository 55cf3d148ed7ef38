"""How far a run is while it trains, for a person: ``progress.json``, no part of the result."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunProgress:
    """What a run in training last wrote of itself.

    Attributes:
        tokens: trained on, of trunk and branches together.
        total: tokens planned.
        loss: training loss of the last step, nats per token.
        rate: tokens a second.
    """

    tokens: int
    total: int
    loss: float
    rate: float

    @property
    def fraction(self) -> float:
        """Part of the planned tokens that is done, from 0 to 1."""
        return min(1.0, self.tokens / self.total)

    def __str__(self) -> str:
        return f"{self.fraction:4.0%}  loss {self.loss:.3f}  {self.rate:,.0f} tokens/s"

    def write(self, path: Path) -> None:
        """Replace the file in place: an fsync twice a second would cost more than half a line."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> "RunProgress | None":
        """What ``write`` wrote; None where there is no file yet, or half of one."""
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError):  # the next look will do
            return None
