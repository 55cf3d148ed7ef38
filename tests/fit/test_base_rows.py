"""Laws of all rows: base models (tokens = 0) are rows to fit, with the annealed and trunk rows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mixlaw import fit_laws, laws
from mixlaw.fit.held_out import splits
from mixlaw.fit.selection import select
from mixlaw.roles import Roles
from mixlaw.runs.table import validate_runs

#: The rectified law, which has a value at D = 0, declared to describe bases too.
FROM_BASE = replace(laws.load("rectified"), name="rectified-from-base", takes="all")
TRUTH = {"E": 1.6, "A": 0.3, "B": 0.9, "alpha": 0.3, "beta": 0.35, "eta": 0.6, "Db": 0.4, "k": 0.3}
SIZES, TOKENS, RATIOS = (6e7, 1.2e8, 2.4e8, 4.8e8), (2e9, 4e9, 8e9), (0.1, 0.25, 0.5, 1.0)


def table(noise: float = 0.0) -> pd.DataFrame:
    """Noiseless runs of the law and its base models; the general loss is the domain's."""
    rng = np.random.default_rng(0)
    rows = [(n, d, r) for n in SIZES for d in TOKENS for r in RATIOS] + [
        (n, 0.0, 0.0) for n in SIZES
    ]
    N, D, r = np.array(rows).T
    loss = FROM_BASE.predict(TRUTH, {"N": N, "D": D, "r": r}) * (1 + rng.normal(0, noise, len(N)))
    return validate_runs(
        pd.DataFrame(
            {
                "run_id": [f"{n:g}-{d:g}-{q:g}" for n, d, q in rows],
                "n_params": N,
                "tokens": D,
                "eval_set": "domain",
                "loss": loss,
                "domain_ratio": np.where(D > 0, r, np.nan),
                "annealed": True,
            }
        )
    )


def test_a_law_of_all_rows_is_recovered_from_runs_and_bases():
    fit = fit_laws(table(), FROM_BASE, n_draws=20)
    member = fit.stack["domain"][0]
    assert dict(zip(member.params, member.estimate, strict=True)) == pytest.approx(TRUTH, rel=0.01)
    assert fit.rows_used == len(table())
    # What was measured stays that of the runs: a base is no budget and no share.
    assert fit.ranges["tokens"] == (2e9, 8e9)
    assert fit.ratio_ranges["domain"] == (0.1, 1.0)


def test_bases_are_rows_of_laws_of_all_rows_alone():
    selection = select(table(), FROM_BASE, Roles(), ["domain"])
    rows = selection.rows["domain"]
    assert len(rows) == 48
    with_bases = rows.described_by(FROM_BASE)
    assert len(with_bases) == 52
    assert (with_bases.x["D"] == 0).sum() == 4
    assert with_bases.trunk.max() == len(selection.trunks) + 3
    for other in ("rectified", "dcpt", "transfer"):
        assert rows.described_by(laws.load(other)) is rows
    # A law without a finite value there, and one that starts from the base's loss, have none.
    assert rows.described_by(replace(laws.load("dcpt"), takes="all")) is rows
    assert rows.described_by(replace(laws.load("transfer"), takes="all")) is rows


def test_the_base_of_a_hidden_size_is_hidden():
    rows = select(table(), FROM_BASE, Roles(), ["domain"]).rows["domain"]
    known = rows.where(~splits(rows)["largest-size"]).described_by(FROM_BASE)
    assert known.x["N"].max() == SIZES[-2]


def test_bases_pin_what_runs_alone_leave_open():
    """With noise, the level at D = 0 is known from the bases."""
    loose, pinned = (fit_laws(table(2e-3), law, n_draws=60) for law in ("rectified", FROM_BASE))
    x = {"N": np.array(SIZES), "D": np.zeros(4), "r": np.zeros(4)}
    truth = FROM_BASE.predict(TRUTH, x)
    spread = [fit.stack["domain"][0].predict(x).draws.std(axis=0) for fit in (loose, pinned)]
    assert (spread[1] < spread[0] / 2).all()
    assert np.allclose(pinned.stack["domain"][0].predict(x).estimate, truth, rtol=0.01)
