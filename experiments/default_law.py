"""What the default law says of the largest size of three sweeps, without having seen its runs.

    python experiments/default_law.py

The largest size keeps its base row; its runs, and the longest budget of all others, are left out
of the fit. Written beside this script, ``default_law.csv``: mean absolute errors of its annealed
losses at the budgets that smaller sizes had run and at the longest, how many 90% intervals held
what was measured, and the critical share at the longest budget beside the measured one. Unlike
``forward_test.py``, which was committed before its runs, this is made afterwards, with whatever
``mixlaw fit`` does today.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from mixlaw import FitResult, fit_laws, read_runs, recommend_ratio
from mixlaw.roles import Roles
from mixlaw.runs.cells import measured_cells

ROOT = Path(__file__).parents[1]
TABLES = {
    "prose-to-code": ROOT / "experiments/prose-to-code/runs.csv",
    "prose-to-german": ROOT / "experiments/prose-to-german/runs.csv",
    "quickstart": ROOT / "tests/data/quickstart/runs.csv",
}
#: Of the critical share, nats over the base.
BOUND = 0.05


def seen_and_hidden(runs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """Rows that are fitted, annealed rows of the largest size, and the longest budget."""
    runs = runs[runs["flag"] == ""]
    trained, largest = runs["tokens"] > 0, runs["n_params"] == runs["n_params"].max()
    longest = float(runs["tokens"].max())
    fitted = runs[~trained | (~largest & (runs["tokens"] < longest))]
    return fitted.reset_index(drop=True), runs[trained & largest & runs["annealed"]], longest


def errors(fit: FitResult, hidden: pd.DataFrame, longest: float) -> Iterator[dict[str, object]]:
    """One record an eval set and kind of budget."""
    for name, rows in hidden.groupby("eval_set"):
        shares = {corpus: rows[f"share.{corpus}"].to_numpy(float) for corpus in fit.corpora}
        size, tokens = rows["n_params"].to_numpy(float), rows["tokens"].to_numpy(float)
        predicted = fit.predict(str(name), size, tokens, shares, carry_size=True)
        off = np.abs(predicted.estimate / rows["loss"].to_numpy() - 1)
        low, high = predicted.interval()
        held = (low <= rows["loss"]) & (rows["loss"] <= high)
        for kind, which in (("seen", tokens < longest), ("longest", tokens == longest)):
            yield {
                "eval_set": name, "budgets": kind, "rows": int(which.sum()),
                "mean_error": f"{off[which].mean():.5f}", "covered": f"{held[which].mean():.3f}",
            }  # fmt: skip


def share(value: float | None) -> str:
    """A share in three digits; nothing where the answer is that the data cannot tell."""
    return "" if value is None else f"{value:.3f}"


def main() -> None:
    """All three sweeps."""
    records = []
    for table, path in TABLES.items():
        runs = read_runs(path)
        fitted, hidden, longest = seen_and_hidden(runs)
        fit = fit_laws(fitted)
        records += [{"table": table, **record} for record in errors(fit, hidden, longest)]
        size = float(hidden["n_params"].iloc[0])
        answer = recommend_ratio(fit, n_params=size, tokens=longest, max_general_rise=BOUND)
        cells = {(c.n_params, c.tokens): c for c in measured_cells(runs, Roles())}
        measured = cells[size, longest].critical_ratio(BOUND, "base")
        low, high = answer.interval
        records.append({
            "table": table, "eval_set": "critical share", "budgets": "longest", "rows": 1,
            "estimate": share(answer.estimate), "low": share(low), "high": share(high),
            "recommended": share(answer.recommended),
            "measured": share(measured),
        })  # fmt: skip
    pd.DataFrame(records).to_csv(Path(__file__).with_suffix(".csv"), index=False)


if __name__ == "__main__":
    main()
