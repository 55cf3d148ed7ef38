"""The promises of a recommendation, kept in worlds whose truth is known (``simulation.md``)."""

import json
import sys
from dataclasses import asdict

import numpy as np
import pytest
from simulation import RISK, SCENARIOS, Outcome, read, simulate, summary, table

#: Enough for a first look; the committed table has more.
N_WORLDS = 40


def test_worlds_are_read_back_as_they_were_written(tmp_path):
    path = tmp_path / "worlds.jsonl"
    assert read(path) == {}
    outcome = Outcome(True, 0.02, False, 0.001, 0.002)
    row = {"seed": 7, "world": {"answered": asdict(outcome), "not answered": None}}
    path.write_text(json.dumps(row) + "\n")
    assert read(path) == {7: {"answered": outcome, "not answered": None}}


@pytest.mark.slow
def test_promises_hold_within_the_error_of_so_few_worlds(capsys):
    worlds = [simulate(seed) for seed in range(N_WORLDS)]
    rows = {s.name: summary([world[s.name] for world in worlds]) for s in SCENARIOS}
    with capsys.disabled():
        sys.stdout.write(f"\n{table(rows)}\n")
    for name, row in rows.items():
        if "8x" in name:
            continue  # out of range nothing is promised but honesty
        spread = 3 * np.sqrt(0.9 * 0.1 / row["answered"])
        assert 0.85 - spread <= row["coverage"]
        assert row["broken"] <= RISK + 0.04 + spread
        assert row["regret"] < row["plug_in"]
    widths = {s.name: rows[s.name]["width"] for s in SCENARIOS}
    assert widths["two sizes, in range"] > widths["three sizes, in range"]
