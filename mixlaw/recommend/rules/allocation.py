"""Rule ``allocation``: model size, tokens and ratio together for a compute budget.

    ratio given:  minimise L_d(N, D, r)                       over N, with 6·N·D = C
    ratio free:   minimise L_d(N, D, r*(N, D)) over N, with 6·N·D = C, where r*(N, D) is the
                  ``tolerance`` rule's answer at that size and budget

At a fixed ratio a law E + A/N^α + B₀/D^β + ... has the closed form of D-CPT's usage 3 (Que et al.,
arXiv 2406.01375; Hoffmann et al., arXiv 2203.15556)

    N = G·(C/6)^a,  D = (C/6)^b / G,  G = (α·A/(β·B₀))^(1/(α+β)),  a = β/(α+β),  b = α/(α+β)

in the units of the law; every other law is minimised on a logarithmic grid of sizes.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixlaw import laws
from mixlaw.errors import FitError
from mixlaw.quantities import format_quantity
from mixlaw.recommend.options import Options
from mixlaw.recommend.question import Question
from mixlaw.recommend.rule import Rule
from mixlaw.recommend.rules import tolerance
from mixlaw.recommend.rules.crossing import interpolate
from mixlaw.recommend.rules.minimum import argmin, minimum
from mixlaw.recommend.verdict import Verdict
from mixlaw.result.predict import mixture_inputs
from mixlaw.result.types import LEVEL, Member, Prediction, Status

Array = NDArray[np.float64]

#: Tokens per parameter between which the optimum is sought: four powers of ten around the
#: usual 20 on either side, so an optimum at an end is a warning and not a limit. Conventional.
_TOKENS_PER_PARAM = (1e-4, 1e6)
#: Sizes of the logarithmic grid at a given ratio, and at a free one, where each costs a search of
#: the ratio. Conventional; the minimum is refined between the points by a parabola.
_N_SIZES, _N_SIZES_FREE = 401, 61


def decide(question: Question, options: Options) -> Verdict:
    """Answer the rule for the compute budget asked about.

    Raises:
        FitError: the fit has no domain loss, or its laws do not depend on size and tokens.
    """
    assert options.flops is not None
    if not question.has_domain:
        raise FitError("The rule allocation needs the domain loss, which was not fitted.")
    if any(member.size for member in question.fit.members(question.fit.domain_set)):
        raise FitError(
            "The rule allocation needs a law of model size, and this fit has one law per size; "
            "sweep three sizes or more."
        )
    if options.ratio is None:
        return _at_free_ratio(question, options)
    return _at_ratio(question, options.ratio, options.flops)


RULE = Rule(
    __name__,
    decide,
    required={"flops": "the compute to be spent"},
    reads=("flops",),
    ratio_name="critical ratio",
    chooses_budget=True,
    chooses_size=True,
    keeps_bound=lambda options: options.ratio is None,
)


def closed_form(member: Member, mixture: laws.Inputs, flops: float) -> tuple[Array, Array] | None:
    """Optimal sizes and the constants a, b and G, of the point estimate and of every draw.

    Args:
        member: a fitted law.
        mixture: r, R and h of one mixture, of shape (1,) and (n_corpora, 1).
        flops: compute budget C = 6·N·D.

    Returns:
        Sizes (counts) of shape (1 + n_draws,) and constants of shape (1 + n_draws, 3); None if the
        law is not E + A/N^α + B₀/D^β at a fixed mixture.
    """
    every = np.vstack([member.estimate, member.draws])
    p = {name: every[:, [i]] for i, name in enumerate(member.params)}
    law = laws.load(member.law)
    if set(law.inputs) & {"U", "P", "lr"}:
        return None
    if not {"A", "alpha", "B", "beta"} <= set(p) or not _is_chinchilla(law, p, mixture):
        return None
    data = p["B"] * _factor(law, p, "B", mixture, 1.0, 1.0)
    alpha, beta = p["alpha"], p["beta"]
    a, b = beta / (alpha + beta), alpha / (alpha + beta)
    with np.errstate(divide="ignore", invalid="ignore"):
        G = (alpha * p["A"] / (beta * data)) ** (1 / (alpha + beta))
    unit_n, unit_d = law.units.get("N", 1.0), law.units.get("D", 1.0)
    sizes = G * (flops / 6 / unit_n / unit_d) ** a * unit_n
    return sizes[:, 0], np.hstack([a, b, G])


def _is_chinchilla(law: laws.Law, p: dict[str, Array], mixture: laws.Inputs) -> bool:
    """True if the A term is a power of N alone and the B term one of D alone, with α and β."""
    ones, others = (
        {name: _factor(law, p, name, mixture, *at) for name in ("A", "B")}
        for at in ((1.0, 1.0), (2.0, 3.0))
    )
    return bool(
        np.allclose(others["A"], ones["A"] * 2.0 ** -p["alpha"])
        and np.allclose(others["B"], ones["B"] * 3.0 ** -p["beta"])
    )


def _factor(
    law: laws.Law, p: dict[str, Array], name: str, mixture: laws.Inputs, N: float, D: float
) -> Array:
    """A term's factor at N and D in the law's units, shape (1 + n_draws, 1)."""
    x = {**mixture, "N": np.array([N]), "D": np.array([D]), "L0": np.zeros(1)}
    term = law.terms(p, {key: x[key] for key in law.inputs})[name]
    return np.broadcast_to(np.asarray(term, dtype=float), (len(p[name]), 1))


def _at_ratio(question: Question, ratio: float, flops: float) -> Verdict:
    sizes, constants = _sizes_at_ratio(question, ratio, flops)
    size = float(sizes[0])
    interval = _interval_of(sizes[1:], size)
    details: dict[str, Any] = {
        "flops": flops,
        "n_params": interval,
        "closed_form": constants,
    }
    return Verdict(
        feasible=True,
        recommended=ratio,
        estimate=ratio,
        draws=np.full(len(sizes) - 1, ratio),
        at=ratio,
        warnings=_unbounded(interval, flops),
        details=details,
        regret=_regret(question, ratio, size, sizes[1:], flops),
        n_params=size,
        tokens=flops / 6 / size,
    )


def _sizes_at_ratio(
    question: Question, ratio: float, flops: float
) -> tuple[Array, dict[str, float] | None]:
    """Optimal sizes of the estimate and every draw; a, b and G where there is a closed form."""
    fit = question.fit
    members = fit.members(fit.domain_set)
    if len(members) == 1 and question.calibration.index is None:
        mixture = mixture_inputs(fit, fit.domain_set, 1.0, 1.0, question.path.shares(ratio))
        exact = closed_form(members[0], mixture, flops)
        if exact is not None:
            a, b, G = (float(value) for value in exact[1][0])
            # A term of zero puts the optimum at no size or at an endless one: not beyond the grid.
            inside = np.clip(np.nan_to_num(exact[0]), *_grid(flops, 2))
            return inside, {"a": a, "b": b, "G": G} if 0 < G < np.inf else None
    logs = np.log(_grid(flops, _N_SIZES))
    sizes = np.exp(logs)
    loss = question.at(n_params=sizes).domain(np.full(len(sizes), ratio), flops / 6 / sizes)
    optimum = minimum(logs, loss, 0.0)
    return np.exp(np.append(optimum.estimate, optimum.draws)), None


def _grid(flops: float, n: int) -> Array:
    ends = [np.sqrt(flops / 6 / ratio) for ratio in reversed(_TOKENS_PER_PARAM)]
    return np.geomspace(ends[0], ends[1], n)


def _regret(question: Question, ratio: float, size: float, sizes: Array, flops: float) -> Array:
    """Domain loss at the chosen size above that at each draw's own best size."""
    every = np.append(size, sizes)
    loss = question.at(n_params=every).domain(np.full(len(every), ratio), flops / 6 / every)
    draws = np.arange(len(loss.draws))
    return np.maximum(loss.draws[:, 0] - loss.draws[draws, draws + 1], 0.0)


