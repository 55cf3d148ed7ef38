"""OLMo and OLMo-core: the console, ``[step=100/300,...]`` and ``<label>/CE loss=2.31``.

OLMo-core prints the losses of an evaluation as ``    domain/CE loss=2.310`` below "Finished ...
evals"; the older OLMo as ``eval/domain/CrossEntropyLoss=2.310`` below its step. Both belong to the
last step printed before them, and have four digits. Counts of tokens are printed rounded, so the
description gives ``tokens_per_step``; OLMo-core's metrics files, read by 'olmo-core', have them.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from mixlaw.importers import Evaluation, Log, Request
from mixlaw.importers.reading import Metrics, plain, read_lines, to_count, to_number

EXAMPLE = "    domain/CE loss=2.310"
FILES = ("*.log", "*.out", "*.txt")

_STEP = re.compile(r"\[step=(?P<step>\d+)/(?P<planned>\d+|\?\?\?)[,\]]")
_LOSS = re.compile(r"(?:^|\s)(?P<metric>\S+/(?:CE loss|CrossEntropyLoss))=(?P<loss>\S+)")
_NAME = re.compile(r"(?:eval/)?(?:lm/)?(?P<set>.+)/(?:CE loss|CrossEntropyLoss)")


def recognises(path: Path, head: bytes) -> bool:
    """The marker of a step, with its total."""
    return bool(_STEP.search(plain(head.decode("latin-1"))))


def read(paths: Sequence[Path], request: Request) -> Log:
    """Evaluations of one run.

    Raises:
        DataError: a loss is no number, or there is none.
    """
    log = Log()
    metrics = Metrics(request.losses)
    for path in paths:
        for number, (line, whole) in enumerate(
            read_lines(path, request.progress, strict=False), start=1
        ):
            text, place = plain(line), f"'{path}', line {number}"
            if marker := _STEP.search(text):
                log.last_step = to_count(marker["step"], place)
                if marker["planned"].isdigit():
                    log.planned_steps = to_count(marker["planned"], place)
            match = _LOSS.search(text)
            if not whole and (match or marker or "loss" in text):
                log.truncated = True
                break
            if match is None or match["metric"].startswith("train/"):
                continue
            metrics.seen.add(match["metric"])
            name = _NAME.fullmatch(match["metric"])
            if name is not None:
                loss = to_number(match["loss"], place)
                log.evaluations.append(Evaluation(name["set"], loss, step=log.last_step or 0.0))
    return metrics.close(log, paths[0], "OLMo")
