"""The doctor: what is wrong with a runs table, before any law is fitted to it.

Every check is one function of the table that returns a finding or None. A check fires on what the
table shows, names the rows, and says what the trouble does to the answer and what to do. Each of
these troubles has made a published or a private law answer wrongly; the checks cite where.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from mixlaw.doctor import design, measurement, training, values
from mixlaw.doctor.finding import Check, Finding, Table
from mixlaw.roles import Roles

__all__ = ["MEANINGLESS_LOSSES", "Finding", "examine"]

CHECKS: tuple[Check, ...] = values.CHECKS + measurement.CHECKS + training.CHECKS + design.CHECKS

#: Errors after which no ratio can be read off the losses of these eval sets.
MEANINGLESS_LOSSES = ("constant-loss", "tiny-loss", "perplexity-as-loss")

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
