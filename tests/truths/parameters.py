"""Parameters of laws, of ordinary size: made up, as a truth that fits must recover."""

import numpy as np

#: Corpora of the mixtures in truths of many corpora.
CORPORA = ("domain", "web", "books")

#: Parameters of the dcpt law for the domain and the general loss, of ordinary size.
DCPT = {
    "domain": {"E": 1.2, "A": 0.35, "B": 0.12, "C": 0.06, "alpha": 0.30, "beta": 0.35, "eta": 0.5,
               "eps": 0.1, "gamma": 0.7},
    "general": {"E": 1.7, "A": 0.45, "B": 0.10, "C": 0.05, "alpha": 0.28, "beta": 0.30, "eta": 0.4,
                "eps": 0.1, "gamma": 0.6},
}  # fmt: skip

#: Parameters of the hump law; the domain loss has its own share as r and gains more.
HUMP = {
    "domain": {"S": 0.10, "A": 1.6, "a": 4.0, "D1": 0.3, "beta": 1.0, "D0": 1.5, "alpha": 0.30,
               "kappa": 0.05, "lam": 0.02},
    "general": {"S": 0.45, "A": 0.35, "a": 3.0, "D1": 0.6, "beta": 0.8, "D0": 6.0, "alpha": 0.35,
                "kappa": 0.08, "lam": -0.03},
}  # fmt: skip

#: Parameters of the cmr law, the same at every size; T is in units of 0.2B tokens.
CMR = {
    "domain": {"b1": -0.30, "b0": -0.05, "p1": -0.05, "p0": -0.01, "q1": 0.0, "q0": 0.0, "s": 0.05,
               "eps": 0.15, "gamma": 0.6},
    "general": {"b1": -0.01, "b0": 0.13, "p1": -0.018, "p0": 0.072, "q1": 0.002, "q0": 0.032,
                "s": -0.05, "eps": 0.10, "gamma": 0.7},
}  # fmt: skip

#: Parameters of the rectified law; the general corpus is worth 20B tokens of pre-training.
RECTIFIED = {"general": {"E": 1.5, "A": 0.40, "B": 1.5, "alpha": 0.28, "beta": 0.25, "eta": 0.5,
                         "Db": 20.0, "k": 0.3}}  # fmt: skip

#: Parameters of the transfer law.
TRANSFER = {"general": {"E": 1.5, "A": 0.40, "B": 0.8, "alpha": 0.28, "beta": 0.25, "eta": 0.5}}

#: Parameters of the log-share law: .05 nats of forgetting at 8B tokens with a replay share of .4.
LOG_SHARE = {"general": {"V": 0.02, "W": 0.01, "B": 0.03, "beta": 0.3, "eps": 0.05, "kappa": 0.1}}


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
