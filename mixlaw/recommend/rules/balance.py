"""Rule ``balance``: the ratio that minimises a weighted sum of the two losses, and the frontier.

    minimise  w_d·L_d(N, D, r) + w_g·L_g(N, D, r)     over the ratios that were swept

Weights default to one each. The frontier lists what every ratio buys: domain against general loss.
With more than two corpora, or without a domain and a general loss, the whole share vector is
sought, and every fitted loss may have a weight (``balance_many``).
"""

from typing import Any

import numpy as np

from mixlaw.recommend.options import Options
from mixlaw.recommend.question import Question
from mixlaw.recommend.rule import Rule
from mixlaw.recommend.rules import balance_many
from mixlaw.recommend.rules.balance_many import checked_weights
from mixlaw.recommend.rules.minimum import at_edge, flat_optimum, minimum
from mixlaw.recommend.verdict import Verdict
from mixlaw.result.types import Prediction, interval_document

#: Points of the frontier: one every five points of the share. Conventional.
_N_FRONTIER = 21


def decide(question: Question, options: Options) -> Verdict:
    """Answer the rule at the question's target."""
    both = question.has_domain and question.has_general
    if _about_corpora(options) or not question.path.is_pair or not both:
        return balance_many.decide(question, options)
    domain_set, general_set = question.fit.domain_set, question.general_set
    weights = checked_weights(options, (domain_set, general_set))
    ratios = np.linspace(*question.swept, len(question.ratios))
    domain, general = question.domain(ratios), question.general(ratios)
    w_d, w_g = weights[domain_set], weights[general_set]
    objective = Prediction(
        w_d * domain.estimate + w_g * general.estimate, w_d * domain.draws + w_g * general.draws
    )
    noise = float(np.hypot(w_d * question.noise(domain_set), w_g * question.noise(general_set)))
    optimum = minimum(ratios, objective, noise)
    details: dict[str, Any] = {
        "weights": weights,
        "near_equal": {"low": optimum.near[0], "high": optimum.near[1], "within": noise},
        "frontier": frontier(question),
    }
    return Verdict(
        feasible=True,
        recommended=optimum.recommended,
        estimate=optimum.estimate,
        draws=optimum.draws,
        at=optimum.recommended,
        warnings=(*flat_optimum(optimum.near, noise), *at_edge(optimum, question.swept)),
        details=details,
        regret=optimum.regret,
    )


RULE = Rule(
    __name__,
    decide,
    reads=("weights", "bounds", "kl", "max_epochs"),
    chooses_shares=True,
    shown_by_law=True,
)


def _about_corpora(options: Options) -> bool:
    """True if a cap, bound or penalty on single corpora is given."""
    return bool(options.unique_tokens or options.bounds or options.kl)


def frontier(question: Question) -> list[dict[str, Any]]:
    """Domain and general loss with intervals along the ratio."""
    ratios = np.linspace(0.0, 1.0, _N_FRONTIER)
    domain, general = question.domain(ratios), question.general(ratios)
    return [
        {
            "domain_ratio": float(ratio),
            "domain": interval_document(domain, i),
            "general": interval_document(general, i),
        }
        for i, ratio in enumerate(ratios)
    ]
