"""Rule ``balance`` for many corpora: the share vector that minimises a weighted loss.

    minimise    Σ_j w_j·L_j(N, D, h) + κ·KL(h ‖ h_nat)
    subject to  Σ_c h_c = 1,   low_c <= h_c <= high_c,   h_c·D <= K·U_c

L_j are the fitted losses, h_nat the natural mixture, U_c the distinct tokens of a corpus and K the
passes allowed over it. Bounds default to the shares that were swept: beyond them a law of many
shares is a guess. Feasible sets are boxes on a simplex, so the problem is convex wherever the law
is convex in h (Ye et al.'s exponential law is); it is solved by SLSQP (scipy) from several starts,
and the result is projected onto the set, so bounds and caps hold to rounding. The interval of every
share comes from solving the same problem on resampled sweeps.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixlaw.errors import ConfigError, unknown_name
from mixlaw.quantities import percent
from mixlaw.recommend.mixture_path import MixturePath, natural_mixture
from mixlaw.recommend.options import Options
from mixlaw.recommend.question import Question
from mixlaw.recommend.verdict import Verdict
from mixlaw.result.fit_result import FitResult
from mixlaw.result.types import LEVEL, Member, Status

Array = NDArray[np.float64]

#: Resampled sweeps on which the problem is solved for the intervals of the shares. Conventional: a
#: 90% interval then rests on three draws beyond each end; more take longer in proportion.
_N_RESAMPLED = 60
#: Starts of the search, the natural mixture among them. Conventional; where the problem is convex
#: one is enough.
_N_STARTS = 6
#: Step of the finite differences in a share: near the square root of the rounding of a double.
_STEP = 1e-6


@dataclass(frozen=True)
class Problem:
    """Weights, box and penalty of one mixture problem.

    Attributes:
        weights: weight of every loss, by eval set.
        low: smallest share of every corpus, shape (n_corpora,).
        high: largest share of every corpus, with its cap, shape (n_corpora,).
        natural: shares that are left at a price, shape (n_corpora,).
        kl: price of leaving them, nats of loss per nat of divergence.
    """

    weights: dict[str, float]
    low: Array
    high: Array
    natural: Array
    kl: float

    def project(self, shares: Array) -> Array:
        """The nearest point of the box on the simplex: all shares shifted alike, then clipped."""
        from scipy.optimize import brentq

        def excess(shift: float) -> float:
            return float(np.clip(shares + shift, self.low, self.high).sum() - 1)

        # One more than what brings every share to its bound, so that rounding changes no sign.
        ends = (self.low - shares).min() - 1, (self.high - shares).max() + 1
        shift = brentq(excess, *ends, xtol=1e-15)
        return np.clip(shares + shift, self.low, self.high)

    def penalty(self, shares: Array) -> Array:
        """κ·KL(h ‖ h_nat) of mixtures, shape (..., n_corpora) -> (...)."""
        safe = np.maximum(shares, 1e-300)
        terms = np.where(shares > 0, shares * np.log(safe / np.maximum(self.natural, 1e-12)), 0.0)
        return np.asarray(self.kl * terms.sum(axis=-1))


def decide(question: Question, options: Options) -> Verdict:
    """Answer for the whole share vector at the question's target."""
    fit = question.fit
    problem = _problem(question, options)
    best = _solve(question, fit, problem)
    picked = np.linspace(0, _n_draws(fit) - 1, min(_N_RESAMPLED, _n_draws(fit))).astype(int)
    resampled = [_resampled(fit, k) for k in picked]
    every = np.array([_solve(question, draw, problem, best) for draw in resampled])
    regret = np.array(
        [
            -np.diff(_objective(question, draw, problem, np.array([best, own])))[0]
            for draw, own in zip(resampled, every, strict=True)
        ]
    )
    shares = _intervals(fit, best, every)
    domain = np.isin(fit.corpora, fit.domain_corpora)
    ratio = float(np.clip(best[domain].sum(), 0.0, 1.0))
    binding = [c for i, c in enumerate(fit.corpora) if best[i] >= problem.high[i] - 1e-9]
    details: dict[str, Any] = {
        "weights": problem.weights,
        "objective": float(_objective(question, fit, problem, best[None, :])[0]),
        "at_upper_bound": binding,
        "lines": _lines(shares),
    }
    return Verdict(
        feasible=True,
        recommended=ratio,
        estimate=ratio,
        draws=np.clip(every[:, domain].sum(axis=1), 0.0, 1.0),
        at=ratio,
        warnings=(*_no_domain(fit), *_bounded(binding)),
        details=details,
        regret=np.maximum(regret, 0.0),
        path=MixturePath.through(fit, dict(zip(fit.corpora, best, strict=True))),
        shares=shares,
    )


def _problem(question: Question, options: Options) -> Problem:
    fit = question.fit
    swept = [fit.ranges.get(f"share.{c}", (0.0, 1.0)) for c in fit.corpora]
    low, high = np.array(swept).T.copy()
    for corpus, (least, most) in (options.bounds or {}).items():
        i = _index(fit, corpus)
        low[i], high[i] = least, most
    for corpus, unique in (options.unique_tokens or {}).items():
        i = _index(fit, corpus)
        high[i] = min(high[i], options.passes * unique / question.tokens)
        low[i] = min(low[i], high[i])
    if low.sum() > 1 or high.sum() < 1 or (low > high).any():
        raise ConfigError(
            f"No mixture obeys the bounds and caps: the smallest shares add up to {low.sum():.3g} "
            f"and the largest to {high.sum():.3g}, on either side of 1 they must lie."
        )
    natural = natural_mixture(fit, options.natural)
    weights = checked_weights(options, fit.eval_sets)
    return Problem(weights, low, high, np.array([natural[c] for c in fit.corpora]), options.kl)


