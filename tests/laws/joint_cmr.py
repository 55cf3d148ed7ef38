"""The turning point of the joint CMR law in closed form."""

import numpy as np

from mixlaw.laws import Array, Params
from mixlaw.laws._factors import lacking_share

_SHARE = lacking_share("gamma")
#: Turning points are kept within e^±500 units, far from anything that can be trained.
_LOG_RANGE = 500.0


def turning_point(p: Params, r: Array) -> Array:
    """T₀ of the joint law at shares r: 0 where the loss never rises, inf where it rises at last."""
    share = _SHARE.value(p, {"r": r})
    slope = p["p1"] * (1 - share) + p["p0"] * share
    fall = p["q1"] * (1 - share) + p["q0"] * share
    turns = fall > 0
    log_turn = np.clip(slope / np.where(turns, fall, 1.0), -_LOG_RANGE, _LOG_RANGE)
    rises_at_last = (fall < 0) | (fall == 0) & (slope > 0)
    return np.where(turns, np.exp(log_turn), np.where(rises_at_last, np.inf, 0.0))
