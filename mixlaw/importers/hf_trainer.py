"""Hugging Face Trainer, and TRL on top of it: ``trainer_state.json``.

``log_history`` holds ``eval_<set>_loss`` where ``eval_dataset`` is a dict, else one ``eval_loss``.
The token axis is TRL's ``eval_num_tokens`` (tokens trained on so far, without padding), else
``num_input_tokens_seen`` of the record, else that of the whole state in proportion to the steps.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mixlaw.errors import DataError
from mixlaw.importers import Evaluation, Log, Request
from mixlaw.importers.reading import (
    Metrics,
    closing,
    keys_of,
    loads,
    read_text,
    to_count,
    to_number,
    token_counts,
)

EXAMPLE = '{"epoch": 1.0, "eval_domain_loss": 2.31, "num_input_tokens_seen": 65536, "step": 128}'
FILES = ("trainer_state.json",)

_SEEN = "num_input_tokens_seen"


def recognises(path: Path, head: bytes) -> bool:
    """One JSON object that has the keys of a TrainerState at its top."""
    text = head.decode("utf-8", "replace")
    keys = keys_of(text)
    end = closing(text, text.find("{")) if keys else None
    alone = end is None or not text[end + 1 :].strip()
    return alone and ("log_history" in keys or "best_metric" in keys)


def read(paths: Sequence[Path], request: Request) -> Log:
    """Evaluations of one run; several states are those of a resumed run, in order.

    Raises:
        DataError: no TrainerState, corrupt, or without held-out losses.
    """
    log = Log()
    metrics = Metrics(request.losses)
    for path in paths:
        _read_state(path, _state(path, read_text(path, request.progress), log), log, metrics)
    return metrics.close(log, paths[0], "the Trainer")


def _state(path: Path, text: str, log: Log) -> dict[str, Any]:
    """The whole document, or what a cut one still says."""
    try:
        state = loads(text)
    except ValueError as error:
        start = text.find("{")
        if start < 0 or closing(text, start) is not None or "nested" in str(error):
            raise DataError(f"'{path}' is no trainer_state.json: not JSON ({error}).") from None
        log.truncated = True
        return {"log_history": _whole_records(path, text)}
    if not isinstance(state, dict) or not isinstance(state.get("log_history"), list):
        raise DataError(f"'{path}' is no trainer_state.json: it has no list 'log_history'.")
    return state


def _whole_records(path: Path, text: str) -> list[Any]:
    """Whole records of a ``log_history`` that is cut; a broken one before the cut is refused."""
    records = []
    start = text.find("{", text.find('"log_history"')) if '"log_history"' in text else -1
    while start >= 0 and (end := closing(text, start)) is not None:
        try:
            records.append(json.loads(text[start : end + 1]))
        except ValueError as error:
            raise DataError(
                f"'{path}' is corrupt: record {len(records) + 1} of log_history ({error})."
            ) from None
        between = text[end + 1 :].lstrip()
        start = text.find("{", end + 1) if between.startswith(",") else -1
    return records


def _read_state(path: Path, state: dict[str, Any], log: Log, metrics: Metrics) -> None:
    steps = [0.0]
    of_state = _tokens_per_step(path, state)
    for number, record in enumerate(state["log_history"], start=1):
        place = f"'{path}', record {number} of log_history"
        if not isinstance(record, dict):
            raise DataError(f"{place}: no JSON object.")
        losses = metrics.losses_in(record)
        if not losses and "step" not in record:
            continue  # a prediction or a summary: nothing that stands at a step
        if "step" not in record:
            raise DataError(f"{place}: no 'step'.")
        step = to_count(record["step"], place)
        steps.append(step)
        if losses:
            counts = _counts(record, place) or ({_SEEN: step * of_state} if of_state else {})
            tokens = next(iter(counts.values()), None)
            log.evaluations += [
                Evaluation(eval_set, to_number(record[metric], f"{place}, {metric}"), step=step,
                           tokens=tokens, counts=counts)
                for metric, eval_set in losses
            ]  # fmt: skip
    log.last_step = to_count(state.get("global_step", max(steps)), f"'{path}'")
    if (planned := state.get("max_steps")) is not None:
        log.planned_steps = to_number(planned, f"'{path}', max_steps")


def _counts(record: Mapping[str, Any], place: str) -> dict[str, float]:
    """Token counts of a record; all are of the training, also in a record of an evaluation."""
    counts = token_counts(record, place)
    return dict(sorted(counts.items(), key=lambda count: count[1] == 0))


def _tokens_per_step(path: Path, state: dict[str, Any]) -> float:
    """Tokens that the state has seen by its steps; 0 where its counter did not run."""
    seen = to_count(state.get(_SEEN) or 0, f"'{path}', {_SEEN}")
    steps = to_count(state.get("global_step") or 0, f"'{path}', global_step")
    return seen / steps if steps else 0.0
