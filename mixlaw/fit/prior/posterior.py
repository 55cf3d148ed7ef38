"""Draws from the posterior of the forgetting law, given few runs and a prior.

    L - L0 = w + q·z + (1 + v_c)·h + u_c + noise,     h = b·(N/N0)^-nu·(D/D0)^tau·ln((1+e)/(r+e))

with z = ln(1 + D/S), and u_c and v_c what cell c (a size and budget) differs by from the form.
Given theta = (nu, tau, ln e, ln b) the rest is linear and Gaussian, in closed form; theta itself is
sampled by importance about its mode at quasi-random points and resampled (Rubin 1988). The Student
tails of w and q are a scale of both that is sampled with theta.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mixlaw.fit.prior.random_effects import Student
from mixlaw.laws import Array
from mixlaw.result.standard_draws import richtmyer

#: Noise of a run in nats where no setting was repeated.
ASSUMED_NOISE = 1.5e-3
#: Points at which the posterior is weighed.
POINTS = 4000
#: Degrees of freedom of the proposal.
_HEAVY = 5.0
#: Primes of the quasi-random sequence: one a coordinate, and one for the scale of the proposal.
_PRIMES = (2, 3, 5, 7, 11, 13)
#: The nonlinear parameters, in the order of theta.
THETA = ("nu", "tau", "ln_e", "ln_b")


@dataclass(frozen=True)
class Evidence:
    """Rows of one eval set.

    Attributes:
        n_params: sizes, counts, shape (n,).
        tokens: budgets, counts, shape (n,).
        share: of the eval set's own corpus, shape (n,).
        change: loss less the base's, nats, shape (n,).
        scale: S, tokens by which the control's term is counted.
        cell: standard deviation of u, nats.
        cell_slope: standard deviation of v.
        noise: standard deviation of a row, nats.
    """

    n_params: Array
    tokens: Array
    share: Array
    change: Array
    scale: float
    cell: float
    cell_slope: float
    noise: float = ASSUMED_NOISE

    @property
    def centre(self) -> tuple[float, float]:
        """(N0, D0): the geometric middle of the cells, at which b is known a priori."""
        cells = np.unique(np.log([self.n_params, self.tokens]).round(6), axis=1)
        n_params, tokens = np.exp(cells.mean(axis=1))
        return float(n_params), float(tokens)


@dataclass(frozen=True)
class Posterior:
    """Equally likely draws.

    Attributes:
        theta: nu, tau, ln e and ln b, shape (n_draws, 4).
        control: w and q, shape (n_draws, 2).
        surprise: probability, a priori, of runs that agree less with the prior than these.
    """

    theta: Array
    control: Array
    surprise: float


def sample(evidence: Evidence, prior: Mapping[str, Student], n_draws: int, seed: int) -> Posterior:
    """Draws from the posterior.

    Args:
        evidence: the rows.
        prior: of every parameter.
        n_draws: how many.
        seed: of the resampling and of what is drawn in closed form.
    """
    density = _Density(evidence, prior)
    points, log_weight = _weighed(density)
    rng = np.random.default_rng(seed)
    chosen = points[_systematic(log_weight, n_draws, rng)]
    mean, spread = density.control(chosen)
    control = mean + np.einsum("kij,kj->ki", spread, rng.standard_normal((n_draws, 2)))
    return Posterior(chosen[:, :4], control, _surprise(density, rng))


@dataclass(frozen=True)
class _Linear:
    """The linear-Gaussian part at m points: what the rows say of w and q about their centre.

    Attributes:
        precision: of w and q given the rows, shape (m, 2, 2).
        pull: precision times their mean, shape (m, 2).
        log_density: of the rows, with w and q integrated over, up to a constant, shape (m,).
    """

    precision: Array
    pull: Array
    log_density: Array


class _Density:
    """Log posterior density of (theta, log scale of the control's prior), for many points."""

    def __init__(self, evidence: Evidence, prior: Mapping[str, Student]) -> None:
        self.prior, self.evidence = prior, evidence
        n_params, tokens = evidence.centre
        self.log_size = np.log(evidence.n_params / n_params)
        self.log_tokens = np.log(evidence.tokens / tokens)
        keys = np.log([evidence.n_params, evidence.tokens]).round(6)
        cell = np.unique(keys, axis=1, return_inverse=True)[1].ravel()
        self.in_cell = (cell[:, None] == np.arange(cell.max() + 1)).astype(float)
        seen = np.log1p(evidence.tokens / evidence.scale)
        self.design = np.stack([np.ones_like(seen), seen])
        self.centre = np.array([prior["w"].centre, prior["q"].centre])
        self.scale = np.array([prior["w"].scale, prior["q"].scale])
        self.freedom = min(prior["w"].freedom, prior["q"].freedom)

    def __call__(self, points: Array) -> Array:
        """Log posterior density up to a constant, shape (m,)."""
        theta = sum(self.prior[name].log_density(points[:, i]) for i, name in enumerate(THETA))
        # The variance of a Student is an inverse chi-squared multiple of its squared scale.
        half = self.freedom / 2
        scale = -half * points[:, 4] - half * np.exp(-points[:, 4])
        return np.asarray(theta + scale + self._linear(points).log_density)

    def rise(self, points: Array) -> Array:
        """H at every row, shape (m, n)."""
        nu, tau, log_e, log_b = points[:, :4].T[..., None]
        e = np.exp(log_e)
        lack = np.log1p(e) - np.log(self.evidence.share + e)
        return np.asarray(np.exp(log_b - nu * self.log_size + tau * self.log_tokens) * lack)

    def spread(self, points: Array) -> Array:
        """Prior variances of w and q, shape (m, 2)."""
        return np.asarray(self.scale**2 * np.exp(points[:, [4]]))

    def control(self, points: Array) -> tuple[Array, Array]:
        """Mean (m, 2) of w and q at every point, and a root (m, 2, 2) of their covariance."""
        linear = self._linear(points)
        covariance = np.linalg.inv(linear.precision)
        mean = self.centre + np.einsum("mij,mj->mi", covariance, linear.pull)
        return mean, np.linalg.cholesky(covariance)

    def _linear(self, points: Array) -> _Linear:
        """What the rows say of w and q, by the cells' own terms (Woodbury's identity)."""
        rise, noise = self.rise(points), self.evidence.noise**2
        missed = self.evidence.change - rise - self.centre @ self.design
        # u and v of a cell enter its rows by [1, h]; `inner` is what of them the rows leave open.
        count, total, square = self.in_cell.sum(axis=0), rise @ self.in_cell, rise**2 @ self.in_cell
        inner = np.empty((*total.shape, 2, 2))
        inner[..., 0, 0] = count + noise / self.evidence.cell**2
        inner[..., 1, 1] = square + noise / self.evidence.cell_slope**2
        inner[..., 0, 1] = inner[..., 1, 0] = total
        columns = [*np.broadcast_to(self.design[:, None], (2, *rise.shape)), missed]
        by_cell = np.stack(
            [np.stack([c @ self.in_cell, (c * rise) @ self.in_cell], axis=-1) for c in columns]
        )
        taken = np.einsum("amci,mcij,bmcj->mab", by_cell, np.linalg.inv(inner), by_cell)
        whole = np.stack([[np.sum(a * b, axis=1) for b in columns] for a in columns])
        product = (np.moveaxis(whole, -1, 0) - taken) / noise
        spread = self.spread(points)
        precision = product[:, :2, :2] + np.eye(2) / spread[:, None]
        pull = product[:, :2, 2]
        explained = np.einsum("mi,mi->m", pull, np.linalg.solve(precision, pull[..., None])[..., 0])
        log_det = np.linalg.slogdet(inner)[1].sum(axis=1)
        log_det = log_det + np.linalg.slogdet(precision)[1] + np.log(spread).sum(axis=1)
        return _Linear(precision, pull, -0.5 * (product[:, 2, 2] - explained + log_det))


def _weighed(density: _Density) -> tuple[Array, Array]:
    """Points about the mode, heavy-tailed, and their log weights."""
    from scipy.special import gammaincinv, ndtri

    mode, root = _mode(density)
    p = np.array([richtmyer(POINTS, prime) for prime in _PRIMES])
    heavy = np.sqrt(_HEAVY / (2 * gammaincinv(_HEAVY / 2, p[5])))
    normal = ndtri(p[:5]).T * heavy[:, None]
    points = mode + normal @ root.T
    far = np.sum(normal**2, axis=1)
    proposed = -(_HEAVY + normal.shape[1]) / 2 * np.log1p(far / _HEAVY)
    return points, density(points) - proposed


def _mode(density: _Density) -> tuple[Array, Array]:
    """The mode, and a root of the covariance there or wider."""
    from scipy.optimize import minimize

    start = np.array([*(density.prior[name].centre for name in THETA), 0.0])

    def missed(point: Array) -> float:
        return -float(density(point[None])[0])

    found = minimize(
        missed,
        start.tolist(),
        method="Nelder-Mead",
        options={"maxfev": 1200, "xatol": 1e-3, "fatol": 1e-3},
    )
    scale = np.array([*(density.prior[name].scale for name in THETA), 1.0])
    step = 0.05 * scale
    n = len(start)
    offsets = np.eye(n) * step
    pairs = [(s * offsets[i] + t * offsets[j]) for i in range(n) for j in range(n)
             for s in (1, -1) for t in (1, -1)]  # fmt: skip
    values = density(found.x + np.array(pairs)).reshape(n, n, 4)
    curvature = -(values @ np.array([1, -1, -1, 1])) / 4 / np.outer(step, step)
    # No direction is taken to be known worse than the prior knows it.
    unit = (curvature + curvature.T) / 2 * np.outer(scale, scale)
    eigen, vectors = np.linalg.eigh(unit)
    root = vectors / np.sqrt(np.maximum(eigen, 0.5))
    return found.x, np.asarray(scale[:, None] * root)


def _systematic(log_weight: Array, n: int, rng: np.random.Generator) -> Array:
    """Indices of n equally likely points, in random order."""
    weight = np.exp(log_weight - log_weight.max())
    edges = np.cumsum(weight) / weight.sum()
    chosen = np.searchsorted(edges, (np.arange(n) + rng.random()) / n)
    return np.asarray(rng.permutation(np.minimum(chosen, len(weight) - 1)))


def _surprise(density: _Density, rng: np.random.Generator) -> float:
    """Prior predictive p-value (Box 1980) of the rows' distance from what the prior expects."""
    points = _from_prior(density, 500)
    control = density.centre + np.sqrt(density.spread(points)) * rng.standard_normal((500, 2))
    n_cells = density.in_cell.shape[1]
    u, v = (rng.standard_normal((500, n_cells)) @ density.in_cell.T for _ in range(2))
    evidence = density.evidence
    rise = density.rise(points) * (1 + evidence.cell_slope * v)
    noise = evidence.noise * rng.standard_normal(rise.shape)
    simulated = control @ density.design + rise + evidence.cell * u + noise
    # Ranks stand for values: the tails of the prior are long.
    middle = np.median(simulated, axis=0)
    width = np.subtract(*np.quantile(simulated, [0.84, 0.16], axis=0)) / 2
    far = np.abs((simulated - middle) / width).max(axis=1)
    return float(np.mean(far >= np.abs((evidence.change - middle) / width).max()))


def _from_prior(density: _Density, n: int) -> Array:
    """Points from the prior itself, shape (n, 5)."""
    from scipy.special import gammaincinv

    p = np.array([richtmyer(n, prime) for prime in _PRIMES[:5]])
    theta = [density.prior[name].quantile(p[i]) for i, name in enumerate(THETA)]
    half = density.freedom / 2
    return np.stack([*theta, np.log(half / gammaincinv(half, p[4]))], axis=1)
