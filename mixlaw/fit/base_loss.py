"""The law of the base losses: what the model lost on each eval set before CPT, by size.

    L0(N) = E + A/N^α

fitted to the tokens = 0 rows where there are three sizes or more; otherwise the measured loss of
each size stands for itself.
"""

from dataclasses import replace

import numpy as np

from mixlaw import laws
from mixlaw.fit.bootstrap import Plan
from mixlaw.fit.law_fit import SIZES, levels
from mixlaw.fit.noise import Noise
from mixlaw.fit.row_fit import draw_refits, fit_rows
from mixlaw.fit.selection import Rows
from mixlaw.result.types import Member

#: Relative noise of a base loss where the sizes leave no freedom to see any. A run starts from the
#: very base that it is compared with, and both are measured on the same held-out windows, so little
#: noise is left: with 1e-3 the intervals of simulated critical ratios covered 100%, with 1e-4 83%.
NOISE = 3e-4


def fit_base(rows: Rows, n_draws: int, seed: int) -> tuple[Member, ...]:
    """Members of the base law, with draws; none if the table has no base rows."""
    if not len(rows):
        return ()
    law = laws.load("chinchilla")
    if len(levels(rows.x["N"])) < SIZES:
        return tuple(_measured(law, rows, size, n_draws) for size in levels(rows.x["N"]))
    fitted = fit_rows(law, rows)
    if fitted.noise.assumed:
        fitted = replace(fitted, noise=Noise(NOISE, 0.0, np.inf, assumed=True))
    draws = draw_refits(fitted, Plan.draw(n_draws, len(rows), seed))
    names = fitted.names
    return (Member(law.name, names, fitted.parameters(fitted.theta)[0], draws),)


def _measured(law: laws.Law, rows: Rows, size: float, n_draws: int) -> Member:
    """Chinchilla with E alone: the mean loss of this size's rows, the same in every draw."""
    loss = float(rows.loss[np.isclose(rows.x["N"], size, rtol=1e-3)].mean())
    values = {"E": loss, "alpha": 1.0, "beta": 1.0}
    estimate = np.array([values.get(p.name, 0.0) for p in law.parameters])
    names = tuple(p.name for p in law.parameters)
    return Member(law.name, names, estimate, np.tile(estimate, (n_draws, 1)), size=size)
