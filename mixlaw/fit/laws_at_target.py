"""What every compared law predicts at the target: loss, interval, and what is wrong with its fit.

Laws outside the stack are part of nothing else. They are fitted to all rows and refitted to few
resampled sweeps: enough to see how far apart laws are that were all fitted to the same losses.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mixlaw.errors import NotIdentifiedError
from mixlaw.fit import diagnostics
from mixlaw.fit.bootstrap import Plan
from mixlaw.fit.discrepancy import in_range, out_of_range
from mixlaw.fit.law_fit import LawFit
from mixlaw.fit.stack import Choice
from mixlaw.result.fit_result import FitResult
from mixlaw.result.types import Prediction

#: Most resampled sweeps of a law outside the stack: its interval is shown and used for nothing.
N_DRAWS = 50


def with_laws_at_target(result: FitResult, choice: Choice, seed: int) -> FitResult:
    """The result with ``at`` and ``statuses`` beside the held-out errors of every fitted law.

    Args:
        result: of the stack.
        choice: the stack, and the laws outside of it.
        seed: of the resampling.
    """
    fewest = min(len(m.draws) for members in result.stack.values() for m in members)
    plan = Plan.draw(min(N_DRAWS, fewest), len(choice.selection.trunks), seed)
    compared = {name: dict(by_law) for name, by_law in result.compared.items()}
    for name, by_law in compared.items():
        point = _point(result, choice, name)
        for law, fit in {**choice.fits[name], **choice.others[name]}.items():
            inside = law in choice.fits[name]
            source = result if inside else _alone(result, choice, name, fit, plan)
            by_law[law] = {**by_law[law], "statuses": _codes(fit, choice, name, result.target)}
            try:
                predicted = source.predict(name, **point, law=law, carry_size=True)
                by_law[law]["at"] = _at(point, predicted)
            except NotIdentifiedError as error:
                by_law[law]["note"] = str(error)
    return replace(result, compared=compared)


def _alone(result: FitResult, choice: Choice, eval_set: str, fit: LawFit, plan: Plan) -> FitResult:
    """A fit of this law only, on one eval set, widened by its own misfit."""
    rows, compared = choice.selection.rows[eval_set], choice.compared[eval_set][fit.law.name]
    base = [replace(m, draws=m.draws[:N_DRAWS]) for m in result.base_stack.get(eval_set, ())]
    return replace(
        result,
        stack={eval_set: fit.members(plan)},
        base_stack={eval_set: tuple(base)},
        beyond={eval_set: out_of_range.learn(rows, compared.forecasts)},
        lack_of_fit={eval_set: in_range.learn(rows, [(1.0, fit)])},
    )


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
