"""Hugging Face Trainer: ``trainer_state.json``.

``log_history`` holds ``eval_<set>_loss`` where ``eval_dataset`` is a dict, else one ``eval_loss``;
``num_input_tokens_seen`` is the token axis where the Trainer counts tokens.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mixlaw.errors import DataError
from mixlaw.importers import Evaluation, Log, Request
from mixlaw.importers.reading import (
    closing,
    eval_set_of,
    loads,
    read_text,
    refuse_without_losses,
    to_count,
    to_number,
)

EXAMPLE = '{"epoch": 1.0, "eval_domain_loss": 2.31, "num_input_tokens_seen": 65536, "step": 128}'
FILES = ("trainer_state.json",)


def recognises(path: Path, head: bytes) -> bool:
    """A JSON object with the keys of a TrainerState."""
    return head.lstrip()[:1] == b"{" and (b'"log_history"' in head or b'"best_metric"' in head)


def read(paths: Sequence[Path], request: Request) -> Log:
    """Evaluations of one run; several states are those of a resumed run, in order.

    Raises:
        DataError: no TrainerState, corrupt, or without held-out losses.
    """
    log = Log()
    metrics: set[str] = set()
    for path in paths:
        state = _state(path, read_text(path, request.progress), log)
        _read_state(path, state, request, log, metrics)
    if not log.evaluations:
        raise refuse_without_losses(paths[0], "the Trainer", metrics)
    return log


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


def _read_state(
    path: Path, state: dict[str, Any], request: Request, log: Log, metrics: set[str]
) -> None:
    steps: list[float] = []
    for number, record in enumerate(state["log_history"], start=1):
        place = f"'{path}', record {number} of log_history"
        if not isinstance(record, dict) or "step" not in record:
            raise DataError(f"{place}: no 'step'.")
        step = to_count(record["step"], place)
        steps.append(step)
        seen = record.get("num_input_tokens_seen")
        tokens = None if seen is None else to_count(seen, place)
        metrics.update(record)
        for metric, value in record.items():
            eval_set = eval_set_of(metric, request.losses)
            if eval_set is not None:
                loss = to_number(value, f"{place}, {metric}")
                log.evaluations.append(Evaluation(eval_set, loss, step=step, tokens=tokens))
    log.last_step = to_count(state.get("global_step", max(steps, default=0)), f"'{path}'")
    if (planned := state.get("max_steps")) is not None:
        log.planned_steps = to_number(planned, f"'{path}', max_steps")
