"""What is minimised: a law at fixed rows (``Model``), and its objective (``Problem``).

A law is a sum of amplitudes times factors. From that come the prediction for many parameter sets at
once, its exact Jacobian, and the linear stage: the best amplitudes for given nonlinear parameters
(variable projection).

Several problems of one law and the same free parameters, such as the splits of held-out rows, may
be joined: then every parameter set has rows of its own, and all step at once.

Shapes: B parameter sets, P free parameters, K amplitudes, n rows.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mixlaw import laws
from mixlaw.laws import OFFSET, Array, Inputs, Law, Parameter

#: Ridge of the linear stage, relative to unit columns, just above rounding: keeps collinear factors
#: solvable. Conventional.
RIDGE = 1e-13
#: Steps after which the search from one start ends where it is, which a status then says:
#: conventional.
MAX_STEPS = 300
#: A prediction below it counts as zero: its derivatives of the log loss would overflow.
LEAST = 1e-100


class Model:
    """A law, its rows in the law's units, and which of its parameters are free.

    Args:
        law: the law.
        x: inputs of the rows as plain counts, as in ``mixlaw.laws``.
        corpora: names of the corpora in ``h``.
        held: values of the parameters that are not fitted.

    ``free`` are the fitted parameters in the order of the law, ``low`` and ``high`` their bounds,
    ``amplitudes`` and ``nonneg`` masks of them, all of shape (P,).
    """

    def __init__(
        self, law: Law, x: Inputs, corpora: Sequence[str] = (), held: Mapping[str, float] = {}
    ) -> None:
        every = law.expand(corpora)
        self.law = law
        self.names = tuple(p.name for p in every)
        self.held = dict(held)
        self.corpora = tuple(corpora)
        self.free: tuple[Parameter, ...] = tuple(p for p in every if p.name not in held)
        self.low = np.array([p.low for p in self.free])
        self.high = np.array([p.high for p in self.free])
        self.amplitudes = np.array([p.amplitude is not None for p in self.free], dtype=bool)
        self.nonneg = np.array([p.amplitude == "nonneg" for p in self.free], dtype=bool)
        self.n_rows = laws.count_rows(x)
        self._x = law.scale(x)
        self._index = {p.name: i for i, p in enumerate(self.free)}
        self._by_set = False

    @classmethod
    def joined(cls, models: Sequence["Model"], owner: NDArray[np.intp]) -> "Model":
        """Models of one law that differ in their rows alone, as one: set b has those of its owner.

        Args:
            models: the models; the shorter ones are filled up with copies of their first row.
            owner: which of them each parameter set belongs to, shape (B,).
        """
        together = copy(models[0])
        together.n_rows = max(model.n_rows for model in models)
        together._x = {
            name: _filled([model._x[name] for model in models])[..., owner, :]
            for name in models[0]._x
        }
        together._by_set = True
        return together

    def only(self, sets: NDArray[np.intp] | slice) -> "Model":
        """The model of some of the parameter sets."""
        if not self._by_set:
            return self
        some = copy(self)
        some._x = {name: values[..., sets, :] for name, values in self._x.items()}
        return some

    def full(self, theta: Array) -> Array:
        """Free parameters (B, P) -> all parameters of the law in its order, shape (B, P_all)."""
        columns = [
            theta[:, self._index[name]]
            if name in self._index
            else np.full(len(theta), self.held[name])
            for name in self.names
        ]
        return np.stack(columns, axis=1)

    def loss(self, theta: Array) -> Array:
        """Predictions, shape (B, n)."""
        params = self._params(theta)
        return self._sum(params, self.law.terms(params, self._x), len(theta))

    def loss_and_jacobian(self, theta: Array) -> tuple[Array, Array]:
        """Predictions (B, n) and their derivatives by the free parameters (B, P, n)."""
        params = self._params(theta)
        terms = self.law.terms(params, self._x)
        jacobian = np.zeros((len(theta), len(self.free), self.n_rows))
        for name, term in terms.items():
            if name in self._index:
                jacobian[:, self._index[name]] = term
        for (amplitude, name), slope in self.law.gradient(params, self._x).items():
            if name in self._index:
                scale = 1.0 if amplitude == OFFSET else params[amplitude]
                jacobian[:, self._index[name]] += scale * slope
        return self._sum(params, terms, len(theta)), jacobian

    def loss_and_factors(self, theta: Array) -> tuple[Array, Array]:
        """Predictions (B, n) and the factors of the amplitudes (B, K, n)."""
        params = self._params(theta)
        terms = self.law.terms(params, self._x)
        names = [p.name for p, is_one in zip(self.free, self.amplitudes, strict=True) if is_one]
        factors = np.empty((len(theta), len(names), self.n_rows))
        for k, name in enumerate(names):
            factors[:, k] = terms[name]
        return self._sum(params, terms, len(theta)), factors

    def with_best_amplitudes(self, theta: Array, y: Array, weight: Array) -> tuple[Array, Array]:
        """The linear stage: amplitudes that minimise the squared relative error.

        Non-negative amplitudes that come out negative are dropped one by one, the worst first.

        Args:
            theta: parameters (B, P); only the nonlinear ones are read.
            y: losses, shape (n,), nats per token.
            weight: weights of the rows, shape (n,).

        Returns:
            Parameters with the amplitudes filled in (B, P), and the weighted squared error (B,).
        """
        blank = np.where(self.amplitudes, 0.0, theta)
        loss, factors = self.loss_and_factors(blank)
        factors, rest = factors / y, 1 - loss / y
        weighted = factors * weight
        gram, right = weighted @ factors.transpose(0, 2, 1), weighted @ rest[:, :, None]
        amplitudes = _nonneg_solve(gram, right[:, :, 0], self.nonneg[self.amplitudes])
        error = rest - (amplitudes[:, None, :] @ factors)[:, 0]
        filled = blank.copy()
        filled[:, self.amplitudes] = amplitudes
        return filled, error**2 @ weight

    def _params(self, theta: Array) -> dict[str, Array | float]:
        return {
            name: theta[:, i : i + 1]
            if (i := self._index.get(name)) is not None
            else self.held[name]
            for name in self.names
        }

    def _sum(
        self, params: Mapping[str, Array | float], terms: Mapping[str, Array | float], n_sets: int
    ) -> Array:
        total = np.zeros((n_sets, self.n_rows))
        for name, term in terms.items():
            total += term if name == OFFSET else params[name] * term
        return total


def _filled(arrays: Sequence[Array]) -> Array:
    """Arrays (..., n_k), each filled up with its first column to the longest: (..., K, n)."""
    most = max(array.shape[-1] for array in arrays)
    kept = [np.arange(most) * (np.arange(most) < array.shape[-1]) for array in arrays]
    filled = [array[..., rows] for array, rows in zip(arrays, kept, strict=True)]
    return np.stack(filled, axis=-2)


def _nonneg_solve(gram: Array, right: Array, nonneg: NDArray[np.bool_]) -> Array:
    """Batched least squares with some unknowns non-negative: gram (B, K, K), right (B, K)."""
    if not right.shape[1]:  # a law without linear amplitudes
        return right
    scale = np.sqrt(np.maximum(np.diagonal(gram, axis1=1, axis2=2), 1e-300))
    unit = gram / (scale[:, :, None] * scale[:, None, :])
    active = np.ones(right.shape, dtype=bool)
    eye = np.eye(right.shape[1])
    while True:
        both = active[:, :, None] & active[:, None, :]
        matrix = np.where(both, unit, 0.0) + np.where(active[:, :, None], RIDGE, 1.0) * eye
        solution = np.linalg.solve(matrix, np.where(active, right / scale, 0.0)[:, :, None])[
            :, :, 0
        ]
        negative = np.where(nonneg & active, solution, 0.0)
        worst = negative.argmin(axis=1)
        drop = negative[np.arange(len(worst)), worst] < 0
        if not drop.any():
            return np.asarray(solution / scale)
        active[np.flatnonzero(drop), worst[drop]] = False


@dataclass
class Effort:
    """What a fit cost: evaluations of all residuals, and of the Jacobian, at one parameter set."""

    starts: int = 0
    residuals: int = 0
    jacobians: int = 0


@dataclass(frozen=True)
class Problem:
    """A model, its losses and the objective.

    Attributes:
        model: the law at its rows.
        y: losses, shape (n,), or (B, n) of joined problems.
        weight: weights, shape (n,) or (B, n).
        delta: of the Huber loss, a number or (B, 1); inf for least squares.
        effort: counts what the fit costs.
        on_log: residuals of log loss (the default), or of the loss itself.
        max_steps: after which a fit stops where it is.
    """

    model: Model
    y: Array
    weight: Array
    delta: "float | Array"
    effort: Effort = field(default_factory=Effort)
    on_log: bool = True
    max_steps: int = MAX_STEPS

    @classmethod
    def joined(cls, problems: Sequence["Problem"], owner: NDArray[np.intp]) -> "Problem":
        """Problems that differ in their rows alone as one; see ``Model.joined``.

        The rows that the shorter ones are filled up with have no weight.
        """
        if len(problems) == 1:
            return problems[0]
        weight = np.zeros((len(problems), max(problem.model.n_rows for problem in problems)))
        for row, problem in zip(weight, problems, strict=True):
            row[: problem.model.n_rows] = problem.weight
        return replace(
            problems[0],
            model=Model.joined([problem.model for problem in problems], owner),
            y=_filled([problem.y for problem in problems])[owner],
            weight=weight[owner],
            delta=np.array([[problem.delta] for problem in problems])[owner],
        )

    def only(self, sets: NDArray[np.intp] | slice) -> "Problem":
        """The problem of some of the parameter sets."""
        if self.weight.ndim == 1:
            return self
        delta = self.delta if isinstance(self.delta, float) else self.delta[sets]
        return replace(
            self, model=self.model.only(sets), y=self.y[sets], weight=self.weight[sets], delta=delta
        )

    # Refits and the rough first pass have targets and a δ of their own, so the methods take both.

    @property
    def target(self) -> Array:
        """What is fitted: log losses, or losses, shape (n,) or (B, n)."""
        return np.log(self.y) if self.on_log else self.y

    def residual(self, loss: Array, target: Array) -> Array:
        """Residuals (B, n) of predicted losses (B, n)."""
        return log_residual(loss, target) if self.on_log else loss - target

    def objective(self, theta: Array, target: Array, delta: "float | Array") -> Array:
        """Objective (B,) at parameters (B, P) for targets (n,) or (B, n)."""
        self.effort.residuals += len(theta)
        return self.value(self.model.loss(theta), target, delta)

    def value(self, loss: Array, target: Array, delta: "float | Array") -> Array:
        """Objective (B,) of predicted losses (B, n)."""
        cost = huber(self.residual(loss, target), delta)
        if self.weight.ndim == 1:
            return np.asarray(cost @ self.weight)
        with np.errstate(invalid="ignore"):  # an infinite error where a row has no weight
            return row_sums(cost, self.weight)


def row_sums(a: Array, b: Array) -> Array:
    """Sums of the products (B, n) over the rows, shape (B,)."""
    return np.asarray((a[:, None, :] @ b[:, :, None])[:, 0, 0])


def huber(residual: Array, delta: "float | Array") -> Array:
    """r²/2 within δ, linear beyond; δ = inf is half the square."""
    size = np.abs(residual)
    if isinstance(delta, float) and np.isinf(delta):
        return 0.5 * size**2
    inside = np.minimum(size, delta)
    return np.asarray(inside * (size - 0.5 * inside))


def log_residual(loss: Array, log_y: Array) -> Array:
    """Log L̂ - log L; a prediction that is not positive is infinitely wrong, not an error."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(loss > LEAST, np.log(loss), np.inf) - log_y
