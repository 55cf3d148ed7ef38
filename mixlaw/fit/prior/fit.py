"""A fit of few runs: the forgetting law, and draws of its posterior in the place of refits."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mixlaw import laws
from mixlaw.doctor.few_runs import ENOUGH, Run, described, missing_runs
from mixlaw.errors import FitError
from mixlaw.fit import noise as noises
from mixlaw.fit import provenance
from mixlaw.fit.base_loss import fit_base
from mixlaw.fit.law_fit import levels
from mixlaw.fit.prior.posterior import ASSUMED_NOISE, Evidence, Posterior, sample
from mixlaw.fit.prior.studies import DOMAIN_SCALE, LEFT_OVER, Prior, published, vague
from mixlaw.fit.selection import Rows, Selection, select
from mixlaw.fit.standard_draws import draw_standard
from mixlaw.laws import Array, Law
from mixlaw.quantities import format_quantity
from mixlaw.result.types import RUNS_MISSING, Member, Status
from mixlaw.roles import Roles, Side
from mixlaw.runs.table import SHARE

LAW = "forgetting"
#: Tokens of pre-training for each parameter where the table does not say: Hoffmann et al. (2022).
ASSUMED_TOKENS = 20.0
#: A prior predictive p-value below this is a warning.
DISAGREES = 0.05


@dataclass(frozen=True)
class FewRuns:
    """A fit of few runs before it is a result.

    Attributes:
        selection: the rows.
        fields: fields of ``FitResult`` beside those of names and origin.
    """

    selection: Selection
    fields: dict[str, Any]


def has_few_runs(frame: pd.DataFrame, roles: Roles) -> bool:
    """Whether a table has too few runs to compare laws on, and what a prior needs beside them."""
    good = frame[frame["flag"] == ""]
    ends = good[(good["tokens"] > 0) & good["eval_set"].isin(roles.general_sets)]
    based = set(good.loc[good["tokens"] == 0, "eval_set"]) >= set(roles.general_sets)
    shares = [column for column in frame.columns if column.startswith(SHARE)]
    n_runs = len(ends[["n_params", "tokens", *shares]].round(6).drop_duplicates())
    return 0 < n_runs < ENOUGH and based and bool(shares)


def fit_few_runs(
    frame: pd.DataFrame,
    roles: Roles,
    eval_sets: list[str] | None,
    mix: list[str],
    n_draws: int,
    seed: int,
    without: Collection[str] = (),
) -> FewRuns:
    """The forgetting law under the published prior, with the studies ``without`` left out.

    Raises:
        FitError: the table lacks what the law needs.
    """
    law = laws.load(LAW)
    selection = select(frame, law, roles, eval_sets, mix)
    if roles.general_set not in selection.rows:
        raise FitError(
            "A prior speaks of the general loss over that of the base, which this table lacks "
            f"({'; '.join(selection.left_out) or roles.general_set}); fit with --prior none."
        )
    scale, assumed = _pretraining(frame)
    prior = published("general", without)
    stack, alone, surprise = {}, {}, {}
    for name, rows in selection.rows.items():
        side: Side = "domain" if name == roles.domain_set else "general"
        evidence = evidence_of(rows, side, scale)
        told = sample(evidence, published(side, without).parameters, n_draws, seed)
        unprompted = sample(evidence, vague(side).parameters, n_draws, seed)
        stack[name] = (member(law, evidence, told, seed),)
        alone[name] = (member(law, evidence, unprompted, seed),)
        surprise[name] = told.surprise
    fields = {
        **_of_rows(selection, n_draws, seed),
        "statuses": (
            *selection.statuses,
            *assumed,
            *_statuses(selection, roles, surprise, prior),
        ),
        "stack": stack,
        "without_prior": alone,
        "prior": {"name": "published", "studies": list(prior.studies), "p_value": surprise},
    }
    return FewRuns(selection, fields)


def _of_rows(selection: Selection, n_draws: int, seed: int) -> dict[str, Any]:
    """What the result holds of the rows, whatever the prior."""
    return {
        "standard": draw_standard(n_draws, {}, seed),
        "base_stack": {
            name: fit_base(rows, n_draws, seed + 1) for name, rows in selection.base.items()
        },
        "sigma": {
            name: _noise(rows) / float(rows.loss.mean()) for name, rows in selection.rows.items()
        },
        "seed_std": {name: noises.seed_std(rows) for name, rows in selection.rows.items()},
        **provenance.coverage(selection, {}),
        # The highest loss of a few cheap runs is no bound for longer ones.
        "highest": {},
    }


def evidence_of(rows: Rows, side: str, scale: float) -> Evidence:
    """What the rows of an eval set say."""
    cell, cell_slope = LEFT_OVER[side]
    return Evidence(
        n_params=rows.x["N"],
        tokens=rows.x["D"],
        share=rows.x["r"],
        change=rows.loss - rows.x["L0"],
        scale=scale * (DOMAIN_SCALE if side == "domain" else 1.0),
        cell=cell,
        cell_slope=cell_slope,
        noise=_noise(rows),
    )


def member(law: Law, evidence: Evidence, posterior: Posterior, seed: int) -> Member:
    """Draws as parameters of the law, each with what a new cell differs by from the form."""
    rng = np.random.default_rng(seed + 2)
    u, v = rng.standard_normal((2, len(posterior.theta)))
    plain = _parameters(law, evidence, posterior.theta, posterior.control)
    moved = {**plain, "w": plain["w"] + evidence.cell * u}
    moved["b"] = plain["b"] * np.exp(evidence.cell_slope * v)
    names = tuple(p.name for p in law.parameters)
    middle = _middle(law, evidence, plain)
    return Member(
        law.name,
        names,
        np.array([plain[name][middle] for name in names]),
        np.stack([moved[name] for name in names], axis=1),
    )


def _parameters(law: Law, evidence: Evidence, theta: Array, control: Array) -> dict[str, Array]:
    """Parameters of the law in its own units, each of shape (n_draws,)."""
    nu, tau, log_e, log_b = theta.T
    n_params, tokens = evidence.centre
    size, budget = np.log(n_params / law.units["N"]), np.log(tokens / law.units["D"])
    return {
        "w": control[:, 0],
        "q": control[:, 1],
        "b": np.exp(log_b + nu * size - tau * budget),
        "S": np.full(len(theta), evidence.scale / law.units["D"]),
        "e": np.exp(log_e),
        "nu": nu,
        "tau": tau,
    }


def _middle(law: Law, evidence: Evidence, params: dict[str, Array]) -> int:
    """The draw nearest to the medians of the losses, at the runs' cells and four times beyond."""
    cells = [
        (size * n, budget * d, share)
        for n, d in sorted(set(zip(evidence.n_params, evidence.tokens, strict=True)))
        for size in (1.0, 4.0)
        for budget in (1.0, 4.0)
        for share in (0.1, 0.25, 0.5, 0.75, 1.0)
    ]
    n_params, tokens, share = np.array(cells).T
    x = {"N": n_params, "D": tokens, "r": share, "L0": np.zeros(len(cells))}
    change = law.predict({name: values[:, None] for name, values in params.items()}, x)
    far = (change - np.median(change, axis=0)) / (change.std(axis=0) + 1e-12)
    return int(np.argmin(np.sum(far**2, axis=1)))


