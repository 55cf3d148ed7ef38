"""Base models as rows of runs: the inputs of laws before any continual pre-training."""

import numpy as np
import pandas as pd

from mixlaw.laws import Array, Inputs


def base_inputs(frame: pd.DataFrame, of_runs: Inputs) -> dict[str, Array]:
    """Inputs of n base models at D = 0, as many of those of the runs as they have.

    They have no mixture, repeat nothing, and were trained at their own learning rate.

    Args:
        frame: base rows of one eval set.
        of_runs: inputs of its runs, by name.
    """
    n = len(frame)
    known = {"N": frame["n_params"].to_numpy(float), "U": np.full(n, np.inf), "lr": np.ones(n)}
    if "base_tokens" in frame.columns and frame["base_tokens"].notna().all():
        known["P"] = frame["base_tokens"].to_numpy(float)
    nothing = {name: np.zeros((*of_runs[name].shape[:-1], n)) for name in "DrRh" if name in of_runs}
    return {name: values for name, values in (known | nothing).items() if name in of_runs}
