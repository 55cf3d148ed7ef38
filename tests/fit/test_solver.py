"""The solver against itself, against scipy, and against what must not change a fit."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import least_squares
from truths.parameters import CORPORA, typical
from truths.rows import grid, rows_of

from mixlaw import laws
from mixlaw.errors import ConfigError, FitError
from mixlaw.fit.row_fit import Settings, fit_rows
from mixlaw.fit.selection import Rows
from mixlaw.fit.solver.problem import Model, Problem, huber, log_residual
from mixlaw.fit.solver.search import minimise, solve


@pytest.fixture(scope="module")
def noisy():
    """A D-CPT sweep with 0.2% noise."""
    law = laws.load("dcpt")
    x, trunk = grid()
    noise = np.exp(0.002 * np.random.default_rng(3).standard_normal(len(trunk)))
    return rows_of(law.predict(typical(law), x) * noise, x, trunk)


def _scipy_objective(problem, theta):
    """The same objective by scipy's trust region from the same point."""
    model, log_y = problem.model, np.log(problem.y)

    def residual(t):
        return log_residual(model.loss(t[None]), log_y)[0] / problem.delta

    def jacobian(t):
        loss, slopes = model.loss_and_jacobian(t[None])
        return (slopes[0] / loss[0] / problem.delta).T

    bounds = (model.low, model.high)
    inside = np.clip(theta, model.low + 1e-9, model.high - 1e-9)
    found = least_squares(
        residual, inside, jacobian, bounds, loss="huber", x_scale="jac", max_nfev=1000,
        ftol=1e-15, xtol=1e-15, gtol=1e-15,
    )  # fmt: skip
    return found.cost * problem.delta**2, found.x


def test_objective_agrees_with_the_trust_region_of_scipy(noisy):
    fitted = fit_rows(laws.load("dcpt"), noisy, Settings(delta=1e-3))
    problem = Problem(fitted.problem.model, noisy.loss, np.ones(len(noisy)), 1e-3)
    ours = solve(problem, 256)
    cost, theta = _scipy_objective(problem, ours.theta[0])
    assert ours.objective[0] <= cost * (1 + 1e-9)
    np.testing.assert_allclose(problem.model.loss(theta[None]), problem.model.loss(ours.theta[:1]),
                               rtol=1e-6)  # fmt: skip


def test_refits_agree_with_the_trust_region_of_scipy(noisy):
    """A refit that stops where it started makes intervals tens of times too narrow."""
    law = laws.load("dcpt")
    problem = Problem(Model(law, noisy.x), noisy.loss, np.ones(len(noisy)), 1e-3)
    best = solve(problem, 256).theta[:1]
    rng = np.random.default_rng(5)
    log_y = np.log(noisy.loss) + 0.002 * rng.standard_normal((4, len(noisy)))
    refits = minimise(problem, np.repeat(best, 4, axis=0), log_y, 1e-3)
    assert refits.converged.all()
    for k in range(4):
        again = Problem(problem.model, np.exp(log_y[k]), problem.weight, 1e-3)
        cost, _ = _scipy_objective(again, best[0])
        assert refits.objective[k] <= cost * (1 + 1e-8)
    assert np.ptp(refits.theta[:, 0]) > 1e-3


def test_order_of_rows_does_not_matter(noisy):
    shuffled = np.random.default_rng(0).permutation(len(noisy))
    other = Rows(
        {name: values[..., shuffled] for name, values in noisy.x.items()},
        noisy.loss[shuffled], noisy.loss_se[shuffled], noisy.trunk[shuffled],
    )  # fmt: skip
    one, two = (fit_rows(laws.load("dcpt"), rows) for rows in (noisy, other))
    np.testing.assert_allclose(one.predict(noisy.x), two.predict(noisy.x), rtol=1e-8)


def test_units_of_counts_do_not_matter():
    """Chinchilla takes plain counts; thousandfold counts change A and B and nothing else."""
    law = laws.load("chinchilla")
    x, trunk = grid()
    loss = 1.7 + 400 / x["N"] ** 0.34 + 410 / x["D"] ** 0.28
    loss *= np.exp(0.002 * np.random.default_rng(1).standard_normal(len(loss)))
    plain, scaled = ({n: x[n] / unit for n in ("N", "D")} for unit in (1.0, 1e3))
    one, two = (fit_rows(law, rows_of(loss, y, trunk)) for y in (plain, scaled))
    np.testing.assert_allclose(one.predict(plain), two.predict(scaled), rtol=1e-8)
    E, A, B, alpha, beta = one.theta[0]
    assert two.theta[0] == pytest.approx([E, A / 1e3**alpha, B / 1e3**beta, alpha, beta], rel=1e-5)


def test_equal_standard_errors_change_nothing(noisy):
    law = laws.load("dcpt")
    same = Rows(noisy.x, noisy.loss, 1e-3 * noisy.loss, noisy.trunk)
    one, two = fit_rows(law, noisy), fit_rows(law, same)
    np.testing.assert_allclose(one.predict(noisy.x), two.predict(noisy.x), rtol=1e-8)


