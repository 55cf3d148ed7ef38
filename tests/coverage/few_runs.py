"""Do a few runs give a ratio? Leaves one study out at a time; writes ``few_runs.csv``.

    PYTHONPATH=tests:experiments python tests/coverage/few_runs.py

Every study whose curves are at hand is asked from 5, 3, 2 and 1 of its own runs, all of its
cheapest size: three shares at its shortest budget and two at four times that; three, two or one at
the longer budget. Its lines in the prior are left out, all own sweeps together. Targets are the
cell of the longer budget, those of two and four times its tokens, two to seven times its size, and
the largest size at the longest budget, at three bounds, over the base and over the control.

Beside the answer stand the ratio measured there, that of the runs' own longer cell with all its
shares, which one would copy, and what the studies say without a run. A measured ratio in the gap
below the share one, where no run says how steeply the loss rises, is marked as not bracketed: its
interpolation is a guess.
"""

import csv
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from study_curves import OWN, Study, studies

from mixlaw.fit.prior.fit import LAW, fit_few_runs
from mixlaw.fit.prior.outside import outside_view
from mixlaw.recommend.answer import decide
from mixlaw.recommend.context import prior
from mixlaw.recommend.options import Options
from mixlaw.recommend.target import question_of
from mixlaw.recommend.verdict import Verdict
from mixlaw.result.fit_result import FitResult
from mixlaw.roles import Roles
from mixlaw.runs.cells import Cell
from mixlaw.runs.table import validate_runs

TABLE = Path(__file__).with_name("few_runs.csv")
BOUNDS, REFERENCES, DESIGNS = (0.02, 0.05, 0.1), ("base", "control"), (5, 3, 2, 1)
BASE = 2.0
COLUMNS = (
    "study", "runs", "kind", "n_params", "tokens", "reference", "tolerance", "bracketed",
    "measured", "estimate", "low", "high", "recommended", "low_without", "high_without", "copied",
    "low_outside", "high_outside", "outside",
)  # fmt: skip


def cell_of(study: Study, n_params: float, tokens: float) -> Cell:
    return min(
        study.cells,
        key=lambda c: np.hypot(np.log(c.n_params / n_params), np.log(c.tokens / tokens)),
    )


def design(study: Study, runs: int) -> list[tuple[Cell, float]]:
    """The cell and share of every run, the long budget last."""
    size = min(cell.n_params for cell in study.cells)
    short = min(cell.tokens for cell in study.cells)
    first, last = (cell_of(study, size, budget) for budget in (short, 4 * short))
    low, middle, high = study.shares
    return {
        5: [(first, low), (first, middle), (first, high), (last, low), (last, high)],
        3: [(last, low), (last, middle), (last, high)],
        2: [(last, low), (last, high)],
        1: [(last, high)],
    }[runs]


def targets(study: Study, own: Cell) -> Iterator[tuple[str, Cell]]:
    largest = max(cell.n_params for cell in study.cells)
    longest = max(cell.tokens for cell in study.cells)
    for cell in study.cells:
        size, budget = cell.n_params / own.n_params, cell.tokens / own.tokens
        if cell is own:
            yield "same", cell
        elif (cell.n_params, cell.tokens) == (largest, longest):
            yield "largest", cell
        elif size == 1 and 1.9 < budget < 4.2:
            yield "tokens", cell
        elif 1.9 < size < 7 and budget == 1:
            yield "size", cell


def table(study: Study, runs: list[tuple[Cell, float]]) -> pd.DataFrame:
    rows = [
        {
            "run_id": f"{cell.tokens:.0f}-{share}", "n_params": cell.n_params,
            "tokens": cell.tokens, "domain_ratio": share, "eval_set": "general",
            "loss": BASE + cell.rise_at(share, "base"), "base_tokens": study.base_tokens,
        }
        for cell, share in runs
    ]  # fmt: skip
    base = {**rows[0], "run_id": "base", "tokens": 0, "domain_ratio": None, "loss": BASE}
    return validate_runs(pd.DataFrame([base, *rows]))


def fitted(study: Study, runs: list[tuple[Cell, float]]) -> FitResult:
    few = fit_few_runs(table(study, runs), Roles(), None, [], 500, 0, held_out(study.name))
    return FitResult(
        law=LAW, eval_sets=tuple(few.selection.rows), domain_set="domain", general_set="general",
        **few.fields,
    )  # fmt: skip


def lines_of(study: Study) -> Iterator[dict[str, object]]:
    for n_runs in DESIGNS:
        runs = design(study, n_runs)
        fit = fitted(study, runs)
        for kind, cell in targets(study, runs[-1][0]):
            for bound in BOUNDS:
                for reference in REFERENCES:
                    if reference == "control" and cell.ratios[0] > 0:
                        continue
                    yield {
                        "study": study.name, "runs": n_runs, "kind": kind,
                        **line(fit, cell, runs[-1][0], bound, reference),
                        **outside(study, cell, bound, reference),
                    }  # fmt: skip


def asked(
    fit: FitResult, cell: Cell, bound: float, reference: str
) -> tuple[Verdict, dict[str, float]]:
    """The verdict at a cell, and the interval of the runs without the studies."""
    options = Options(
        n_params=cell.n_params, tokens=cell.tokens, max_general_rise=bound, reference=reference
    )
    question = question_of(fit, options)
    verdict = decide(question, options)
    return verdict, prior.document(question, options, verdict).get("interval_without", {})


def line(fit: FitResult, cell: Cell, own: Cell, bound: float, reference: str) -> dict[str, object]:
    measured = cell.critical_ratio(bound, reference)
    verdict, without = asked(fit, cell, bound, reference)
    knows = len(fit.levels["share.domain"]) > 1
    return {
        "n_params": cell.n_params, "tokens": cell.tokens, "reference": reference,
        "tolerance": bound,
        "bracketed": int(
            measured is None or measured <= cell.ratios[cell.ratios < 1].max()
        ),
        "measured": measured or 0.0, "estimate": verdict.estimate,
        "low": verdict.interval()[0], "high": verdict.interval()[1],
        "recommended": verdict.recommended,
        "low_without": without["low"] if knows else None,
        "high_without": without["high"] if knows else None,
        "copied": own.critical_ratio(bound, reference) or 0.0,
    }  # fmt: skip


@cache
def fit_without_runs(study: str, n_params: float, tokens: float, base_tokens: float) -> FitResult:
    return outside_view(n_params, tokens, base_tokens=base_tokens, without=held_out(study))


def outside(study: Study, cell: Cell, bound: float, reference: str) -> dict[str, object]:
    fit = fit_without_runs(study.name, cell.n_params, cell.tokens, study.base_tokens)
    verdict, _ = asked(fit, cell, bound, reference)
    low, high = verdict.interval()
    return {"outside": verdict.estimate, "low_outside": low, "high_outside": high}


def held_out(study: str) -> tuple[str, ...]:
    return tuple(OWN) if study in OWN else (study,)


def text(value: object) -> object:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else value


def main() -> None:
    with TABLE.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for study in studies():
            writer.writerows({k: text(v) for k, v in line.items()} for line in lines_of(study))
            file.flush()


if __name__ == "__main__":
    main()
