"""What the sliders of the page read: a fit's curves at every stop of size and budget.

A stop is a size or a budget at which the fit itself was asked, so between stops nothing is
guessed. At each, the rise of the general loss along the share is kept as the quantiles of the
fit's draws that an answer reads: a share keeps a bound at a risk where the (1 - risk) quantile of
the rise does. The interval of the critical share follows from the order of every draw's smallest
rise at or beyond a share, which is monotone in the share: each end lies between the critical shares
of two draws that are neighbours in that order.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixlaw.recommend.options import Options
from mixlaw.recommend.question import Question, difference
from mixlaw.recommend.rules.tolerance import least_known_bound
from mixlaw.recommend.verdict import NOT_IDENTIFIED, SURE
from mixlaw.result.types import LEVEL, Array, Prediction

#: Stops of a slider over sizes, and over budgets. Conventional: a page of 1.5 MB.
MOST_STOPS = 12
#: The sliders go so many times beyond the largest size and the longest budget measured, where a
#: law reaches so far and the target does not lie farther. Conventional.
_BEYOND = 10.0
#: Neighbouring stops are not closer than this factor. Conventional.
_CLOSEST = 1.25
#: Shares at which curves are kept, denser at both ends: with 101, recommended shares at the stops
#: were within .003 of those of 401 points on 320 questions to two fits.
N_RATIOS = 101
#: The domain loss is drawn and not crossed with a bound: every other share will do.
DOMAIN_EVERY = 2
#: Risks that the slider offers, beside the one asked about. Conventional.
_RISKS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.5)
#: Allowed rises that the slider offers, nats, beside the one asked about: from less than the
#: noise between seeds to more than anybody allows. Conventional.
_BOUNDS = np.geomspace(0.002, 0.5, 45)
#: Stands for a rise that is not finite, nats: more than any bound.
_HUGE = 25.0
#: Names of the curves of a rise, before those of the risks.
CURVES = (
    "estimate", "low", "high", "low_below", "low_above", "high_below", "high_above",
)  # fmt: skip


@dataclass(frozen=True)
class WhatIf:
    """All that the sliders need.

    Attributes:
        sizes: stops of the size.
        tokens: stops of the budget.
        bounds: stops of the allowed rise, nats.
        risks: stops of the risk.
        references: what a rise can be measured against.
        asked: the question of the page: its stop of every slider.
        ratios: shares at which curves are kept, shape (n,).
        between: how far from one neighbour to the next the ends of the interval lie.
        rise: nats, shape (references, sizes, tokens, curves, n).
        domain: domain loss at every ``DOMAIN_EVERY``-th share: estimate, low and high, shape
            (sizes, tokens, 3, n); (sizes, tokens, 0, n) without one.
        surely: the bound below which surely no share is allowed, (references, sizes, tokens).
        least: the bound below which the table knows nothing, (sizes, tokens).
        why: why there is no answer, by index of size and of budget; empty where there is one.
    """

    sizes: tuple[float, ...]
    tokens: tuple[float, ...]
    bounds: tuple[float, ...]
    risks: tuple[float, ...]
    references: tuple[str, ...]
    asked: dict[str, float | str]
    ratios: Array
    between: tuple[float, float]
    rise: Array
    domain: Array
    surely: Array
    least: Array
    why: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, question: Question, options: Options) -> "WhatIf":
        """Ask a fit at every stop around a question.

        Args:
            question: the question of the page.
            options: its bound and risk.
        """
        sizes, tokens = _stops(question, "n_params"), _stops(question, "tokens")
        bound = float(question.allowed_rise(options.bound).estimate[0])
        risks = tuple(sorted({*_RISKS, options.risk}))
        references = tuple(
            name for name in ("base", "control") if question.at(reference=name).knows_rise
        )
        ratios = question.ratios[_kept(question.ratios)]
        nodes = [
            [_Node.at(question.at(n_params=s, tokens=t), references, ratios, risks) for t in tokens]
            for s in sizes
        ]
        every = np.array([[node.rise for node in row] for row in nodes])
        return cls(
            sizes=sizes,
            tokens=tokens,
            bounds=tuple(sorted({*(float(f"{b:.2g}") for b in _BOUNDS), bound})),
            risks=risks,
            references=references,
            asked={
                "n_params": question.n_params,
                "tokens": question.tokens,
                "bound": bound,
                "risk": options.risk,
                "reference": options.reference,
            },
            ratios=ratios,
            between=_between(len(question.rise(ratios[:1]).draws)),
            rise=np.moveaxis(every, 2, 0),
            domain=np.array([[node.domain for node in row] for row in nodes]),
            surely=np.moveaxis(np.array([[node.surely for node in row] for row in nodes]), 2, 0),
            least=np.array([[node.least for node in row] for row in nodes]),
            why=tuple(tuple(node.why for node in row) for row in nodes),
        )

    def document(self) -> dict[str, Any]:
        """For the page's script: plain JSON, and arrays as base64 of companded 16-bit numbers."""
        return {
            "sizes": self.sizes,
            "tokens": self.tokens,
            "bounds": self.bounds,
            "risks": self.risks,
            "references": self.references,
            "asked": self.asked,
            "curves": [*CURVES, *(f"risk {risk:g}" for risk in self.risks)],
            "ratios": self.ratios.round(6).tolist(),
            "domain_ratios": self.ratios[::DOMAIN_EVERY].round(6).tolist(),
            "between": dict(zip(("low", "high"), self.between, strict=True)),
            "rise": _packed(self.rise),
            "domain": _packed(self.domain),
            "surely": self.surely.round(6).tolist(),
            "least": self.least.round(6).tolist(),
            "why": self.why,
            "not_identified": NOT_IDENTIFIED,
        }


