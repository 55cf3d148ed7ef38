"""How far rows lie from the data of a fit, as flags with distances.

The data are taken as a box: the range of sizes, of budgets, of tokens per parameter and of every
share, one by one. A mixture inside the box of more than two shares may still lie outside of all
mixtures that were measured.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mixlaw.quantities import SAME_LEVEL
from mixlaw.result.inputs import UNIQUE_TOKENS
from mixlaw.result.types import Array, FitRecord

#: Codes of flags, which the statuses of a fit or an answer share; the glossary explains them.
NOT_IDENTIFIED = "not-identified"
NO_SIZE_INFORMATION = "no-size-information"
BASE_MISSING = "base-missing"
UNUSED_BASE_LOSS = "unused-base-loss"


@dataclass(frozen=True)
class Flag:
    """What to know about one predicted row.

    Attributes:
        code: as in the glossary.
        distance: how far outside the data, positive beyond the largest and negative below the
            smallest value: e-folds of sizes, tokens and passes, a difference of shares; None where
            the flag is no distance.
        corpus: the corpus (several joined by +) whose share or passes it is about.
    """

    code: str
    distance: float | None = None
    corpus: str = ""

    def __str__(self) -> str:
        far = "" if self.distance is None else f"{self.distance:+.3g}"
        return " ".join(part for part in (self.code, self.corpus, far) if part)


@dataclass(frozen=True)
class Rows:
    """Settings of n rows to predict, each an array of shape (n,).

    Attributes:
        n_params: non-embedding parameters, a count.
        tokens: CPT tokens, a count; 0 is the base before CPT.
        shares: by corpus, summing to one; nan at tokens = 0.
        base_loss: measured loss of the base, nats per token; nan where none is given.
        training: how they are trained, by columns of the runs table: ``unique_tokens.<corpus>``,
            ``base_tokens``, ``lr_ratio``; nan where unknown.
    """

    n_params: Array
    tokens: Array
    shares: Mapping[str, Array]
    base_loss: Array
    training: Mapping[str, Array]

    def take(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> "Rows":
        """Some of the rows."""
        return replace(
            self,
            n_params=self.n_params[which],
            tokens=self.tokens[which],
            base_loss=self.base_loss[which],
            shares={corpus: share[which] for corpus, share in self.shares.items()},
            training={name: values[which] for name, values in self.training.items()},
        )


def distance_flags(fit: FitRecord, eval_set: str, rows: Rows) -> list[tuple[Flag, ...]]:
    """Flags of every row that lies outside the data, and where its size was carried over."""
    by_row: list[list[Flag]] = [[] for _ in rows.tokens]
    for i in np.flatnonzero(_carried(fit, eval_set, rows)):
        by_row[i].append(Flag(NO_SIZE_INFORMATION))
    for code, corpus, distances in _distances(fit, eval_set, rows):
        for i in np.flatnonzero(np.abs(distances) > SAME_LEVEL):
            by_row[i].append(Flag(f"extrapolation.{code}", float(distances[i]), corpus))
    return [tuple(flags) for flags in by_row]


def _carried(fit: FitRecord, eval_set: str, rows: Rows) -> NDArray[np.bool_]:
    """Whether a row's size has no law of its own and there is no law in the size."""
    trained = rows.tokens > 0
    carried = np.zeros(len(trained), dtype=bool)
    of_laws, of_base = fit.members(eval_set), fit.base_stack.get(eval_set, ())
    for members, concerned in ((of_laws, trained), (of_base, ~trained)):
        sizes = np.array([member.size for member in members if member.size])
        if len(sizes):
            far = np.abs(np.log(rows.n_params[:, None] / sizes)).min(axis=1) > SAME_LEVEL
            carried |= far & concerned
    return carried


def _distances(
    fit: FitRecord, eval_set: str, rows: Rows
) -> Iterator[tuple[str, str, NDArray[np.float64]]]:
    """Code, corpus and distances of the rows, shape (n,); 0 inside or where it has no meaning."""
    trained = rows.tokens > 0
    tokens = np.where(trained, rows.tokens, np.nan)
    counts = {
        "n_params": rows.n_params,
        "tokens": tokens,
        "tokens_per_param": tokens / rows.n_params,
    }
    for name, values in counts.items():
        if name in fit.ranges:
            yield name, "", _beyond(np.log(values), *np.log(fit.ranges[name]))
    for corpus, share, low, high in _shares(fit, eval_set, rows):
        yield "share", corpus, _beyond(np.where(trained, share, np.nan), low, high)
    measured = fit.about.get("epochs", {})
    for corpus in fit.corpora:
        unique = rows.training.get(f"{UNIQUE_TOKENS}{corpus}")
        if unique is None:
            continue
        passes = rows.shares[corpus] * tokens / unique
        most = max(1.0, measured.get(corpus, 1.0))
        yield "epochs", corpus, np.log(np.fmax(passes, most) / most)


def _shares(fit: FitRecord, eval_set: str, rows: Rows) -> Iterator[tuple[str, Array, float, float]]:
    """Corpora with their shares and ranges; the domain also with what the law was fitted to."""
    ranges = {c: fit.ranges.get(f"share.{c}", (0.0, 1.0)) for c in fit.corpora}
    low, high = fit.ratio_ranges.get(eval_set, (0.0, 1.0))
    if len(fit.domain_corpora) == 1:
        corpus = fit.domain_corpora[0]
        first, last = ranges[corpus]
        ranges[corpus] = max(first, low), min(last, high)
    elif fit.domain_corpora:
        ratio = np.sum([rows.shares[corpus] for corpus in fit.domain_corpora], axis=0)
        yield "+".join(fit.domain_corpora), ratio, low, high
    for corpus, (first, last) in ranges.items():
        yield corpus, rows.shares[corpus], first, last


def _beyond(values: Array, low: float, high: float) -> Array:
    """Signed distance from a range, 0 inside it and where a value is missing."""
    return np.fmax(values - high, 0.0) + np.fmin(values - low, 0.0)
