"""What the second pair has in common with the first: rises of the general loss, side by side.

``python experiments/carries_over.py`` writes ``prose-to-german/carries_over.csv``: for every size,
budget and share that both experiments have, the rise of the general loss over that size's base,
and the largest share that keeps it within the bound.
"""

from pathlib import Path

import pandas as pd
from forward_test import annealed, bases, critical_ratio

from mixlaw import read_runs

FIRST, SECOND = (Path("experiments", name) for name in ("prose-to-code", "prose-to-german"))
BOUND = 0.05


def rises(folder: Path) -> pd.DataFrame:
    """Rise of the general loss by size and budget (index) and domain ratio (columns)."""
    runs = read_runs(folder / "runs.csv")
    rows, base = annealed(runs).query("eval_set == 'general'"), bases(runs)["general"]
    rows = rows.assign(rise=rows["loss"] - base.loc[rows["n_params"]].to_numpy())
    return rows.pivot_table("rise", ["n_params", "tokens"], "domain_ratio")


def main() -> None:
    """Write the table."""
    tables = {"code": rises(FIRST), "german": rises(SECOND)}
    shares = tables["german"].columns
    found = {}
    for name, table in tables.items():
        table = table.loc[tables["german"].index]
        for share in shares:
            found[f"{name} rise at {share:g}"] = table[share]
        found[f"{name} critical ratio"] = table.apply(
            lambda row: critical_ratio(row.index.to_numpy(), row.to_numpy(), BOUND), axis=1
        )
    pd.DataFrame(found).to_csv(SECOND / "carries_over.csv", float_format="%.4f")


if __name__ == "__main__":
    main()
