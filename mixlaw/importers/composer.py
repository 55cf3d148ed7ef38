"""Composer and llm-foundry: the console, blocks under ``[batch=100/300]:`` and ``[Eval ...]``.

Held-out losses are lines ``Eval metrics/eval/<label>/LanguageCrossEntropy: 2.31``. Where the block
of training before them logs ``time/token`` and ``time/batch``, tokens follow in proportion to the
batches (both count what was done before the batch of the block).
"""

import re
from collections.abc import Sequence
from pathlib import Path

from mixlaw.importers import UNNAMED, Evaluation, Log, Request
from mixlaw.importers.reading import (
    Metrics,
    plain,
    read_lines,
    to_count,
    to_number,
)

EXAMPLE = "Eval metrics/eval/domain/LanguageCrossEntropy: 2.3100"
FILES = ("*.log", "*.out", "*.txt")

_MARKER = re.compile(
    r"^(?:\d+: *)?\[(?:epoch=(?P<epoch>\d+)\]\[)?batch=(?P<batch>\d+)(?:/(?P<of>\d+))?\]"
)
_LOSS = re.compile(
    r"\bEval (?P<metric>metrics/(?P<set>.+)/(?:LanguageCrossEntropy|\w+)): (?P<loss>\S+)"
)
_CROSS_ENTROPY = "/LanguageCrossEntropy"
_CLOCK = re.compile(r"\bTrain time/(?P<of>token|batch): (?P<count>\d+)")


def recognises(path: Path, head: bytes) -> bool:
    """A marker of a batch and a metric of Composer below it."""
    lines = plain(head.decode("latin-1")).splitlines()
    marked = any(_MARKER.match(line) for line in lines)
    return marked and any(
        re.search(r"\b(?:Train|Eval) (?:metrics|loss|time|throughput)/|Train LanguageCrossE", line)
        for line in lines
    )


def read(paths: Sequence[Path], request: Request) -> Log:
    """Evaluations of one run.

    Raises:
        DataError: a loss is no number, or there is none.
    """
    log = Log()
    metrics = Metrics(request.losses)
    for path in paths:
        clock: dict[str, float] = {}
        for number, (line, whole) in enumerate(
            read_lines(path, request.progress, strict=False), start=1
        ):
            text, place = plain(line), f"'{path}', line {number}"
            if not whole and (_LOSS.search(text) or "metrics/" in text):
                log.truncated = True
                break
            if marker := _MARKER.match(text):
                log.last_step = _step(marker, place)
                if marker["of"] and not marker["epoch"]:
                    log.planned_steps = to_count(marker["of"], place)
                clock = {}
            elif tick := _CLOCK.search(text):
                clock[tick["of"]] = to_count(tick["count"], place)
            elif match := _LOSS.search(text):
                metrics.seen.add(match["metric"])
                if not match["metric"].endswith(_CROSS_ENTROPY):
                    continue
                log.evaluations.append(
                    Evaluation(_eval_set(match["set"]), to_number(match["loss"], place),
                               step=log.last_step or 0.0, tokens=_tokens(log.last_step, clock))
                )  # fmt: skip
    return metrics.close(log, paths[0], "Composer")


def _step(marker: re.Match[str], place: str) -> float:
    batch = to_count(marker["batch"], place)
    if marker["epoch"] is None:
        return batch
    per_epoch = to_count(marker["of"] or 0, place)
    return (to_count(marker["epoch"], place) - 1) * per_epoch + batch


def _eval_set(label: str) -> str:
    """``eval/domain`` is domain; a loader called ``eval`` has no name."""
    return UNNAMED if label == "eval" else label.removeprefix("eval/")


def _tokens(step: float | None, clock: dict[str, float]) -> float | None:
    if not step:
        return 0.0
    if not clock.get("batch") or "token" not in clock:
        return None
    return float(round(clock["token"] * step / clock["batch"]))