def test_a_row_with_a_large_standard_error_counts_for_little(noisy):
    law = laws.load("dcpt")
    wrong = noisy.loss.copy()
    wrong[::10] *= 1.02
    se = np.where(np.arange(len(wrong)) % 10 == 0, 0.1, 1e-4) * wrong
    known = fit_rows(law, Rows(noisy.x, wrong, se, noisy.trunk), Settings(delta=1.0))
    blind = fit_rows(law, Rows(noisy.x, wrong, 0 * se, noisy.trunk), Settings(delta=1.0))
    truth = law.predict(typical(law), noisy.x)
    miss = [np.abs(f.predict(noisy.x)[0] / truth - 1).mean() for f in (known, blind)]
    assert miss[0] < 0.5 * miss[1]


def test_huber_is_half_the_square_and_then_linear():
    r = np.array([-3.0, -0.5, 0.0, 0.5, 3.0])
    np.testing.assert_allclose(huber(r, 1.0), [2.5, 0.125, 0.0, 0.125, 2.5])
    np.testing.assert_allclose(huber(r, np.inf), 0.5 * r**2)


def test_one_size_holds_the_size_term():
    law = laws.load("dcpt")
    x, trunk = grid(sizes=(4.1e8,))
    fitted = fit_rows(law, rows_of(law.predict(typical(law), x), x, trunk))
    found = dict(zip(fitted.names, fitted.parameters(fitted.theta)[0], strict=True))
    assert fitted.lacking == ("N",)
    assert found["A"] == 0
    assert found["beta"] == pytest.approx(typical(law)["beta"], rel=1e-6)


def test_constraints_bind_only_when_asked_for():
    law = laws.load("dcpt")
    x, trunk = grid()
    loss = law.predict(typical(law) | {"eta": 0.4}, x)
    rows = rows_of(loss, x, trunk)
    free = dict(zip((f := fit_rows(law, rows)).names, f.parameters(f.theta)[0], strict=True))
    bound_fit = fit_rows(law, rows, Settings(constraints=("eta>1", "C>C0")))
    bound = dict(zip(bound_fit.names, bound_fit.parameters(bound_fit.theta)[0], strict=True))
    assert free["eta"] == pytest.approx(0.4, rel=1e-6)
    assert bound["eta"] >= 1
    d_min = x["D"].min() / 1e9
    c_zero = bound["B"] * bound["eta"] * (1 + bound["eps"]) ** (bound["gamma"] + 1)
    assert bound["C"] >= c_zero / (bound["gamma"] * d_min ** bound["beta"]) * (1 - 1e-9)
    with pytest.raises(ConfigError, match="no constraint of dcpt named 'eta>2'"):
        fit_rows(law, rows, Settings(constraints=("eta>2",)))


def test_fewer_rows_than_parameters_are_refused_in_words(noisy):
    few = noisy.where(np.arange(len(noisy)) < 5)
    with pytest.raises(FitError, match="free parameters and there are only 5 rows"):
        fit_rows(laws.load("exponential"), few, Settings(corpora=CORPORA))


def test_a_missing_input_is_named(noisy):
    rows = Rows(
        {n: v for n, v in noisy.x.items() if n != "r"}, noisy.loss, noisy.loss_se, noisy.trunk
    )
    with pytest.raises(FitError, match="'dcpt' needs r"):
        fit_rows(laws.load("dcpt"), rows)


def _decay(p, x):
    return {"offset": x["L0"] / (1 + p["c"] * x["r"] * x["D"] ** 0.25)}


def _decay_slopes(p, x):
    y = x["r"] * x["D"] ** 0.25
    return {("offset", "c"): -x["L0"] * y / (1 + p["c"] * y) ** 2}


def test_a_law_without_linear_amplitudes_is_recovered():
    law = laws.Law(
        "decay", "L0/(1 + c r D^0.25)", "made up", ("D", "r", "L0"),
        (laws.Parameter("c", 1e-6, 1e3, "rate", start=(1e-3, 10.0)),),
        _decay, _decay_slopes, units={"D": 1e9},
    )  # fmt: skip
    x, trunk = grid()
    fitted = fit_rows(law, rows_of(law.predict({"c": 0.03}, x), x, trunk))
    assert fitted.parameters(fitted.theta)[0] == pytest.approx([0.03], rel=1e-8)


def test_a_parameter_may_exist_for_every_corpus_beside_one_that_is_a_contrast():
    law = laws.load("exponential")
    both = replace(
        law, per_corpus=(*law.per_corpus, laws.Parameter("u", 0.0, np.inf, "level", "nonneg"))
    )
    names = [p.name for p in both.expand(CORPORA)][len(law.parameters) :]
    assert names == ["t.web", "t.books", "u.domain", "u.web", "u.books"]
