"""OLMo-core: ``metrics_step<N>.json`` and ``metrics.json`` of its MetricSaverCallback.

Each file is one flat object with the latest value of every metric: held-out losses are
``eval/lm/<label>/CE loss`` and the token axis is ``throughput/total tokens``. "Latest" means that a
file saved between two evaluations repeats the older one; a repeated value is flagged as stale.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mixlaw.errors import DataError
from mixlaw.importers import Evaluation, Log, Request
from mixlaw.importers.reading import (
    TOKENS,
    Metrics,
    closing,
    keys_of,
    loads,
    read_text,
    to_count,
    to_number,
)

EXAMPLE = '{"throughput/total tokens": 65536, "eval/lm/domain/CE loss": 2.31}'
FILES = ("metrics_step*.json", "metrics.json")

_STEP = re.compile(r"metrics_step(\d{1,18})\.json")


def recognises(path: Path, head: bytes) -> bool:
    """A JSON object with OLMo-core's metric names."""
    keys = keys_of(head.decode("utf-8", "replace"))
    return any(key.endswith("/CE loss") or key.startswith("throughput/total tok") for key in keys)


def read(paths: Sequence[Path], request: Request) -> Log:
    """Evaluations of one run, one file a point.

    Raises:
        DataError: no JSON object (a cut one holds no whole record), or no held-out losses.
    """
    log = Log()
    metrics = Metrics(request.losses)
    ordered = sorted(paths, key=_order)
    for path in ordered:
        saved = _metrics(path, request, last=path == ordered[-1])
        if saved is None:
            log.truncated = True
            continue
        tokens = next((to_count(saved[n], f"'{path}', {n}") for n in TOKENS if n in saved), None)
        step = _STEP.fullmatch(path.name)
        for metric, eval_set in metrics.losses_in(saved):
            loss = to_number(saved[metric], f"'{path}', {metric}")
            at = float(step[1]) if step else None
            log.evaluations.append(Evaluation(eval_set, loss, step=at, tokens=tokens))
    metrics.close(log, paths[0], "OLMo-core")
    log.evaluations = _flag_stale(log.evaluations)
    return log


def _order(path: Path) -> tuple[bool, int]:
    step = _STEP.fullmatch(path.name)
    return (step is None, int(step[1]) if step else 0)


def _metrics(path: Path, request: Request, last: bool) -> dict[str, Any] | None:
    """One file's metrics; None for a last file that is cut."""
    text = read_text(path, request.progress)
    try:
        saved = loads(text)
    except ValueError as error:
        if last and text.lstrip()[:1] in {"", "{"} and closing(text, 0) is None:
            return None
        raise DataError(f"'{path}' is no metrics file of OLMo-core: not JSON ({error}).") from None
    if not isinstance(saved, dict):
        raise DataError(f"'{path}' is no metrics file of OLMo-core: it holds no JSON object.")
    return saved


def _flag_stale(evaluations: list[Evaluation]) -> list[Evaluation]:
    """Flag a loss that is exactly that of the file before at other tokens: it was not measured."""
    last: dict[str, Evaluation] = {}
    flagged = []
    for evaluation in evaluations:
        before = last.get(evaluation.eval_set)
        stale = before is not None and before.loss == evaluation.loss
        if stale and before is not None and before.tokens == evaluation.tokens:
            continue  # metrics.json repeats the last metrics_step file
        last[evaluation.eval_set] = evaluation
        flagged.append(replace(evaluation, flag="stale evaluation") if stale else evaluation)
    return flagged
