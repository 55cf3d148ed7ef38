"""What stands beside a recommendation: published mixes, the best run measured, size conventions."""

import numpy as np
import pandas as pd
import pytest

from mixlaw.fit.provenance import facts
from mixlaw.recommend.context import practice
from mixlaw.recommend.loss_units import Tolerance
from mixlaw.recommend.target import non_embedding
from mixlaw.roles import Roles
from mixlaw.runs.table import validate_runs


def test_published_mixes_have_the_known_quartiles():
    """Over 24 stated mixes: general share with median 20%, quartiles near 8% and 48%."""
    band = practice.domain_band()
    assert band["median"] == pytest.approx(0.80)
    assert band["low"] == pytest.approx(0.52, abs=0.05)
    assert band["high"] == pytest.approx(0.92, abs=0.05)
    anneal = practice.domain_band("anneal")
    assert anneal["high"] <= 0.5
    assert anneal["runs"] >= 3


@pytest.mark.parametrize("size", [2e8, 7e9])
def test_total_parameters_lose_their_embeddings(size):
    def total(n):
        return n + 3e4 * n**0.4

    pairs = [(n, total(n)) for n in (1e7, 1e8, 1e9)]
    assert non_embedding(total(size), pairs) == pytest.approx(size, rel=1e-3)
    one = [(1e8, 1e8 + 32000 * 1e8 ** (1 / 3))]
    assert non_embedding(8e9 + 32000 * 8e9 ** (1 / 3), one) == pytest.approx(8e9, rel=1e-3)
    assert non_embedding(8e9, []) is None


@pytest.fixture
def frame():
    rows = [("base", 1e9, 0.0, np.nan, name, 2.0) for name in ("domain", "general")]
    for ratio, domain, general in ((0.1, 1.9, 2.01), (0.5, 1.7, 2.05), (0.9, 1.6, 2.4)):
        for tokens in (1e9, 5e9):
            rows.append((f"r{ratio}", 1e9, tokens, ratio, "domain", domain - tokens * 1e-11))
            rows.append((f"r{ratio}", 1e9, tokens, ratio, "general", general))
    names = ["run_id", "n_params", "tokens", "domain_ratio", "eval_set", "loss"]
    table = pd.DataFrame(rows, columns=names).assign(n_params_total=1.2e9)
    table["unique_tokens.domain"] = 1.5e9
    return validate_runs(table)


def test_best_run_measured_within_the_bound(frame):
    found = facts(frame, Roles())
    assert found["n_params_total"] == [[1e9, 1.2e9]]
    assert found["epochs"] == {"domain": pytest.approx(0.9 * 5e9 / 1.5e9)}
    runs = found["longest_runs"]
    assert [run["domain_ratio"] for run in runs] == pytest.approx([0.1, 0.5, 0.9])
    assert practice.best_observed(runs, Tolerance(0.02))["domain_ratio"] == pytest.approx(0.1)
    assert practice.best_observed(runs, Tolerance(0.03, relative=True))["run_id"] == "r0.5"
    assert practice.best_observed(runs, Tolerance(0.0)) is None