def _at_free_ratio(question: Question, options: Options) -> Verdict:
    assert options.flops is not None
    sizes = _grid(options.flops, _N_SIZES_FREE)
    losses = [_loss_within_bound(question, options, float(size)) for size in sizes]
    if not any(np.isfinite(loss.estimate[0]) for loss in losses):
        return _without_ratio(question, options)
    interval = _best_size(sizes, losses)
    size = interval["estimate"]
    tokens = options.flops / 6 / size
    verdict = tolerance.decide(question.at(n_params=size, tokens=tokens), options)
    return replace(
        verdict,
        warnings=(*verdict.warnings, *_unbounded(interval, options.flops)),
        details={"flops": options.flops, "n_params": interval},
        promise="",
        n_params=size,
        tokens=tokens,
    )


def _without_ratio(question: Question, options: Options) -> Verdict:
    """No size has a ratio: the verdict at the size that is best at the middle of the shares."""
    assert options.flops is not None
    sizes, _ = _sizes_at_ratio(question, float(np.mean(question.swept)), options.flops)
    size = float(sizes[0])
    tokens = options.flops / 6 / size
    verdict = tolerance.decide(question.at(n_params=size, tokens=tokens), options)
    return replace(verdict, details={"flops": options.flops}, n_params=size, tokens=tokens)


