"""Predictions of a saved fit: inputs of the laws, slices by size, and the stack of laws.

Draw k of every prediction is the same resampled sweep and the same mean of the laws.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixlaw import laws
from mixlaw.errors import FitError, NotIdentifiedError, unknown_name
from mixlaw.quantities import SAME_LEVEL, format_quantity
from mixlaw.result.discrepancy import corrected, widened
from mixlaw.result.inputs import RowSettings, law_inputs, training_columns
from mixlaw.result.kriging import Kriging
from mixlaw.result.types import Array, FitRecord, Member, Prediction

#: The largest exponent of size to be expected. Kaplan et al. (arXiv 2001.08361) report 0.076, the
#: refit of Chinchilla (arXiv 2404.10102) 0.35.
STEEPEST = 0.6
#: Inputs of how a run was trained that have no value by default, in words.
_TRAINING = {"P": "the base's pre-training tokens", "lr": "the ratio of the learning rates"}


def predict(
    fit: FitRecord,
    eval_set: str,
    n_params: ArrayLike,
    tokens: ArrayLike,
    shares: Mapping[str, ArrayLike],
    base_loss: ArrayLike | None,
    law: str | None,
    carry_size: bool,
    assuming: Mapping[str, ArrayLike] = MappingProxyType({}),
) -> Prediction:
    """See ``FitResult.predict``."""
    settings = row_settings(fit, eval_set, n_params, tokens, shares, assuming)
    if base_loss is not None:
        sizes = settings.columns["n_params"]
        base_loss = np.broadcast_to(np.asarray(base_loss, dtype=float), sizes.shape)
        settings = settings.with_base_loss(base_loss)
    return predict_at(fit, eval_set, law_inputs(settings), law, carry_size)


def predict_at(
    fit: FitRecord, eval_set: str, x: laws.Inputs, law: str | None, carry_size: bool
) -> Prediction:
    """Loss of an eval set at inputs of laws given as plain counts, each of shape (n,).

    Where they are absent, L0 is that of the base law, and U infinite.
    """
    members = fit.members(eval_set)
    if law is not None:
        names = {member.law for member in members}
        members = tuple(member for member in members if member.law == law)
        if not members:
            raise FitError(unknown_name("law in this fit", law, names))
    _refuse_other_budgets(members, x["D"])
    x = {"U": np.full_like(x["D"], np.inf), **x}
    given = "L0" in x
    if not given and any("L0" in laws.load(member.law).inputs for member in members):
        base = predict_base(fit, eval_set, x["N"], carry_size)
        x["L0"] = np.vstack([base.estimate, base.draws])
    _refuse_unknown_training(members, x)
    of_laws = _stack(fit, eval_set, members, x, carry_size)
    if law is not None:  # a law by itself, whose shape is asked for
        return widened(fit, eval_set, corrected(fit, eval_set, of_laws, x), x)
    of_laws = corrected(fit, eval_set, _through(fit.kriging.get(eval_set), of_laws, x), x)
    wide = widened(fit, eval_set, of_laws, x)
    # A base loss that was given may lie outside of what the table knows, and the losses with it.
    return wide if given else _supported(fit, eval_set, wide)


def predict_base(
    fit: FitRecord, eval_set: str, n_params: ArrayLike, carry_size: bool
) -> Prediction:
    """See ``FitResult.base``."""
    fit.members(eval_set)
    members = fit.base_stack.get(eval_set, ())
    if not members:
        raise FitError(
            f"The fit has no base loss of '{eval_set}': the runs table had no tokens = 0 rows for "
            "it; add them, or give the base loss (--base-general-loss, --base-domain-loss)."
        )
    sizes = np.atleast_1d(np.asarray(n_params, dtype=float))
    x = {"N": sizes, "D": np.ones_like(sizes)}
    # The base loss of a larger model is missed with the loss after CPT, by the same law of size:
    # the same widening in both cancels from the rise.
    of_law = _slices(fit, members, x, carry_size)
    of_law = _through(fit.base_kriging.get(eval_set), of_law, x)
    return widened(fit, eval_set, of_law, x, ("n_params",))


def _supported(fit: FitRecord, eval_set: str, prediction: Prediction) -> Prediction:
    """The prediction between zero and the highest loss that the table can support."""
    highest = fit.highest.get(eval_set, np.inf)
    return Prediction(
        np.clip(prediction.estimate, 0.0, highest), np.clip(prediction.draws, 0.0, highest)
    )


def _through(kriging: Kriging | None, of_laws: Prediction, x: laws.Inputs) -> Prediction:
    """The laws' prediction conditioned on the losses of the fit's rows, where it has kriging."""
    if kriging is None:
        return of_laws
    estimate, draws = kriging(x)
    return Prediction(of_laws.estimate * np.exp(estimate), of_laws.draws * np.exp(draws))


def mixture_inputs(
    fit: FitRecord,
    eval_set: str,
    n_params: ArrayLike,
    tokens: ArrayLike,
    shares: Mapping[str, ArrayLike],
) -> dict[str, Array]:
    """Inputs N, D and, where the fit knows corpora, h, R and r, broadcast to a common (n,)."""
    return law_inputs(row_settings(fit, eval_set, n_params, tokens, shares))


def row_settings(
    fit: FitRecord,
    eval_set: str,
    n_params: ArrayLike,
    tokens: ArrayLike,
    shares: Mapping[str, ArrayLike],
    assuming: Mapping[str, ArrayLike] = MappingProxyType({}),
) -> RowSettings:
    """Settings at which a loss is predicted, broadcast to a common (n,).

    How the run is trained, if ``assuming`` does not say so, is what the fit assumes.

    Raises:
        FitError: the share of a corpus is missing, or ``assuming`` has a column that no law reads.
    """
    columns_of_training = training_columns(fit.corpora)
    for name in assuming:
        if name not in columns_of_training:
            raise FitError(unknown_name("column to assume", name, columns_of_training))
    missing = [corpus for corpus in fit.corpora if corpus not in shares]
    if missing:
        raise FitError(
            f"The share of '{missing[0]}' is missing; give all of {', '.join(fit.corpora)}."
        )
    mixture = {f"share.{corpus}": shares[corpus] for corpus in fit.corpora}
    assumed = {name: fit.assumes[name] for name in columns_of_training if name in fit.assumes}
    columns = {"n_params": n_params, "tokens": tokens, **mixture, **assumed, **assuming}
    return RowSettings.of(columns, fit.mixture_roles(eval_set))


def _stack(
    fit: FitRecord, eval_set: str, members: Sequence[Member], x: laws.Inputs, carry_size: bool
) -> Prediction:
    """The weighted mean of the laws, whose weights differ from draw to draw (Dirichlet).

    A stack does not hold one of its laws to be true (Yao et al. 2018), so its draws are means too;
    how far apart the laws are enters by what is not known of the weights.
    """
    by_law = [list(group) for _, group in groupby(members, key=lambda member: member.law)]
    predictions = [_slices(fit, slices, x, carry_size) for slices in by_law]
    weights = np.array([slices[0].weight for slices in by_law])
    if len(predictions) == 1:
        return predictions[0]
    weights = weights / weights.sum()
    n_draws = min(len(p.draws) for p in predictions)
    drawn = fit.standard.weights[eval_set][:n_draws]
    draws = np.stack([p.draws[:n_draws] for p in predictions])
    return Prediction(
        np.tensordot(weights, [p.estimate for p in predictions], axes=1),
        np.einsum("kl,lkn->kn", drawn, draws),
    )


def _slices(
    fit: FitRecord, slices: Sequence[Member], x: laws.Inputs, carry_size: bool
) -> Prediction:
    """One law: its only member, or its slices, interpolated between their sizes.

    Between two sizes the loss is linear in log N with the weight w = p of the larger one, p being
    the place of log N between them; outside, the nearest size is carried over (w = 0 or 1). What
    that may miss is spread over the draws: between the sizes w ± p·(1-p)·α·ln(N2/N1)/2, by which a
    power N^-α or N^α bends away from the straight line; beyond them w ± the distance in steps of
    that pair.
    """
    if slices[0].size is None:
        return slices[0].predict(x)
    sizes = np.array([member.size for member in slices], dtype=float)
    far = np.abs(np.log(x["N"][:, None] / sizes)).min(axis=1) > SAME_LEVEL
    if far.any() and not carry_size:
        raise NotIdentifiedError(_out_of_reach(x["N"][far][0], sizes))
    every = [member.predict(x) for member in slices]
    if len(every) == 1:
        return every[0]
    lower, weight, spread = _place(np.log(x["N"]), np.log(sizes))
    point = np.arange(len(lower))
    estimates, draws = np.stack([p.estimate for p in every]), np.stack([p.draws for p in every])
    moved = weight + np.outer(2 * fit.standard.place[: draws.shape[1]] - 1, spread)
    low, high = (draws[lower + step, :, point].T for step in (0, 1))
    return Prediction(
        (1 - weight) * estimates[lower, point] + weight * estimates[lower + 1, point],
        (1 - moved) * low + moved * high,
    )


def _place(at: Array, known: Array) -> tuple[NDArray[np.intp], Array, Array]:
    """Of every log size: the smaller of its pair, the larger's weight, and the spread of that."""
    lower = np.clip(np.searchsorted(known, at, side="right") - 1, 0, len(known) - 2)
    step = known[lower + 1] - known[lower]
    place = (at - known[lower]) / step
    weight = np.clip(place, 0.0, 1.0)
    bend = weight * (1 - weight) * STEEPEST * step / 2
    return lower, weight, bend + np.abs(place - weight)