@dataclass(frozen=True)
class _Node:
    """One size and budget; see ``WhatIf``."""

    rise: Array
    domain: Array
    surely: Array
    least: float
    why: str

    @classmethod
    def at(
        cls, question: Question, references: Sequence[str], ratios: Array, risks: Iterable[float]
    ) -> "_Node":
        risks = tuple(risks)
        if question.why_no_ratio:
            return cls(
                np.zeros((len(references), len(CURVES) + len(risks), len(ratios))),
                np.zeros((3 if question.has_domain else 0, len(ratios[::DOMAIN_EVERY]))),
                np.zeros(len(references)),
                0.0,
                question.why_no_ratio,
            )
        rises = [_finite(rise) for rise in _rises(question, references, ratios)]
        coarse = ratios[::DOMAIN_EVERY]
        return cls(
            np.array([_curves(rise, risks) for rise in rises]),
            _band(question.domain(coarse)) if question.has_domain else np.zeros((0, len(coarse))),
            np.array([_surely(rise) for rise in rises]),
            least_known_bound(question),
            "",
        )


def _rises(question: Question, references: Sequence[str], ratios: Array) -> list[Prediction]:
    """Rises over every reference; over the control it is that over the base, less its own at 0."""
    rise = question.at(reference=references[0]).rise(ratios)
    if len(references) == 1:
        return [rise]
    return [rise, difference(rise, question.at(reference="base").rise(np.zeros(1)))]


def _stops(question: Question, name: str) -> tuple[float, ...]:
    """Stops of a slider: measured values, the target, and between and beyond them."""
    levels, target = question.fit.levels[name], float(getattr(question, name))
    if name == "tokens" and len(levels) == 1:
        return (target,)  # laws of one budget know no other
    reached = [
        value
        for value in (_BEYOND * levels[-1], target)
        if not question.at(**{name: value}).why_no_ratio
    ]
    stops = {target, levels[0], levels[-1], *reached}
    for value in levels:
        if _apart(value, stops) > np.log(_CLOSEST) and len(stops) < MOST_STOPS:
            stops.add(value)
    while len(stops) < MOST_STOPS:
        every = np.sort([*stops])
        gaps = np.diff(np.log(every))
        widest = int(np.argmax(gaps))
        if gaps[widest] < 2 * np.log(_CLOSEST):
            break
        stops.add(float(f"{np.sqrt(every[widest] * every[widest + 1]):.2g}"))
    return tuple(sorted(float(stop) for stop in stops))


def _apart(value: float, stops: Iterable[float]) -> float:
    return min(abs(float(np.log(value / stop))) for stop in stops)


def _kept(ratios: Array) -> Array:
    """Indices of the shares that are kept: evenly in the arcsine of the root, both ends among."""
    first, last = np.arcsin(np.sqrt(ratios[[0, -1]]))
    places = np.sin(np.linspace(first, last, N_RATIOS)) ** 2
    return np.unique(np.abs(ratios[:, None] - places).argmin(axis=0))


def _finite(rise: Prediction) -> Prediction:
    estimate, draws = (
        np.clip(np.nan_to_num(values, nan=_HUGE, posinf=_HUGE), -_HUGE, _HUGE)
        for values in (rise.estimate, rise.draws)
    )
    return Prediction(estimate, draws)


def _curves(rise: Prediction, risks: Sequence[float]) -> Array:
    """The curves of a rise, shape (curves, n)."""
    ordered = np.sort(rise.draws, axis=0)
    beyond = np.minimum.accumulate(rise.draws[:, ::-1], axis=1)[:, ::-1]
    # The draw with the highest rises has the smallest critical share.
    by_critical = np.sort(beyond, axis=0)[::-1]
    neighbours = [k for place in _places(len(ordered)) for k in (int(place), int(place) + 1)]
    # The allowed number of draws may break a bound; the next one in order must keep it.
    at_risk = [ordered[len(ordered) - 1 - _allowed(risk, len(ordered))] for risk in risks]
    return np.array([*_band(rise), *by_critical[neighbours], *at_risk])


def _places(n_draws: int) -> tuple[float, float]:
    """Where in the order of n draws the ends of the interval lie, as ``numpy.quantile`` counts."""
    tail = (1 - LEVEL) / 2
    return (n_draws - 1) * tail, (n_draws - 1) * (1 - tail)


def _between(n_draws: int) -> tuple[float, float]:
    low, high = _places(n_draws)
    return low % 1, high % 1


def _allowed(risk: float, n_draws: int) -> int:
    """How many draws may break a bound at this risk."""
    return min(int(np.floor(risk * n_draws + 1e-9)), n_draws - 1)


def _surely(rise: Prediction) -> float:
    """The bound below which every share breaks it with the probability ``SURE``."""
    ordered = np.sort(rise.draws, axis=0)
    return float(ordered[_allowed(1 - SURE, len(ordered))].min())


def _band(curve: Prediction) -> Array:
    """Estimate, low and high end of the interval, shape (3, n)."""
    return np.array([curve.estimate, *curve.interval(LEVEL)])


def _packed(values: Array) -> dict[str, Any]:
    """Numbers as signed roots in 16 bits: a rise of 0.02 nats is kept to 2e-5, one of 5 to 4e-4."""
    roots = np.sign(values) * np.sqrt(np.abs(values))
    scale = float(np.abs(roots).max()) / 32767 if roots.size else 1.0
    whole = np.round(roots / (scale or 1.0)).astype("<i2")
    return {
        "shape": list(values.shape),
        "scale": scale,
        "base64": base64.b64encode(whole.tobytes()).decode("ascii"),
    }
