"""Consoles in which one line is one evaluation, with its step and one unnamed loss."""

import re
from collections.abc import Sequence
from pathlib import Path

from mixlaw.importers import UNNAMED, Evaluation, Log, Request
from mixlaw.importers.reading import (
    plain,
    read_lines,
    refuse_without_losses,
    to_count,
    to_number,
)


def read_lines_of(
    paths: Sequence[Path],
    request: Request,
    what: str,
    line: re.Pattern[str],
    tokens_per_step: re.Pattern[str] | None = None,
) -> Log:
    """Evaluations of one run; a last line without its end is dropped, for its loss may be cut.

    Args:
        paths: the logs.
        request: what the description asks.
        what: the trainer, for messages.
        line: matches a line of the log, with the groups ``step``, ``loss`` (absent in a line of
            training) and perhaps ``planned``, and ``trained`` for the step of training lines.
        tokens_per_step: matches a line that says tokens per step, in its first group.

    Raises:
        DataError: a number is none, or there is no evaluation.
    """
    log = Log()
    per_step: float | None = None
    for path in paths:
        for number, (read, whole) in enumerate(
            read_lines(path, request.progress, strict=False), start=1
        ):
            text, place = plain(read), f"'{path}', line {number}"
            if tokens_per_step and (said := tokens_per_step.search(text)):
                per_step = to_count(said[1].replace(",", ""), place)
            match = line.search(text)
            if match is None:
                log.truncated |= not whole and "step" in text
                continue
            if not whole:
                log.truncated = True
                break
            fields = match.groupdict()
            log.last_step = to_count(fields["step"] or fields.get("trained"), place)
            if fields.get("planned"):
                log.planned_steps = to_count(fields["planned"], place)
            if fields.get("loss"):
                loss = to_number(fields["loss"], place)
                tokens = None if per_step is None else log.last_step * per_step
                log.evaluations.append(Evaluation(UNNAMED, loss, step=log.last_step, tokens=tokens))
    if not log.evaluations:
        raise refuse_without_losses(paths[0], what, ())
    return log
