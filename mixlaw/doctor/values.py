"""Findings about values that no run has, and about rows that somebody flagged."""

import numpy as np

from mixlaw.doctor.finding import Check, Finding, Table, count_losses, finding

#: Text that was not trained on has more than this many nats a token.
_MIN_NATS = 0.05

#: No model has fewer parameters, and no run fewer tokens, than this.
_FEWEST = 1000

#: Equal losses in fewer rows than this may be chance, or rounding.
_FEW = 4


def flagged(table: Table) -> Finding | None:
    """Rows that are left out for another reason than their loss."""
    flag = table.frame["flag"]
    rows = table.frame[(flag != "") & np.isfinite(table.frame["loss"]) & (table.frame["loss"] > 0)]
    if rows.empty:
        return None
    reasons = rows["flag"].value_counts()
    listing = ", ".join(f"'{reason}' {count}" for reason, count in reasons.head(3).items())
    return finding(
        "rows-flagged", "warning" if len(rows) < len(flag) else "error", rows,
        f"{len(rows)} of {len(flag)} rows carry a flag: {listing}.",
        "These rows are left out of every fit.",
        "Empty the column 'flag' where a row should count; keep one of each duplicate.",
    )  # fmt: skip


def constant(table: Table) -> Finding | None:
    """All losses of an eval set are the same number, whatever was trained."""
    rows = table.trained
    losses = rows.groupby("eval_set")["loss"]
    same = (losses.transform("nunique") == 1) & (losses.transform("size") >= _FEW)
    bad = rows[same]
    if bad.empty:
        return None
    names = ", ".join(sorted(set(bad["eval_set"])))
    return finding(
        "constant-loss", "error", bad,
        f"All losses of {names} are the same number.",
        "A loss that no ratio changes allows every ratio: the answer looks certain, and is empty.",
        "See that the evaluation reads the checkpoint it names, not always the base.",
    )  # fmt: skip


def tiny(table: Table) -> Finding | None:
    """Losses of a size that no text has."""
    rows = table.trained
    bad = rows[rows.groupby("eval_set")["loss"].transform("median") < _MIN_NATS]
    if bad.empty:
        return None
    return finding(
        "tiny-loss", "error", bad,
        f"{count_losses(bad)} too small for nats per token (median {bad['loss'].median():.3g}).",
        "A rise of 0.02 nats means nothing in another unit: the tolerance then allows every ratio.",
        "Give the mean cross-entropy in nats per token of text that was not trained on.",
    )  # fmt: skip


def small_counts(table: Table) -> Finding | None:
    """Sizes or tokens in millions or billions, where the table wants counts."""
    rows = table.trained
    names = [name for name in ("n_params", "tokens") if (rows[name] < _FEWEST).all()]
    if rows.empty or not names:
        return None
    listing = " and ".join(f"{name} is at most {rows[name].max():.3g}" for name in names)
    return finding(
        "counts-in-units", "error", rows,
        f"{listing}: these look like millions or billions.",
        "Sizes and budgets of the target are counts: it then lies a million times outside.",
        "Write counts: 1.3e9, not 1.3.",
    )  # fmt: skip


def unknown_roles(table: Table) -> Finding | None:
    """The table has other eval sets or corpora than those that are the domain and the general."""
    known = set(table.frame["eval_set"])
    missing = [n for n in (table.roles.domain_set, *table.roles.general_sets) if n not in known]
    if not table.corpora or table.trained.empty or not (missing or not table.domain_corpora):
        return None
    lacking = [f"no eval set '{name}'" for name in missing]
    lacking += [] if table.domain_corpora else ["no domain corpus"]
    return finding(
        "roles-unknown", "warning", table.trained,
        f"There is {' and '.join(lacking)}: the eval sets are {', '.join(sorted(known))}, the "
        f"corpora {', '.join(table.corpora)}.",
        "Without a domain and a general loss there is no ratio to recommend.",
        "Name yours: --domain-set, --general-set, --domain-corpora, --own.",
    )  # fmt: skip


CHECKS: tuple[Check, ...] = (flagged, unknown_roles, small_counts, constant, tiny)
