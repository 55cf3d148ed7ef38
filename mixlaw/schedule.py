"""Learning-rate schedules in steps: warm-up, constant trunk, linear decay."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """Warm-up to ``peak``, constant, and from ``decay_start`` on linear to ``final`` at ``end``.

    The learning rate of step n (from 0) is ``at(n)``; it would be ``final`` at step ``end``, the
    first one not taken. A trunk has no decay: ``decay_start`` is None.
    """

    peak: float
    final: float
    warmup: int
    decay_start: int | None = None
    end: int | None = None

    def at(self, step: int) -> float:
        """Learning rate of this step."""
        if step < self.warmup:
            return self.peak * (step + 1) / self.warmup
        if self.decay_start is None or self.end is None or step < self.decay_start:
            return self.peak
        done = min(1.0, (step - self.decay_start) / (self.end - self.decay_start))
        return self.peak + (self.final - self.peak) * done

    def document(self, step_tokens: int) -> dict[str, str | float]:
        """The ``schedule`` column of the runs table: lengths in tokens, not in steps."""
        warmup = {
            "peak": self.peak,
            "final": self.final,
            "warmup_tokens": self.warmup * step_tokens,
        }
        if self.decay_start is None:
            return {"kind": "constant", **warmup, "final": self.peak}
        return {"kind": "wsd", **warmup, "decay_start_tokens": self.decay_start * step_tokens}