def _loss_within_bound(question: Question, options: Options, size: float) -> Prediction:
    """Domain loss at a size: at the recommended ratio, and of every draw at its own critical one.

    It is infinite where there is no such ratio.
    """
    assert options.flops is not None
    question = question.at(n_params=size, tokens=options.flops / 6 / size)
    verdict, ratios = tolerance.decide(question, options), question.ratios
    loss, recommended = question.domain(ratios), verdict.recommended
    estimate = np.inf if recommended is None else np.interp(recommended, ratios, loss.estimate)
    own = interpolate(ratios, loss.draws, np.nan_to_num(verdict.draws, nan=ratios[0]))
    draws = np.where(np.isnan(verdict.draws), np.inf, own)
    return Prediction(np.array([estimate]), draws[:, None])


def _best_size(sizes: Array, losses: list[Prediction]) -> dict[str, float]:
    """The size of the lowest loss with its interval; draws without a ratio anywhere are out."""
    estimate = np.concatenate([loss.estimate for loss in losses])[None, :]
    draws = np.hstack([loss.draws for loss in losses])
    usable = draws[np.isfinite(draws).any(axis=1)]
    best = [np.exp(argmin(np.log(sizes), values)) for values in (estimate, usable)]
    return _interval_of(best[1], float(best[0][0]))


def _interval_of(sizes: Array, estimate: float) -> dict[str, float]:
    low, high = np.nanquantile(sizes, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {
        "estimate": estimate,
        "low": min(float(low), estimate),
        "high": max(float(high), estimate),
    }


def _unbounded(interval: dict[str, float], flops: float) -> tuple[Status, ...]:
    ends = _grid(flops, 2)
    if np.any(np.isclose(interval["estimate"], ends, rtol=1e-6)):
        beyond = "smallest" if interval["estimate"] < ends.mean() else "largest"
        idle = "model size" if beyond == "smallest" else "tokens"
        text = (
            f"The fitted loss hardly falls with {idle}, so its best size is the {beyond} one that "
            f"was tried; sweep more {'sizes' if beyond == 'smallest' else 'budgets'} to tell it."
        )
        return (Status("not-identified", text),)
    if interval["high"] < 100 * interval["low"]:
        return ()
    low, high = (format_quantity(interval[end]) for end in ("low", "high"))
    text = f"Anything from {low} to {high} parameters may be the best size."
    return (Status("not-identified", text),)
