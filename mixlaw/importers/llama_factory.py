"""LLaMA-Factory: ``trainer_log.jsonl``, one JSON object a log step.

It holds a single ``eval_loss``; where several eval sets were given, their losses are in the
``trainer_state.json`` beside it, which 'hf-trainer' reads.
"""

from collections.abc import Sequence
from pathlib import Path

from mixlaw.importers import UNNAMED, Evaluation, Log, Request
from mixlaw.importers.reading import read_json_lines, refuse_without_losses, to_count, to_number

EXAMPLE = '{"current_steps": 100, "total_steps": 500, "eval_loss": 2.31, "total_tokens": 204800}'
FILES = ("trainer_log.jsonl",)


def recognises(path: Path, head: bytes) -> bool:
    """JSON lines with ``current_steps``."""
    return b'"current_steps"' in head.split(b"\n", 1)[0]


def read(paths: Sequence[Path], request: Request) -> Log:
    """Evaluations of one run.

    Raises:
        DataError: a line inside is corrupt, or no line has an ``eval_loss``.
    """
    log = Log()
    metrics: set[str] = set()
    for path in paths:
        for record, number in read_json_lines(path, request.progress):
            if record is None:
                log.truncated = True
                continue
            place = f"'{path}', line {number}"
            step = to_count(record.get("current_steps"), place)
            metrics.update(record)
            log.last_step = step
            log.planned_steps = to_number(record.get("total_steps", step), place)
            if (loss := record.get("eval_loss")) is not None:
                seen = record.get("total_tokens")
                tokens = None if seen is None else to_count(seen, place)
                log.evaluations.append(
                    Evaluation(UNNAMED, to_number(loss, place), step=step, tokens=tokens)
                )
    if not log.evaluations:
        raise refuse_without_losses(paths[0], "LLaMA-Factory", metrics)
    log.notes.append("trainer_log.jsonl has one eval loss; trainer_state.json has one per eval set")
    return log
