"""What a fit is made of: predictions, fitted laws, statuses, and the record that holds them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixlaw import laws
from mixlaw.errors import FitError, unknown_name
from mixlaw.result.inputs import MixtureRoles
from mixlaw.result.kriging import Kriging
from mixlaw.result.standard_draws import NONE, StandardDraws, draw_weights
from mixlaw.roles import parse_weights, side_of

Array = NDArray[np.float64]


#: Name of the baseline that every law must beat: see ``mixlaw.fit.held_out``.
BASELINE = "next-smaller-size"


@dataclass(frozen=True)
class Status:
    """Trouble that every report prints: a code and a sentence for a person."""

    code: str
    message: str
    eval_set: str = ""
    law: str = ""


#: Code of the status of a law that is no closer to its losses than one number is.
EXPLAINS_NOTHING = "explains-nothing"
#: Code of a fit that misses held-out rows by more than a single number does.
HELD_OUT_FAILED = "held-out-failed"


#: Code of the status of a table with an error that makes any answer wrong.
DOCTOR_ERROR = "doctor-error"


#: Code of the status of a table whose domain or general losses can be no such losses at all.
MEANINGLESS = "meaningless-losses"


#: Code of the status that names the runs which a few lack to be the smallest sweep that answers.
RUNS_MISSING = "runs-missing"


#: Codes of the two statuses of a table as a whole, which are printed before all others.
TABLE_ERRORS = (MEANINGLESS, DOCTOR_ERROR)


@dataclass(frozen=True)
class Prediction:
    """A predicted quantity at n points.

    Attributes:
        estimate: from the point estimate of the fit, shape (n,).
        draws: one row per draw, shape (n_draws, n). Draw k is the same resampled sweep for every
            eval set, point and base loss, so differences between predictions keep their precision.
    """

    estimate: Array
    draws: Array

    def interval(self, level: float = 0.9) -> tuple[Array, Array]:
        """Lower and upper end of the central interval of this level, each of shape (n,).

        It is stretched to hold the estimate, should the draws all lie on one side of it.
        """
        tail = (1 - level) / 2
        low, high = np.quantile(self.draws, [tail, 1 - tail], axis=0)
        return np.fmin(low, self.estimate), np.fmax(high, self.estimate)


@dataclass(frozen=True)
class Member:
    """One law fitted to one eval set, or to one size of it.

    Attributes:
        law: name of the law.
        params: names of all its parameters, in the order of the law.
        estimate: their values at the optimum, shape (n_params,).
        draws: one refit per row, shape (n_draws, n_params).
        size: the size (a count) that this slice is of; None if the law covers all sizes.
        tokens: the only budget (a count) the rows had; None if the law covers all budgets.
        weight: share of this law in the stack; the slices of one law carry the same weight.
    """

    law: str
    params: tuple[str, ...]
    estimate: Array
    draws: Array
    size: float | None = None
    tokens: float | None = None
    weight: float = 1.0

    def predict(self, x: laws.Inputs) -> Prediction:
        """Loss at inputs given as plain counts; ``L0`` may have shape (n,) or (1 + n_draws, n).

        It is nan where the law has no finite value.
        """
        law = laws.load(self.law)
        every = np.vstack([self.estimate, self.draws])
        params = {name: every[:, [i]] for i, name in enumerate(self.params)}
        here = law.admits(x)
        loss = np.full((len(every), len(here)), np.nan)
        loss[:, here] = law.predict(params, {name: values[..., here] for name, values in x.items()})
        return Prediction(loss[0], loss[1:])


#: Level of every interval on a ratio, loss or rise.
LEVEL = 0.9


def interval_document(prediction: Prediction, i: int = 0) -> dict[str, float]:
    """``{"estimate", "low", "high"}`` of one point of a prediction."""
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(prediction.draws[:, i], [tail, 1 - tail])
    estimate = float(prediction.estimate[i])
    return {
        "estimate": estimate,
        "low": min(float(low), estimate),
        "high": max(float(high), estimate),
    }


@dataclass(frozen=True)
class FitRecord:
    """Laws fitted to the eval sets of one runs table: what ``fit.json`` and ``draws.npz`` hold.

    Attributes:
        law: name of the fitted law, or ``auto`` for a stack of several.
        eval_sets: fitted eval sets.
        domain_set: the fitted eval set that is "the domain".
        general_set: the fitted eval set that is "the general" (``Roles.general_set``).
        general_sets: eval sets of the general loss with their weights; fits of earlier versions
            have them in the name of ``general_set`` only.
        corpora: corpora of the mixture, in the order of the table; empty for a one-corpus table.
        domain_corpora: corpora whose shares add up to the domain ratio.
        own: corpus of each eval set whose share is the law's r, where it has one.
        stack: fitted members by eval set.
        base_stack: members of the law of the base losses (tokens = 0) by eval set.
        ranges: (low, high) of ``n_params``, ``tokens``, ``tokens_per_param``, ``compute`` (size x
            tokens), ``share.<corpus>``.
        levels: sorted distinct values by the same names.
        ratio_ranges: (low, high) of the domain ratio that each eval set's law was fitted to; the
            sweep may have gone farther, where rows at an edge had to be left out.
        highest: by eval set, the highest loss that the table can support, nats; predictions stay at
            or below it. Fits of earlier versions lack it.
        statuses: trouble, worst first.
        scores: errors on held-out rows by eval set and split.
        baseline: the same of the baseline ``next-smaller-size``.
        held_out_rows: the held-out rows themselves by eval set and split: ``n_params``,
            ``tokens``, ``measured``, ``predicted`` and ``baseline`` loss. Fits of earlier versions
            lack them.
        law_scores: of a stack, every law's errors on the same rows, weight, regret and note, by
            eval set and law.
        beyond: misfit in log loss that an e-fold beyond the range adds, by eval set and direction
            (``n_params``, ``tokens``, ``compute``): of either sign, and under the name of the
            direction + ``.drift`` that of a known sign, which fits of earlier versions lack.
        lack_of_fit: what the laws miss alike in all runs at the same tokens, by eval set; only fits
            of earlier versions have it. (The F test of ``mixlaw.fit.discrepancy.lack_of_fit`` is
            another thing: its answer is among ``statuses``.)
        kriging: what the laws miss at their rows, by eval set; predictions are conditioned on it.
            Fits of earlier versions lack it and have ``lack_of_fit``.
        base_kriging: the same of the law of the base losses: a measured base loss is what it is.
        standard: random numbers behind the draws of predictions, those of earlier versions where
            none are given.
        rows_used: rows that were fitted, all eval sets together.
        rows_left_out: rows that were not, by reason.
        target: ``n_params`` and ``tokens`` that the experiment aims at, if it says so.
        assumes: how a target is trained unless a prediction is told otherwise, by the columns of
            the runs table: ``schedule`` (its kind), ``unique_tokens.<corpus>``, ``base_tokens``,
            ``lr_ratio``; as the longest runs of the largest size were. Fits of earlier versions
            lack it.
        sigma: residual standard deviation of log loss by eval set.
        seed_std: relative standard deviation between replicates by eval set, where there are any.
        validation: the document of ``mixlaw validate`` on this fit, where it was run.
        prior: of a fit of few runs the name of its prior, the ``studies`` that speak in it, and by
            eval set the prior predictive ``p_value`` of its rows.
        without_prior: its members had no study spoken.
        about: how the fit was made: data hash, options, versions, checklist.
        folder: where it was loaded from; empty for a fit that was just made.
    """

    law: str
    eval_sets: tuple[str, ...]
    domain_set: str
    general_set: str
    corpora: tuple[str, ...]
    domain_corpora: tuple[str, ...]
    own: Mapping[str, str]
    stack: Mapping[str, tuple[Member, ...]]
    base_stack: Mapping[str, tuple[Member, ...]]
    ranges: Mapping[str, tuple[float, float]]
    levels: Mapping[str, list[float]]
    general_sets: Mapping[str, float] = field(default_factory=dict)
    ratio_ranges: Mapping[str, Sequence[float]] = field(default_factory=dict)
    highest: Mapping[str, float] = field(default_factory=dict)
    statuses: tuple[Status, ...] = ()
    scores: Mapping[str, Any] = field(default_factory=dict)
    baseline: Mapping[str, Any] = field(default_factory=dict)
    held_out_rows: Mapping[str, Any] = field(default_factory=dict)
    law_scores: Mapping[str, Any] = field(default_factory=dict)
    beyond: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    lack_of_fit: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    kriging: Mapping[str, Kriging] = field(default_factory=dict)
    base_kriging: Mapping[str, Kriging] = field(default_factory=dict)
    standard: StandardDraws = NONE
    rows_used: int = 0
    rows_left_out: Mapping[str, int] = field(default_factory=dict)
    target: Mapping[str, float] = field(default_factory=dict)
    assumes: Mapping[str, Any] = field(default_factory=dict)
    sigma: Mapping[str, float] = field(default_factory=dict)
    seed_std: Mapping[str, float] = field(default_factory=dict)
    validation: Mapping[str, Any] = field(default_factory=dict)
    prior: Mapping[str, Any] = field(default_factory=dict)
    without_prior: Mapping[str, tuple[Member, ...]] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    folder: str = ""

    def __post_init__(self) -> None:
        """Fill in the standard draws that are not given."""
        every = [m for stack in (self.stack, self.base_stack) for ms in stack.values() for m in ms]
        n_draws = max((len(member.draws) for member in every), default=0)
        standard = self.standard
        if standard.n_draws < n_draws:
            standard = StandardDraws.of_earlier_versions(n_draws)
        weights = dict(standard.weights)
        for name, members in self.stack.items():
            by_law = {member.law: member.weight for member in members}
            if len(by_law) > 1 and name not in weights:
                weights[name] = draw_weights(list(by_law.values()), n_draws)
        object.__setattr__(self, "standard", replace(standard, weights=weights))

    @property
    def has_base_rows(self) -> bool:
        """Whether the table measured the base model (tokens = 0) on every fitted eval set."""
        return all(self.base_stack.get(name) for name in self.eval_sets)

    def reads(self, name: laws.InputName) -> bool:
        """Whether a fitted law depends on this input."""
        members = (member for of_set in self.stack.values() for member in of_set)
        return any(name in laws.load(member.law).inputs for member in members)

    def knows_repeats(self, eval_set: str, law: str | None = None) -> bool:
        """Whether the laws of an eval set with most of the weight, or this one alone, do."""
        members = self.members(eval_set)
        members = tuple(member for member in members if member.law == law) or members
        knowing = sum(m.weight for m in members if laws.load(m.law).knows_repeats)
        return knowing > sum(member.weight for member in members) / 2

    def mixture_roles(self, eval_set: str) -> MixtureRoles:
        """What the corpora of the mixture are to this eval set's loss."""
        general = self.general_sets or parse_weights(self.general_set)
        side = side_of(eval_set, self.domain_set, (self.general_set, *general))
        return MixtureRoles(self.corpora, self.domain_corpora, self.own.get(eval_set), side)

    def members(self, eval_set: str) -> tuple[Member, ...]:
        """The laws fitted to an eval set, with their weights in the stack.

        Raises:
            FitError: the eval set was not fitted.
        """
        if eval_set not in self.stack:
            raise FitError(unknown_name("fitted eval set", eval_set, self.eval_sets))
        return tuple(self.stack[eval_set])
