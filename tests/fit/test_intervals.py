"""An estimate lies inside its own interval: many fits, many targets, losses and ratios."""

import numpy as np
import pytest
from truths import Design, dcpt_truth, simulate_sweep

from mixlaw import fit_laws, recommend_ratio

SIZES, TOKENS = (3e7, 1e8, 7e8, 5e9), (1e8, 1e9, 6e9, 1e11)


@pytest.mark.parametrize("law", ["dcpt", "log-share", "dcpt,log-share"])
@pytest.mark.parametrize("seed", range(4))
def test_every_estimate_lies_inside_its_interval(law, seed):
    noise = 10.0 ** -(1 + seed)  # from noise that drowns the law to next to none
    design = Design(seed_std=noise, walk_std=noise / 3, row_std=noise / 10, checkpoints=0)
    fit = fit_laws(
        simulate_sweep(dcpt_truth(), np.random.default_rng(seed), design), law, n_draws=40
    )
    n_params, tokens, share = (
        axis.ravel() for axis in np.meshgrid(SIZES, TOKENS, np.linspace(0, 1, 7))
    )
    shares = {"domain": share, "general": 1 - share}
    for eval_set in fit.eval_sets:
        said = fit.predict(eval_set, n_params, tokens, shares, carry_size=True)
        for level in (0.5, 0.9):
            low, high = said.interval(level)
            known = np.isfinite(said.estimate)
            assert known.any()
            assert (low[known] <= said.estimate[known]).all()
            assert (said.estimate[known] <= high[known]).all()
    for size in SIZES:
        for bound in (0.01, 0.1):
            for reference in ("base", "control"):
                answer = recommend_ratio(
                    fit, n_params=size, tokens=1e9, max_general_rise=bound, reference=reference
                )
                low, high = answer.interval
                assert 0 <= low <= high <= 1
                if answer.estimate is not None:
                    assert low <= answer.estimate <= high
                for loss in answer.losses.values():
                    assert loss["low"] <= loss["estimate"] <= loss["high"]
