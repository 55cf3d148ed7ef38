"""NeMo AutoModel: ``training.jsonl`` and ``validation[_<set>].jsonl`` of the checkpoint folder.

A training row has ``step`` and ``num_tokens_per_step``; the tokens at a validation are their sum up
to its step. The folder is the log. ``validation_weighted`` is a blend, and is left out.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from mixlaw.errors import DataError
from mixlaw.importers import UNNAMED, Evaluation, Log, Request
from mixlaw.importers.reading import (
    keys_of,
    read_json_lines,
    refuse_without_losses,
    to_count,
    to_number,
)

EXAMPLE = 'validation_domain.jsonl: {"step": 100, "epoch": 0, "val_loss": 2.31}'
FILES = ("training.jsonl", "validation*.jsonl")

_VALIDATION = re.compile(r"validation(?:_(?P<set>.+))?")
_BLEND = "weighted"


def recognises(path: Path, head: bytes) -> bool:
    """JSON lines with ``val_loss`` or ``num_tokens_per_step``."""
    keys = keys_of(head.split(b"\n", 1)[0].decode("utf-8", "replace"))
    return "step" in keys and ("val_loss" in keys or "num_tokens_per_step" in keys)


def read(paths: Sequence[Path], request: Request) -> Log:
    """Evaluations of one run.

    Raises:
        DataError: corrupt inside, or no validation file.
    """
    log = Log(ordered=False)
    tokens: dict[int, float] = {}
    for path in sorted(paths, key=lambda path: path.stem != "training"):
        matched = _VALIDATION.fullmatch(path.stem)
        if path.stem == "training":
            tokens = _token_axis(path, request, log)
        elif matched and matched["set"] == _BLEND:
            log.notes.append(f"left out {path.name}, the weighted blend of the other sets")
        else:
            name = matched["set"] if matched and matched["set"] else UNNAMED
            _read_validation(path, name, tokens, request, log)
    if not log.evaluations:
        raise refuse_without_losses(paths[0], "NeMo AutoModel", ())
    return log


def _token_axis(path: Path, request: Request, log: Log) -> dict[int, float]:
    """Tokens seen after each step; none at all if a step is not logged, rather than too few."""
    seen: dict[int, float] = {}
    total, gaps, last = 0.0, 0, -1
    for record, number in read_json_lines(path, request.progress):
        if record is None:
            log.truncated = True
            break
        place = f"'{path}', line {number}"
        step = int(to_count(record.get("step"), place))
        if step <= last:
            raise DataError(
                f"{place}: step {step} comes after step {last}; import a resumed run "
                "with one folder per part."
            )
        gaps += step - last - 1 if last >= 0 or step > 1 else 0
        total += to_count(record.get("num_tokens_per_step"), place)
        seen[step] = total
        last = step
    log.last_step = last
    if gaps:
        log.notes.append(
            f"training.jsonl skips {gaps} steps, so its token counts are incomplete and not used"
        )
        return {}
    return seen


def _read_validation(
    path: Path, name: str, tokens: dict[int, float], request: Request, log: Log
) -> None:
    for record, number in read_json_lines(path, request.progress):
        if record is None:
            log.truncated = True
            return
        place = f"'{path}', line {number}"
        step = int(to_count(record.get("step"), place))
        loss = to_number(record.get("val_loss"), place)
        log.evaluations.append(Evaluation(name, loss, step=step, tokens=tokens.get(step)))