def _noise(rows: Rows) -> float:
    """Standard deviation of a run in nats: between replicates where there are any, else assumed."""
    between = noises.seed_std(rows)
    return ASSUMED_NOISE if np.isnan(between) else float(between * rows.loss.mean())


def _pretraining(frame: pd.DataFrame) -> tuple[float, tuple[Status, ...]]:
    """Tokens of pre-training, and what had to be assumed of them."""
    if "base_tokens" in frame and (frame["base_tokens"] > 0).any():
        known = frame.loc[frame["base_tokens"] > 0, "base_tokens"]
        return float(np.exp(np.log(known).mean())), ()
    size = float(np.exp(np.log(frame["n_params"].drop_duplicates()).mean()))
    tokens = ASSUMED_TOKENS * size
    text = (
        f"The table does not say how many tokens the base was pre-trained on (base_tokens); "
        f"{format_quantity(tokens)}, {ASSUMED_TOKENS:.0f} for each parameter, were assumed."
    )
    return tokens, (Status("base-tokens-assumed", text),)


def _statuses(
    selection: Selection, roles: Roles, surprise: dict[str, float], prior: Prior
) -> list[Status]:
    """That a prior was used, where the runs disagree with it, and which runs are missing."""
    general = selection.rows[roles.general_set]
    runs = [Run(*map(float, run)) for run in zip(general.x["N"], general.x["D"],
                                                 general.x["R"], strict=True)]  # fmt: skip
    statuses = [Status("few-runs", _with_prior(runs, prior))]
    p_value = surprise[roles.general_set]
    if p_value < DISAGREES:
        text = (
            f"The general losses are unlike those of the studies (prior predictive p = "
            f"{p_value:.2g}): look for a mistake in the table, or fit with --prior none."
        )
        statuses.append(Status("prior-disagrees", text, roles.general_set))
    if len(sizes := levels(general.x["N"])) == 1:
        text = (
            f"All runs have {format_quantity(sizes[0])} parameters: what size does to forgetting "
            "is the studies' alone, and losses of other sizes start from this size's base unless "
            "--base-general-loss and --base-domain-loss say otherwise."
        )
        statuses.append(Status("no-size-information", text))
    if missing := missing_runs(runs):
        alone = "One run gives no ratio, and " if len(set(runs)) == 1 else ""
        text = f"{alone}{len(missing)} of the five smallest runs are missing, {described(missing)}."
        statuses.append(Status(RUNS_MISSING, text))
    return statuses


def _with_prior(runs: list[Run], prior: Prior) -> str:
    settings = len(Counter(runs))
    return (
        f"{settings} run{'s' * (settings > 1)} cannot tell laws apart, so the law '{LAW}' was "
        "fitted with what studies say of its parameters (--prior none fits without): "
        f"{', '.join(prior.studies)}."
    )
