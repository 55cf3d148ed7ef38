"""What a fit misses at its own rows, as a Gaussian process that predictions are conditioned on.

    log L = log L̂(θ) + δ(ln N, ln D, shares) + u(trunk) + w(trunk, ln D) + e(row)

δ is a process of Matern 5/2 correlation over fixed lengths (``mixlaw.result.kriging``). The rest is
noise: u is that of a whole trunk, w wanders along one over the same length in ln D as δ, e is that
of a row. Their four variances are the mode of the likelihood of the
residuals with a wide prior. With draws of the law from resampled sweeps in the place of its
posterior, every draw is conditioned on the residuals that this very draw leaves.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mixlaw.fit.discrepancy.variance_components import covariance_of, variance_components
from mixlaw.fit.selection import Rows, Selection
from mixlaw.laws import Array
from mixlaw.result.fit_result import FitResult
from mixlaw.result.kriging import Kriging, correlation, positions, prior_samples
from mixlaw.result.predict import predict_at

#: Rows that a process is conditioned on at most. Conventional: the cost grows with their cube, and
#: the file with their number times that of the draws.
MOST_ROWS = 400
#: Sets of variances behind the draws. With 8 and 32 the intervals are as wide to 2%.
N_VARIANCES = 16
#: Random features of a prior sample. Conventional: variances of samples are then right to 6%.
N_FEATURES = 256
#: Relative standard deviation of base losses about their law between two measured sizes, at least.
#: Conventional.
BASE_MISFIT = 1e-3


def conditioned(fit: FitResult, selection: Selection, seed: int) -> FitResult:
    """The fit with the processes that take its predictions through the measured losses.

    Args:
        fit: the laws, without processes.
        selection: the rows and base rows that they were fitted to.
        seed: of the random features and of the noise of the draws.
    """
    bases = {
        name: through_bases(fit, name, rows, seed)
        for name, rows in selection.base.items()
        if fit.base_stack.get(name)
    }
    fit = replace(fit, base_kriging=bases)
    processes = {
        name: process
        for name, rows in selection.rows.items()
        if (process := learn(fit, name, rows, seed)) is not None
    }
    return replace(fit, kriging=processes)


def learn(fit: FitResult, eval_set: str, rows: Rows, seed: int) -> Kriging | None:
    """The process of one eval set.

    Args:
        fit: predicts the rows; it has no process of this eval set yet.
        eval_set: whose rows they are.
        rows: that were fitted.
        seed: of the random features and of the noise of the draws.

    Returns:
        None where the estimate meets every row exactly.
    """
    rows = rows.where(_spread_out(positions(rows.x), MOST_ROWS))
    predicted = predict_at(fit, eval_set, rows.x, law=None, carry_size=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        residual = np.log(rows.loss) - np.log(predicted.estimate)
        drawn = np.log(rows.loss) - np.log(predicted.draws)
    usable = np.isfinite(residual) & np.isfinite(drawn).all(axis=0)
    if usable.sum() < 2 or not residual[usable].any():
        return None
    at = positions(rows.x)[:, usable]
    shapes = [correlation(at, at), *noise_shapes(at, rows.trunk[usable])]
    residual, drawn = residual[usable], drawn[:, usable]
    fitted, left = directions(drawn, residual)
    variances = variance_components(
        left.T @ residual, [left.T @ shape @ left for shape in shapes], N_VARIANCES, seed
    )
    rng = np.random.default_rng(seed)
    middle = float(np.exp(np.mean(np.log(variances[:, 0]))))
    prior = _unconditioned(at, middle, len(drawn), rng)
    noise = _noise(variances[:, 1:], shapes[1:], len(drawn), rng)
    noise = noise @ left @ left.T - _fitted_noise(residual - drawn, noise, fitted)
    return _through(prior, residual, drawn - noise, variances, shapes)


def directions(drawn: Array, residual: Array) -> tuple[Array, Array]:
    """Orthonormal directions in the space of rows: those that the laws have fitted, and the rest.

    Laws take a part of the noise with every parameter, so their residuals are smaller than it. The
    likelihood of what no parameter can move is free of that (restricted likelihood: Patterson and
    Thompson 1971, doi 10.1093/biomet/58.3.545). Refits to resampled noise differ in what
    parameters can move: a direction is one of theirs if the draws spread along it by at least half
    of a residual. At least half of the directions are left.

    Args:
        drawn: residuals of every draw, shape (n_draws, n).
        residual: of the estimate, shape (n,).

    Returns:
        Shapes (n, m) and (n, n - m).
    """
    _, spread, of_rows = np.linalg.svd(drawn - drawn.mean(axis=0), full_matrices=True)
    of_one = spread / np.sqrt(len(drawn))
    moved = int(np.sum(of_one > 0.5 * np.sqrt(np.mean(residual**2))))
    moved = min(moved, len(residual) // 2)
    return of_rows[:moved].T, of_rows[moved:].T


def _fitted_noise(refitted: Array, noise: Array, fitted: Array) -> Array:
    """The noise that a draw of the laws was refitted to, along what they fit, (n_draws, n).

    Refits follow their noise there. With other noise in its place the two would partly cancel: of
    a level, which law and process share, up to a quarter of the variance would be lost.

    Args:
        refitted: every draw's log losses less the estimate's, shape (n_draws, n).
        noise: as large as it is, of no draw, shape (n_draws, n).
        fitted: the directions, shape (n, m).
    """
    followed = refitted @ fitted
    size = np.std(noise @ fitted, axis=0) / np.std(followed, axis=0)
    return np.asarray((followed * size) @ fitted.T)


def noise_shapes(at: Array, trunk: NDArray[np.intp]) -> list[Array]:
    """Correlations (n, n) of the three kinds of noise: of a trunk, along a trunk, of a row.

    Along trunks of one row each the three are the same, and share its variance.

    Args:
        at: positions (p, n), ln D in the second row.
        trunk: of every row, shape (n,).
    """
    same_trunk = np.equal.outer(trunk, trunk).astype(float)
    along = same_trunk * correlation(at[1:2], at[1:2])
    return [same_trunk, along, np.eye(len(trunk))]


def through_bases(fit: FitResult, eval_set: str, rows: Rows, seed: int) -> Kriging:
    """The process of the base losses: through the mean of the bases of every size, without noise.

    A run starts from the very base that it is compared with, and both are measured on the same
    held-out windows, so what is called noise of a base loss is in the losses after CPT as well.
    """
    size, index = np.unique(rows.x["N"], return_inverse=True)
    loss = np.bincount(index, rows.loss) / np.bincount(index)
    predicted = fit.base(eval_set, size, carry_size=True)
    residual, drawn = np.log(loss / predicted.estimate), np.log(loss / predicted.draws)
    at = positions({"N": size, "D": np.ones_like(size)})
    variance = float(np.mean(residual**2) + BASE_MISFIT**2)
    prior = _unconditioned(at, variance, len(drawn), np.random.default_rng(seed))
    return _through(prior, residual, drawn, np.array([[variance]]), [correlation(at, at)])


def _unconditioned(at: Array, variance: float, n_draws: int, rng: np.random.Generator) -> Kriging:
    """A process at positions (p, n), conditioned on nothing yet, with prior samples as draws.

    The spectral density of the Matern correlation with smoothness 5/2 is Student's t with five
    degrees of freedom.
    """
    normal = rng.normal(size=(len(at), N_FEATURES))
    return Kriging(
        positions=at,
        variance=variance,
        estimate=np.zeros(at.shape[1]),
        draws=np.zeros((n_draws, at.shape[1])),
        frequencies=_single(normal * np.sqrt(5 / rng.chisquare(5, N_FEATURES))),
        phases=_single(rng.uniform(0, 2 * np.pi, N_FEATURES)),
        weights=_single(rng.normal(size=(n_draws, N_FEATURES))),
    )


def _noise(
    variances: Array, shapes: Sequence[Array], n_draws: int, rng: np.random.Generator
) -> Array:
    """Noise of the rows in every draw, (n_draws, n): draw k has the variances k modulo m."""
    noise = rng.normal(size=(n_draws, len(shapes[0])))
    for k, of_one in enumerate(variances):
        root = np.linalg.cholesky(covariance_of(of_one, shapes))
        noise[k :: len(variances)] = noise[k :: len(variances)] @ root.T
    return noise


def _through(
    prior: Kriging, residual: Array, drawn: Array, variances: Array, shapes: Sequence[Array]
) -> Kriging:
    """The process conditioned on residuals (n,), and its draws on theirs (n_draws, n).

    Matheron's rule: a prior sample, corrected by what kriging makes of its own residuals. Draw k
    has the variances k modulo m of those that are probable (m, parts), the estimate their mean.
    """
    weights, draws = prior.weights.copy(), np.empty_like(drawn)
    coefficients = np.zeros((len(variances), len(residual)))
    for k, of_one in enumerate(variances):
        inverse, larger = np.linalg.inv(covariance_of(of_one, shapes)), of_one[0] / prior.variance
        mine = slice(k, None, len(variances))
        weights[mine] = _single(weights[mine] * np.sqrt(larger))
        sample = prior_samples(replace(prior, weights=weights[mine]), prior.positions)
        draws[mine] = larger * (drawn[mine] - sample) @ inverse
        coefficients[k] = larger * inverse @ residual
    return replace(prior, estimate=coefficients.mean(axis=0), draws=_single(draws), weights=weights)


def _single(values: Array) -> Array:
    """Values as they are saved: a fit that was loaded predicts what it did before."""
    return values.astype(np.float32).astype(float)


def _spread_out(at: Array, most: int) -> NDArray[np.bool_]:
    """Mask (n,) of the rows at positions (p, n) to keep, at most ``most``.

    Each is the farthest from those that were kept before it.
    """
    n = at.shape[1]
    if n <= most:
        return np.ones(n, dtype=bool)
    kept, last = np.zeros(n, dtype=bool), 0
    distance = np.full(n, np.inf)
    for _ in range(most):
        kept[last] = True
        distance = np.minimum(distance, np.sum((at - at[:, last, None]) ** 2, axis=0))
        last = int(np.argmax(distance))
    return kept
