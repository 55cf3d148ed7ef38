"""What noise between replicates does not explain of the residuals of a law."""

from dataclasses import replace

import numpy as np
from truths import Design, Truth, dcpt_truth, simulate_sweep

from mixlaw import laws
from mixlaw.fit.discrepancy.lack_of_fit import unexplained
from mixlaw.fit.law_fit import fit_law
from mixlaw.fit.selection import select
from mixlaw.roles import Roles

DESIGN = Design(
    ratios=(0.1, 0.3, 0.5, 0.7, 0.9),
    replicated=10,
    budgets=tuple(1e9 * 2.0**k for k in range(6)),
)
WAVY = Truth(
    lambda s, N, D, R: dcpt_truth().loss(s, N, D, R) * np.exp(0.01 * np.sin(9 * R)),
    dcpt_truth().base,
)


def unexplained_of(truth: Truth, seed: int, **changed) -> float:
    table = simulate_sweep(truth, np.random.default_rng(seed), DESIGN)
    law = laws.load("dcpt")
    rows = select(table, law, Roles(), ["general"], ["schedule"]).rows["general"]
    share = rows.x["R"]
    loss = np.where(share == share.max(), rows.loss * changed.get("edge", 1.0), rows.loss)
    return unexplained(fit_law(law, replace(rows, loss=loss)).parts[0])


def test_noise_leaves_nothing_unexplained_and_an_edge_alone_little():
    assert [unexplained_of(dcpt_truth(), seed) for seed in range(8)] == [0.0] * 8
    wavy = np.median([unexplained_of(WAVY, seed) for seed in range(4)])
    edge = np.median([unexplained_of(dcpt_truth(), seed, edge=1.2) for seed in range(4)])
    assert 0.002**2 < wavy < 0.01**2
    assert edge < wavy
