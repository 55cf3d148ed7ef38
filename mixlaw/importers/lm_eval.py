"""lm-evaluation-harness: result files (``results_*.json``), one checkpoint each.

Held-out losses are the ``bits_per_byte`` of tasks such as wikitext, which ``bytes_per_token`` of
the description turns into nats per token. Accuracies become columns ``accuracy.<task>`` beside
them; the harness's perplexities are per word or per byte. Which checkpoint it was is read off
``checkpoint-N`` (``step_N``, ``ckpt-N``, ``iter_N``) at the end of the model's path, or described
as ``tokens``.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mixlaw.errors import DataError
from mixlaw.importers import Evaluation, Log, Request
from mixlaw.importers.reading import BITS_PER_BYTE, keys_of, loads, read_text, to_number

EXAMPLE = '{"results": {"wikitext": {"bits_per_byte,none": 0.73, "byte_perplexity,none": 1.66}}}'
FILES = ("results_*.json", "results.json")

_STEP = re.compile(r"(?:checkpoint|ckpt|global_step|step|iter)[-_]?(\d{1,15})/?$")
_KEYS = {"configs", "config", "versions", "n-shot", "n-samples"}


def recognises(path: Path, head: bytes) -> bool:
    """One JSON object with results and what the harness writes beside them."""
    keys = set(keys_of(head.decode("utf-8", "replace")))
    return "results" in keys and bool(keys & _KEYS or path.name.startswith("results"))


def read(paths: Sequence[Path], request: Request) -> Log:
    """Measurements of one run, a file a checkpoint.

    Raises:
        DataError: no results of the harness, or none in bits per byte.
    """
    log = Log(ordered=False)
    for path in paths:
        document = _document(path, request)
        tasks = {name: _plain(metrics) for name, metrics in document["results"].items()
                 if isinstance(metrics, dict)}  # fmt: skip
        accuracies = {
            f"accuracy.{task}": to_number(metrics["acc"], f"'{path}', {task}")
            for task, metrics in tasks.items()
            if "acc" in metrics
        }
        step = _step(document)
        found = [
            Evaluation(task, to_number(metrics["bits_per_byte"], f"'{path}', {task}"), step=step,
                       more=accuracies, unit=BITS_PER_BYTE)
            for task, metrics in tasks.items()
            if "bits_per_byte" in metrics
        ]  # fmt: skip
        if not found:
            raise DataError(
                f"'{path}' measures nothing in bits per byte; it has "
                f"{', '.join(sorted(tasks)[:8])}. Accuracies alone are no loss: evaluate a "
                "text too, such as wikitext."
            )
        if step is not None:
            log.notes.append(f"{path.name}: step {step:g}, by the model's path")
        log.evaluations += found
    return log


def _document(path: Path, request: Request) -> dict[str, Any]:
    try:
        document = loads(read_text(path, request.progress))
    except ValueError as error:
        raise DataError(f"'{path}' is no results file: not JSON ({error}).") from None
    if not isinstance(document, dict) or not isinstance(document.get("results"), dict):
        raise DataError(f"'{path}' is no results file of lm-eval: it has no map 'results'.")
    return document


def _plain(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics by name without the filter: ``acc,none`` is acc; errors and aliases are left out."""
    plain: dict[str, Any] = {}
    for key, value in metrics.items():
        name = key.partition(",")[0]
        if not name.endswith("_stderr") and name != "alias":
            plain.setdefault(name, value)
    return plain


def _step(document: Mapping[str, Any]) -> float | None:
    """The training step that the path of the model ends with."""
    config = document.get("config")
    given = config.get("model_args") if isinstance(config, dict) else None
    if isinstance(given, dict):
        given = f"pretrained={given.get('pretrained', '')}"
    names = [document.get("model_name"), *str(given or "").replace("pretrained=", "").split(",")]
    for name in names:
        if isinstance(name, str) and (match := _STEP.search(name)):
            return float(match[1])
    return None
