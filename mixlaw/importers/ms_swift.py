"""ms-swift: ``logging.jsonl``, one JSON object a log step, with ``global_step/max_steps``.

The losses are those of the Trainer (``eval_loss``, or ``eval_<set>_loss``); with its Megatron
backend the step is ``iteration``. The last line sums the run up and holds no step.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mixlaw.errors import DataError
from mixlaw.importers import Evaluation, Log, Request
from mixlaw.importers.reading import (
    Metrics,
    keys_of,
    read_json_lines,
    to_count,
    to_number,
    token_counts,
)

EXAMPLE = '{"eval_domain_loss": 2.31, "epoch": 0.5, "global_step/max_steps": "100/200"}'
FILES = ("logging.jsonl",)

_STEPS = ("global_step/max_steps", "iteration")


def recognises(path: Path, head: bytes) -> bool:
    """JSON lines whose step is ``"100/200"``."""
    lines = head.decode("utf-8", "replace").splitlines()[:2]
    return any(
        _STEPS[0] in (keys := keys_of(line)) or {"iteration", "elapsed_time"} <= set(keys)
        for line in lines
    )


def read(paths: Sequence[Path], request: Request) -> Log:
    """Evaluations of one run.

    Raises:
        DataError: a line inside is corrupt, or none holds a held-out loss.
    """
    log = Log()
    metrics = Metrics(request.losses)
    for path in paths:
        for record, number in read_json_lines(path, request.progress):
            if record is None:
                log.truncated = True
                continue
            place = f"'{path}', line {number}"
            losses = metrics.losses_in(record)
            if not losses and not any(name in record for name in _STEPS):
                continue
            log.last_step, log.planned_steps = _steps(record, place)
            counts = token_counts(record, place)
            tokens = next(iter(counts.values()), None)
            for metric, eval_set in losses:
                loss = to_number(record[metric], f"{place}, {metric}")
                log.evaluations.append(
                    Evaluation(eval_set, loss, step=log.last_step, tokens=tokens, counts=counts)
                )
    return metrics.close(log, paths[0], "ms-swift")


def _steps(record: Mapping[str, Any], place: str) -> tuple[float, float]:
    """Steps done and planned."""
    text = next((record[name] for name in _STEPS if name in record), None)
    done, slash, planned = str(text).partition("/")
    if not slash:
        raise DataError(f'{place}: no step such as "100/200" in {" or ".join(_STEPS)}.')
    return to_count(done, place), to_count(planned, place)
