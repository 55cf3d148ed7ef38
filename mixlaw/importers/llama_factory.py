"""LLaMA-Factory: ``trainer_log.jsonl``, one JSON object a log step.

It holds a single ``eval_loss``; where several eval sets were given, their losses are in the
``trainer_state.json`` beside it, which 'hf-trainer' reads.
"""

from collections.abc import Sequence
from pathlib import Path

from mixlaw.importers import Evaluation, Log, Request
from mixlaw.importers.reading import (
    Metrics,
    keys_of,
    read_json_lines,
    to_count,
    to_number,
    token_counts,
)

EXAMPLE = '{"current_steps": 100, "total_steps": 500, "eval_loss": 2.31, "total_tokens": 204800}'
FILES = ("trainer_log.jsonl",)


def recognises(path: Path, head: bytes) -> bool:
    """JSON lines with ``current_steps``."""
    return "current_steps" in keys_of(head.split(b"\n", 1)[0].decode("utf-8", "replace"))


def read(paths: Sequence[Path], request: Request) -> Log:
    """Evaluations of one run.

    Raises:
        DataError: a line inside is corrupt, or no line has an ``eval_loss``.
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
            if "current_steps" not in record and not losses:
                continue
            step = to_count(record.get("current_steps"), place)
            log.last_step = step
            log.planned_steps = to_number(record.get("total_steps", step), place)
            counts = token_counts(record, place)
            tokens = next(iter(counts.values()), None)
            for metric, eval_set in losses:
                if (value := record[metric]) is not None:
                    loss = to_number(value, place)
                    log.evaluations.append(
                        Evaluation(eval_set, loss, step=step, tokens=tokens, counts=counts)
                    )
    metrics.close(log, paths[0], "LLaMA-Factory")
    log.notes.append("trainer_log.jsonl has one eval loss; trainer_state.json has one per eval set")
    return log
