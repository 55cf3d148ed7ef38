"""The doctor: what is wrong with a runs table, before any law is fitted to it.

Every check is one function of the table that returns a finding or None. A check fires on what the
table shows, names the rows, and says what the trouble does to the answer and what to do. Each of
these troubles has made a published or a private law answer wrongly; the checks cite where.
"""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from mixlaw.doctor import counts, design, measurement, neighbours, training, values
from mixlaw.doctor.finding import Check, Finding, Table
from mixlaw.roles import Roles

__all__ = ["MEANINGLESS_LOSSES", "Finding", "examine", "for_answer"]

CHECKS: tuple[Check, ...] = (
    values.CHECKS + measurement.CHECKS + neighbours.CHECKS + counts.CHECKS + training.CHECKS
    + design.CHECKS
)  # fmt: skip

#: Errors after which no ratio can be read off the losses of these eval sets.
MEANINGLESS_LOSSES = ("constant-loss", "tiny-loss", "perplexity-as-loss", "nothing-moved")

_ORDER = {"error": 0, "warning": 1, "note": 2}


def examine(
    runs: pd.DataFrame, roles: Roles, target: Mapping[str, float] | None = None
) -> list[Finding]:
    """All findings about a validated runs table, the worst first.

    Args:
        runs: a table as ``validate_runs`` returns it.
        roles: which eval set is the domain, which the general.
        target: the setting that will be predicted: ``n_params`` and ``tokens``, each optional.

    Returns:
        Findings by severity; within one severity in the fixed order of the checks.
    """
    table = Table(runs, roles, target or {})
    # A junk table may hold any float; sums of losses near the largest one are infinite, and are
    # then compared as such.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        findings = [finding for check in CHECKS if (finding := check(table)) is not None]
    return sorted(findings, key=lambda finding: _ORDER[finding.severity])


def for_answer(
    findings: list[Finding], eval_sets: Collection[str], asked: Collection[str]
) -> list[Finding]:
    """The findings that matter for an answer, those that can change it most first.

    Args:
        findings: of a table, as from ``examine``.
        eval_sets: what was fitted.
        asked: inputs that the fit or the question names (``n_params``, ``tokens``, corpora); a
            finding about a target that nobody named says nothing.

    Returns:
        Those about the fitted eval sets, or about settings; units, contradictions and definitions
        before the plan of the sweep, within one severity.
    """
    kept = [
        finding
        for finding in findings
        if not finding.eval_sets or set(finding.eval_sets) & set(eval_sets)
        if finding.code != "target-outside" or asked
    ]
    return sorted(kept, key=lambda f: (_ORDER[f.severity], f.code in _PLAN))


#: Findings about the plan of the sweep: they widen an answer, and do not turn it round.
_PLAN = ("replicates-missing", "unique-tokens-missing", "schedule-unknown", "short-runs")