def _refuse_other_budgets(members: Sequence[Member], tokens: Array) -> None:
    """Refuse tokens other than the only budget that a member's rows had."""
    far = out_of_budget(members, tokens)
    if far.any():
        budgets = [member.tokens for member in members if member.tokens is not None]
        raise NotIdentifiedError(
            f"The fit cannot say what the loss is after {format_quantity(tokens[far][0])} "
            f"tokens: all its rows are at {format_quantity(budgets[0])}; sweep a second "
            "token budget to extrapolate in tokens."
        )


def _refuse_unknown_training(members: Sequence[Member], x: laws.Inputs) -> None:
    """Refuse a law of the base's tokens or of the learning rate where these are not known."""
    for member in members:
        for name in laws.load(member.law).inputs:
            if name not in x and name in _TRAINING:
                raise FitError(
                    f"The law '{member.law}' needs {_TRAINING[name]} of what is predicted, which "
                    "neither the fit nor the request says."
                )


def out_of_budget(members: Sequence[Member], tokens: Array) -> NDArray[np.bool_]:
    """Where the laws of one budget cannot say the loss after so many tokens, shape (n,)."""
    far = np.zeros(tokens.shape, dtype=bool)
    for budget in (member.tokens for member in members if member.tokens is not None):
        far |= np.abs(tokens / budget - 1) > SAME_LEVEL
    return far


def _out_of_reach(size: float, known: Iterable[float]) -> str:
    sizes = " and ".join(format_quantity(n) for n in known)
    return (
        f"The fit cannot say what the loss is at {format_quantity(size)} parameters: it knows only "
        f"{sizes}; sweep at least three sizes to extrapolate in size."
    )
