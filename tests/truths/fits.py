"""Fits built from known laws, so that every answer has a truth to be compared with."""

from dataclasses import replace

import numpy as np

from mixlaw.result.fit_result import FitResult
from mixlaw.result.types import Member

DCPT = ("E", "A", "B", "C", "alpha", "beta", "eta", "eps", "gamma")
#: Losses fall with size and tokens; the general loss rises with the domain share, the domain loss
#: falls with it, and the base of size N lies a little above the general loss at share 0.
DOMAIN = (1.20, 0.20, 0.25, 0.50, 0.30, 0.30, 0.8, 0.30, 0.60)
GENERAL = (1.90, 0.30, 0.10, 0.20, 0.30, 0.30, 0.8, 0.10, 0.60)
#: Chinchilla counts parameters one by one, D-CPT in billions: the same size term in both.
BASE = {"E": 2.14, "A": 0.30 * 1e9**0.30, "B": 0.0, "alpha": 0.30, "beta": 1.0}
SIZES = (1e8, 3e8, 1e9)
BUDGETS = (1e9, 3e9, 1e10)
RATIOS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)


def build_fit(
    noise: float = 0.004,
    n_draws: int = 400,
    sizes=SIZES,
    base: bool = True,
    general=GENERAL,
    domain=DOMAIN,
    seed: int = 0,
) -> FitResult:
    """A D-CPT fit whose draws move the level (E) and the share term (C) of each loss.

    With one or two sizes there is one slice per size whose size term is a constant.
    """
    rng = np.random.default_rng(seed)
    truths = {"domain": np.array(domain), "general": np.array(general)}
    jitter = {name: rng.normal(0, noise, (n_draws, 2)) for name in truths}
    stack = {
        name: _members(truth, jitter[name], sizes, spread)
        for name, truth, spread in (
            ("domain", truths["domain"], 0.0),
            ("general", truths["general"], 0.02),
        )
    }
    base_draws = rng.normal(0, noise, n_draws)
    base_stack = {name: _base(base_draws, sizes) for name in stack} if base else {}
    low_high = {"n_params": sizes, "tokens": BUDGETS, "share.domain": RATIOS}
    levels = {name: list(values) for name, values in low_high.items()}
    levels["share.general"] = [1 - r for r in reversed(RATIOS)]
    ranges = {name: (min(v), max(v)) for name, v in levels.items()}
    ranges["tokens_per_param"] = (BUDGETS[0] / sizes[-1], BUDGETS[-1] / sizes[0])
    return FitResult(
        law="dcpt",
        eval_sets=("domain", "general"),
        domain_set="domain",
        general_set="general",
        corpora=("domain", "general"),
        domain_corpora=("domain",),
        own={"domain": "domain", "general": "general"},
        stack=stack,
        base_stack=base_stack,
        ranges=ranges,
        levels=levels,
        rows_used=2 * len(sizes) * len(BUDGETS) * len(RATIOS),
        sigma={"domain": noise, "general": noise},
    )


def _members(truth, jitter, sizes, spread):
    draws = np.tile(truth, (len(jitter), 1))
    draws[:, DCPT.index("E")] += jitter[:, 0]
    draws[:, DCPT.index("C")] += jitter[:, 1]
    whole = Member("dcpt", DCPT, truth, draws)
    if len(sizes) > 2:
        return (whole,)
    return tuple(_slice(whole, size, spread * i) for i, size in enumerate(sizes))


def _slice(member, size, more_share):
    """The law at one size: its size term joins E; ``more_share`` makes the two sizes differ."""

    def held(values):
        p = values.copy()
        e, a, alpha, c = (DCPT.index(name) for name in ("E", "A", "alpha", "C"))
        p[..., e] += p[..., a] * (size / 1e9) ** -p[..., alpha] - more_share
        p[..., a], p[..., alpha] = 0.0, 1.0
        p[..., c] += more_share
        return p

    return replace(member, estimate=held(member.estimate), draws=held(member.draws), size=size)


def _base(jitter, sizes):
    estimate = np.array(list(BASE.values()))
    draws = np.tile(estimate, (len(jitter), 1))
    draws[:, 0] += jitter
    whole = Member("chinchilla", tuple(BASE), estimate, draws)
    if len(sizes) > 2:
        return (whole,)
    names = tuple(BASE)

    def held(values, size):
        p = values.copy()
        p[..., names.index("E")] += BASE["A"] * size ** -BASE["alpha"]
        p[..., names.index("A")] = 0.0
        return p

    return tuple(
        replace(whole, estimate=held(estimate, s), draws=held(draws, s), size=s) for s in sizes
    )