def _index(fit: FitResult, corpus: str) -> int:
    if corpus not in fit.corpora:
        raise ConfigError(unknown_name("corpus", corpus, fit.corpora))
    return fit.corpora.index(corpus)


def _objective(question: Question, fit: FitResult, problem: Problem, shares: Array) -> Array:
    """Weighted loss plus penalty of mixtures, shape (n, n_corpora) -> (n,)."""
    at = question.n_params, question.tokens, dict(zip(fit.corpora, shares.T, strict=True))
    losses = [
        weight * fit.predict(name, *at, carry_size=True, assuming=question.assuming).estimate
        for name, weight in problem.weights.items()
        if weight
    ]
    return np.asarray(np.sum(losses, axis=0) + problem.penalty(shares))


def _solve(
    question: Question, fit: FitResult, problem: Problem, start: Array | None = None
) -> Array:
    """The best mixture that SLSQP reaches from one start or several."""
    from scipy.optimize import Bounds, LinearConstraint, minimize

    def value_and_gradient(shares: Array) -> tuple[float, Array]:
        n = len(shares)
        steps = np.vstack([np.zeros(n), _STEP * np.eye(n)])
        values = _objective(question, fit, problem, np.maximum(shares + steps, 0.0))
        return float(values[0]), (values[1:] - values[0]) / _STEP

    solutions = []
    for first in [start] if start is not None else _starts(problem):
        result = minimize(
            value_and_gradient,
            first,
            jac=True,
            method="SLSQP",
            bounds=Bounds(problem.low, problem.high),
            constraints=[LinearConstraint(np.ones((1, len(first))), 1.0, 1.0)],
            options={"maxiter": 200, "ftol": 1e-10},
        )
        solutions.append(problem.project(np.asarray(result.x)))
    values = _objective(question, fit, problem, np.array(solutions))
    return solutions[int(np.argmin(values))]


def _starts(problem: Problem) -> list[Array]:
    rng = np.random.default_rng(0)
    n = len(problem.low)
    guesses = [problem.natural, *rng.dirichlet(np.ones(n), _N_STARTS - 1)]
    return [problem.project(np.asarray(guess)) for guess in guesses]


def _n_draws(fit: FitResult) -> int:
    return min(len(m.draws) for members in fit.stack.values() for m in members)


def _resampled(fit: FitResult, k: int) -> FitResult:
    """The fit whose estimate is draw k."""

    def only(member: Member) -> Member:
        return replace(member, estimate=member.draws[k], draws=member.draws[k : k + 1])

    def each(stack: Any) -> dict[str, tuple[Member, ...]]:
        return {name: tuple(only(member) for member in members) for name, members in stack.items()}

    return replace(fit, stack=each(fit.stack), base_stack=each(fit.base_stack))


def _intervals(fit: FitResult, best: Array, every: Array) -> dict[str, dict[str, float]]:
    """The best shares with the interval of those of the resampled sweeps, by corpus."""
    low, high = np.quantile(every, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return {
        corpus: {
            "recommended": float(best[i]),
            "low": float(min(low[i], best[i])),
            "high": float(max(high[i], best[i])),
        }
        for i, corpus in enumerate(fit.corpora)
    }


def _lines(shares: dict[str, dict[str, float]]) -> tuple[str, ...]:
    ordered = sorted(shares.items(), key=lambda item: -item[1]["recommended"])
    texts = [
        f"{corpus} {percent(s['recommended'])} ({percent(s['low'])} to {percent(s['high'])})"
        for corpus, s in ordered
        if s["high"] > 0.005
    ]
    return (f"Shares with their {LEVEL:.0%} intervals: {', '.join(texts)}.",)


def _no_domain(fit: FitResult) -> tuple[Status, ...]:
    if fit.domain_corpora:
        return ()
    text = (
        "No corpus is named as the domain, so the domain share is 0 and says nothing: the shares "
        "of the corpora are the answer (name a domain with --domain-corpora)."
    )
    return (Status("no-domain", text),)


def _bounded(binding: list[str]) -> tuple[Status, ...]:
    if not binding:
        return ()
    text = (
        f"The share of {', '.join(binding)} ends at its upper bound (a cap, or the largest share "
        "swept): more of it may be better still."
    )
    return (Status("at-bound", text),)


def checked_weights(options: Options, names: tuple[str, ...]) -> dict[str, float]:
    """Weight of every loss: one each, or as given, zero for those not named.

    Raises:
        ConfigError: an unknown name, a negative weight, or none that is positive.
    """
    if options.weights is None:
        return dict.fromkeys(names, 1.0)
    for name, weight in options.weights.items():
        if name not in names:
            raise ConfigError(unknown_name("loss to weigh", name, names))
        if not 0 <= weight < np.inf:
            raise ConfigError(f"The weight of '{name}' is {weight}; weights are 0 or more.")
    if not any(options.weights.values()):
        raise ConfigError("All weights are 0; give one loss a positive weight.")
    return {name: options.weights.get(name, 0.0) for name in names}
