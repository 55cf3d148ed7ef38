"""The studies whose curves of forgetting are at hand: cells of one size and budget.

Gu et al. (arXiv 2407.17467v2) publish the curves of two sizes as coefficients of Table 4, read from
a second-hand copy: the general loss's rise over the base is a1·T^s1 + a2·T^s2 + b1, T in units of
0.2B tokens. The others are this project's own sweeps.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mixlaw.roles import Roles
from mixlaw.runs.cells import Cell, measured_cells
from mixlaw.runs.table import read_runs

ROOT = Path(__file__).parents[1]
#: Domain share: a1, s1, a2, s2, b1; by size.
TABLE_4 = {
    460e6: {
        0.125: (0.13055, 0.48615, -0.12803, 0.48955, -0.00055),
        0.25: (0.14030, 0.51526, -0.13758, 0.51836, -0.00018),
        1 / 3: (0.11761, 0.53594, -0.11471, 0.53971, 0.00002),
        0.5: (0.12446, 0.57575, -0.12123, 0.57941, 0.00050),
        0.75: (-0.14742, 0.64329, 0.15135, 0.63990, 0.00144),
        1.0: (-0.01502, 0.17543, 0.02116, 0.46219, 0.00472),
    },
    3.1e9: {
        0.125: (0.09549, 0.49146, -0.09320, 0.49629, 0.01001),
        0.25: (0.08084, 0.51463, -0.07866, 0.51973, 0.01034),
        1 / 3: (0.08406, 0.51263, -0.08187, 0.51724, 0.01056),
        0.5: (0.06324, 0.52050, -0.06100, 0.52592, 0.01093),
        0.75: (0.04886, 0.56155, -0.04660, 0.56711, 0.01184),
        1.0: (0.00978, 0.38822, 0.0, 3.42674, 0.01398),
    },
}
#: Budgets at which the published curves are read: up to the 20B tokens that they were fitted to.
T = (6.25, 12.5, 25, 50, 100)


@dataclass(frozen=True)
class Study:
    """Cells of one study.

    Attributes:
        name: as in ``studies.csv``.
        cells: general losses; of Gu et al. the base counts as zero.
        base_tokens: tokens of pre-training.
        shares: three domain shares: the smallest, one in the middle, a large one.
    """

    name: str
    cells: tuple[Cell, ...]
    base_tokens: float
    shares: tuple[float, float, float]


def gu() -> Study:
    """Gu et al., whose general loss is read off the curves of Table 4."""
    cells = []
    for size, curves in TABLE_4.items():
        for time in T:
            rises = [a1 * time**s1 + a2 * time**s2 + b1 for a1, s1, a2, s2, b1 in curves.values()]
            ratios, general = np.array(list(curves)), np.array(rises)
            cells.append(Cell(size, time * 0.2e9, ratios, general, np.full(6, np.nan), 0.0))
    return Study("Gu 2024 (finance)", tuple(cells), 200e9, (0.125, 0.5, 0.75))


def own(name: str, path: str, shares: tuple[float, float, float]) -> Study:
    """A sweep of this project."""
    frame = read_runs(ROOT / path)
    tokens = float(frame["base_tokens"].dropna().iloc[0])
    return Study(name, tuple(measured_cells(frame, Roles())), tokens, shares)


#: Sweeps of this project, by the study's name; the German one has no share of .75.
OWN = {
    "mixlaw prose-to-code": ("experiments/prose-to-code/runs.csv", (0.0, 0.5, 0.75)),
    "mixlaw prose-to-german": ("experiments/prose-to-german/runs.csv", (0.0, 0.25, 0.5)),
    "mixlaw quickstart": ("tests/data/quickstart/runs.csv", (0.0, 0.5, 0.75)),
}


def studies() -> list[Study]:
    """All of them."""
    return [gu(), *(own(name, path, shares) for name, (path, shares) in OWN.items())]
