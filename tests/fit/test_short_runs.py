"""Short runs are left out where the table itself shows that they hurt, and nowhere else."""

import numpy as np
import pandas as pd
import pytest

from mixlaw.fit.api import fit_laws
from mixlaw.runs.table import validate_runs


def sweep(bend: float) -> pd.DataFrame:
    """Chinchilla's law, with another slope below ten tokens a parameter."""
    rows = []
    for size in (1e7, 3e7, 1e8, 3e8, 6e8):
        for ratio in (2, 4, 12, 20, 40, 80):
            loss = 1.7 + 400 / size**0.34 + 410 / (size * ratio) ** 0.28
            loss += bend * max(np.log(10 / ratio), 0.0)
            rows.append({"run_id": f"{size:g}-{ratio}", "n_params": size, "tokens": size * ratio,
                         "eval_set": "web", "loss": loss})  # fmt: skip
    return validate_runs(pd.DataFrame(rows))


@pytest.mark.parametrize(("bend", "hurts"), [(0.25, True), (0.0, False)])
def test_the_table_decides_whether_short_runs_hurt(bend: float, hurts: bool) -> None:
    fit = fit_laws(sweep(bend), "chinchilla", eval_sets=["web"], n_draws=20)
    said = [status.message for status in fit.statuses if status.code == "short-runs-hurt"]
    assert bool(said) == hurts
    assert all("--where 'tokens/n_params>=10'" in message for message in said)


def test_mixtures_of_many_corpora_are_tried_too() -> None:
    mixtures = [(0.2, 0.3, 0.5), (0.5, 0.25, 0.25), (0.1, 0.6, 0.3), (0.34, 0.33, 0.33)]
    rows = []
    for k, (a, b, c) in enumerate(mixtures):
        for size in (1e7, 3e7, 1e8):
            for ratio in (2, 4, 12, 20, 40, 80):
                loss = 1.5 + 1.2 * np.exp(-0.8 * a - 0.3 * b) + 410 / (size * ratio) ** 0.28
                rows.append({"run_id": f"{k}-{size:g}-{ratio}", "n_params": size,
                             "tokens": size * ratio, "eval_set": "a", "loss": loss,
                             "share.a": a, "share.b": b, "share.c": c})  # fmt: skip
    fit = fit_laws(validate_runs(pd.DataFrame(rows)), "exponential", eval_sets=["a"], n_draws=20)
    assert fit.law == "exponential"
