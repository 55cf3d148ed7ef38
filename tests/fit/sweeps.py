"""Small sweeps drawn from a known law."""

import numpy as np

from mixlaw.fit.selection import Rows

CORPORA = ("domain", "web", "books")


def grid(sizes=(7e7, 1.6e8, 4.1e8, 1e9), ratios=(0.05, 0.2, 0.4, 0.6, 0.8, 0.95), budgets=None):
    """Inputs of every law on a full grid; one trunk per size and mixture."""
    budgets = np.geomspace(1e8, 1.6e10, 7) if budgets is None else np.asarray(budgets)
    N, r, D = (a.ravel() for a in np.meshgrid(sizes, ratios, budgets, indexing="ij"))
    trunk = np.repeat(np.arange(len(sizes) * len(ratios)), len(budgets))
    # Other mixtures of web and books at every size: laws of all shares need more than six.
    web = (1 - r) * (0.2 + 0.3 * ((trunk + trunk // len(ratios)) % 3))
    x = {
        "N": N,
        "D": D,
        "r": r,
        "R": r,
        "h": np.stack([r, web, 1 - r - web]),
        "L0": 2.0 + 0.35 * (N / 1e9) ** -0.2,
        "U": np.where(N > 3e8, 5e8, np.inf),
    }
    return x, trunk


def rows_of(loss, x, trunk, loss_se=None):
    """Rows with these losses."""
    se = np.zeros(len(loss)) if loss_se is None else loss_se
    return Rows(x, np.asarray(loss, dtype=float), se, trunk)


def typical(law, corpora=CORPORA):
    """Parameters in the middle of a law: exponents inside their start box, ordinary amplitudes."""
    rng = np.random.default_rng(7)
    params = {}
    # A law of changes against the base has amplitudes of a few hundredths.
    small = 0.1 if any(p.amplitude == "free" for p in law.parameters) else 1.0
    for p in law.expand(corpora):
        low, high = p.start or (p.low, p.high)
        if p.amplitude == "nonneg":
            params[p.name] = 1.5 if p.name == "E" else small * float(rng.uniform(0.1, 0.4))
        elif p.amplitude == "free":
            params[p.name] = float(rng.uniform(-0.05, 0.05))
        elif low > 0 and high / low >= 10:
            params[p.name] = float(low * (high / low) ** rng.uniform(0.3, 0.7))
        else:
            params[p.name] = float(low + (high - low) * rng.uniform(0.3, 0.7))
    return params


def in_plain_counts(law, params):
    """Amplitudes rescaled where a law takes plain counts, so that its terms are of order one."""
    if law.units or "N" not in law.inputs:
        return params
    return params | {
        "A": params["A"] * 1e9 ** params["alpha"],
        "B": params["B"] * 1e9 ** params["beta"],
    }
