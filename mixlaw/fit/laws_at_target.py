"""What every law of a stack predicts at the target: loss, interval, what is wrong with its fit."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mixlaw.errors import NotIdentifiedError
from mixlaw.fit import diagnostics
from mixlaw.fit.law_fit import LawFit
from mixlaw.fit.stack import Choice
from mixlaw.result.fit_result import FitResult
from mixlaw.result.types import Prediction


def with_laws_at_target(result: FitResult, choice: Choice) -> FitResult:
    """The result with ``at`` and ``statuses`` beside the held-out errors of every law with weight.

    Laws without weight are fitted to the splits alone: they are part of nothing else.

    Args:
        result: of the stack.
        choice: the stack.
    """
    compared = {name: dict(by_law) for name, by_law in result.law_scores.items()}
    for name, by_law in compared.items():
        point = _point(result, choice, name)
        for law, fit in choice.fits[name].items():
            by_law[law] = {**by_law[law], "statuses": _codes(fit, choice, name, result.target)}
            try:
                predicted = result.predict(name, **point, law=law, carry_size=True)
                by_law[law]["at"] = _at(point, predicted)
            except NotIdentifiedError as error:
                by_law[law]["note"] = str(error)
    return replace(result, law_scores=compared)


def _point(result: FitResult, choice: Choice, eval_set: str) -> dict[str, Any]:
    """The target, else the largest size and longest budget, at the mean mixture of the sweep."""
    x = choice.selection.rows[eval_set].x
    tokens = float(x["D"].max())
    # Laws of a single budget have no answer at another one.
    if x["D"].min() < tokens:
        tokens = result.target.get("tokens", tokens)
    mixture = x["h"].mean(axis=1) if "h" in x else ()
    return {
        "n_params": result.target.get("n_params", float(x["N"].max())),
        "tokens": tokens,
        "shares": dict(zip(choice.selection.corpora, mixture, strict=True)),
    }


def _at(point: Mapping[str, Any], predicted: Prediction) -> dict[str, float]:
    low, high = predicted.interval()
    return {
        "n_params": point["n_params"], "tokens": point["tokens"],
        "loss": float(predicted.estimate[0]), "low": float(low[0]), "high": float(high[0]),
    }  # fmt: skip


def _codes(fit: LawFit, choice: Choice, eval_set: str, target: Mapping[str, float]) -> list[str]:
    """Codes of the law's statuses, worst first."""
    rows = choice.selection.rows[eval_set]
    statuses = diagnostics.of_fit(fit, rows, eval_set, diagnostics.default_target(rows, target))
    return list(dict.fromkeys(status.code for status in diagnostics.ordered(statuses)))
