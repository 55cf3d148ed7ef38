"""The outside view: what studies say of any continual pre-training, without a single run."""

from collections.abc import Collection

import numpy as np

from mixlaw import laws
from mixlaw.fit.prior.fit import ASSUMED_TOKENS, LAW, member
from mixlaw.fit.prior.posterior import Evidence, sample
from mixlaw.fit.prior.studies import LEFT_OVER, published
from mixlaw.fit.standard_draws import draw_standard
from mixlaw.result.fit_result import FitResult
from mixlaw.result.types import Member, Status

#: Noise, in nats, of a row that says nothing.
_NOTHING = 1e3
#: General loss of a base that nothing is known of, nats: rises do not depend on it.
ANY_LEVEL = 5.0


def outside_view(
    n_params: float,
    tokens: float,
    *,
    base_loss: float = ANY_LEVEL,
    base_tokens: float | None = None,
    without: Collection[str] = (),
    n_draws: int = 500,
    seed: int = 0,
) -> FitResult:
    """A fit to no run at all, for one target.

    Args:
        n_params: size of the target, a count.
        tokens: its budget, a count.
        base_loss: general loss of its base, nats; rises do not depend on it.
        base_tokens: tokens that the base was pre-trained on; default 20 for each parameter.
        without: studies that must not speak.
        n_draws: draws.
        seed: of the draws.
    """
    prior, (cell, cell_slope) = published("general", without), LEFT_OVER["general"]
    nothing = Evidence(
        n_params=np.array([n_params]),
        tokens=np.array([tokens]),
        share=np.array([0.5]),
        change=np.array([0.0]),
        scale=base_tokens or ASSUMED_TOKENS * n_params,
        cell=cell,
        cell_slope=cell_slope,
        noise=_NOTHING,
    )
    posterior = sample(nothing, prior.parameters, n_draws, seed)
    text = (
        f"No run of yours speaks here: this is what {len(prior.studies)} studies say of any base "
        f"and domain ({', '.join(prior.studies)}). Five short runs tell far more (mixlaw init "
        "NAME --small)."
    )
    return FitResult(
        law=LAW,
        eval_sets=("general",),
        domain_set="domain",
        general_set="general",
        general_sets={"general": 1.0},
        corpora=("domain", "general"),
        domain_corpora=("domain",),
        own={},
        stack={"general": (member(laws.load(LAW), nothing, posterior, seed),)},
        base_stack={"general": (_base(base_loss, n_draws),)},
        ranges={"n_params": (n_params, n_params), "tokens": (tokens, tokens)},
        levels={"n_params": [n_params], "tokens": [tokens]},
        statuses=(Status("outside-view", text),),
        standard=draw_standard(n_draws, {}, seed),
        target={"n_params": n_params, "tokens": tokens},
        sigma={"general": 0.0},
    )


def _base(loss: float, n_draws: int) -> Member:
    """The base's loss, whatever the size."""
    law = laws.load("constant")
    estimate = np.full(len(law.parameters), loss)
    names = tuple(p.name for p in law.parameters)
    return Member(law.name, names, estimate, np.tile(estimate, (n_draws, 1)))
