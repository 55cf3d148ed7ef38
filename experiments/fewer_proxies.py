"""How many proxies were needed: the forward error as runs are removed.

``python experiments/fewer_proxies.py FOLDER`` fits one law per eval set to the known part of the
forward test (every size but the largest, every budget but the longest) with half or three quarters
of its runs taken away at random, with a whole size less, and with the longer budgets less, and
writes the error at the largest size to ``fewer_proxies.csv``.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from forward_test import annealed, at_nearest_budget, bases, known_part, naive_losses

from mixlaw import laws, read_runs
from mixlaw.errors import FitError
from mixlaw.fit.law_fit import fit_law
from mixlaw.fit.selection import select
from mixlaw.roles import Roles

#: The heaviest member of the forward test's stack.
LAWS = {"domain": "dcpt", "general": "dcpt-anchored"}
REMOVALS = 20
SEED = 0


def subsets(known: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """What is left, by what was removed; base losses stay, as they cost nothing."""
    yield "nothing", known
    trained = known["tokens"] > 0
    runs = sorted(known.loc[trained, "trunk_id"].unique())
    random = np.random.default_rng(SEED)
    for what, part in {"half of the runs": 2, "three quarters of the runs": 4}.items():
        for _ in range(REMOVALS):
            kept = random.choice(runs, len(runs) // part, replace=False)
            yield what, known[~trained | known["trunk_id"].isin(kept)]
    for size in sorted(known["n_params"].unique()):
        yield "one size", known[known["n_params"] != size]
    budgets = sorted(known.loc[trained & (known["annealed"] == 1), "tokens"].unique())
    for n_left in range(len(budgets) - 1, 1, -1):
        yield (
            f"budgets over {budgets[n_left - 1] / 1e3:.0f}k",
            known[known["tokens"] <= budgets[n_left - 1]],
        )


def error(eval_set: str, known: pd.DataFrame, wanted: pd.DataFrame) -> float:
    """Mean absolute relative error at the wanted rows; nan where no fit is possible."""
    law = laws.load(LAWS[eval_set])
    rows, asked = (select(t, law, Roles()).rows[eval_set] for t in (known, wanted))
    try:
        predicted = fit_law(law, rows).predict(asked.x)
    except FitError:
        return float("nan")
    return float(np.abs(predicted / asked.loss - 1).mean())


def baseline_errors(known: pd.DataFrame, runs: pd.DataFrame, size: float) -> dict[str, float]:
    """The same of ``next-smaller-size``, which knows all of the known part."""
    cells = annealed(runs)
    cells = cells[cells["n_params"] == size].reset_index(drop=True)
    guess = at_nearest_budget(naive_losses(known, bases(runs), size)["next-smaller-size"], cells)
    relative = (guess / cells["loss"] - 1).abs()
    return relative.groupby(cells["eval_set"]).mean().to_dict()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    runs = read_runs(asked.folder / "runs.csv")
    size = float(runs["n_params"].max())
    known = known_part(runs, size, runs["tokens"].max())
    wanted = runs[runs["n_params"] == size].reset_index(drop=True)
    baseline = baseline_errors(known, runs, size)
    found = []
    for what, part in subsets(known):
        part = part.reset_index(drop=True)
        n_runs = part.loc[part["tokens"] > 0, "trunk_id"].nunique()
        ends = part[(part["tokens"] > 0) & (part["annealed"] == 1)]
        for eval_set in LAWS:
            n_rows = int((ends["eval_set"] == eval_set).sum())
            missed = error(eval_set, part, wanted)
            found.append((what, n_runs, n_rows, eval_set, missed, baseline[eval_set]))
    names = ["removed", "runs", "rows", "eval_set", "error", "baseline"]
    table = pd.DataFrame(found, columns=names)
    table.to_csv(asked.folder / "fewer_proxies.csv", index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
