"""Findings about counts that contradict each other."""

import numpy as np
import pandas as pd

from mixlaw.doctor.finding import Check, Finding, Table, finding

#: Two counts of one thing this far apart (relative) contradict each other. Conventional.
APART = 0.05
#: Measured FLOPs of training over 6ND: attention over long contexts and recomputation raise it.
_FLOPS = (0.3, 5.0)


def contradict(table: Table) -> Finding | None:
    """Counts of parameters, tokens or FLOPs of one row that cannot all be right."""
    rows = table.trained
    wrong = {
        "n_params is more than n_params_total": _more(rows, "n_params", "n_params_total"),
        "n_params and n_params_embedding do not add up to n_params_total": _sum_is_off(rows),
        "tokens exceed the token_budget": _more(rows, "tokens", "token_budget"),
        "flops are not near 6 x n_params x tokens": _flops_are_off(rows),
    }
    found = {what: mask for what, mask in wrong.items() if mask.any()}
    if not found:
        return None
    bad = rows[pd.concat(found.values(), axis=1).any(axis=1)]
    listing = "; ".join(f"{what} in {int(mask.sum())} rows" for what, mask in found.items())
    return finding(
        "counts-contradict", "warning", bad,
        f"Counts contradict each other: {listing}.",
        "Size and budget are the axes of every law: a wrong one moves the answer with it.",
        "Look which count is right; n_params is without embeddings, tokens are those seen so far.",
    )  # fmt: skip


def _more(rows: pd.DataFrame, part: str, whole: str) -> pd.Series:
    if whole not in rows:
        return pd.Series(False, index=rows.index)
    more: pd.Series = rows[part] > (1 + APART) * rows[whole]
    return more


def _sum_is_off(rows: pd.DataFrame) -> pd.Series:
    if not {"n_params_embedding", "n_params_total"} <= set(rows):
        return pd.Series(False, index=rows.index)
    total = rows["n_params"] + rows["n_params_embedding"]
    off: pd.Series = np.abs(total / rows["n_params_total"] - 1) > APART
    return off


def _flops_are_off(rows: pd.DataFrame) -> pd.Series:
    if "flops" not in rows:
        return pd.Series(False, index=rows.index)
    ratio = rows["flops"] / (6 * rows["n_params"] * rows["tokens"])
    off: pd.Series = ratio.notna() & ~ratio.between(*_FLOPS)
    return off


CHECKS: tuple[Check, ...] = (contradict,)
