"""Share vectors of many corpora: the optimum, caps and bounds, the penalty, the intervals."""

from dataclasses import replace

import numpy as np
import pytest

from mixlaw.errors import ConfigError, FitError
from mixlaw.recommend.api import recommend_ratio
from mixlaw.result.fit_result import FitResult
from mixlaw.result.types import Member
from mixlaw.screen.explained import explained
from mixlaw.screen.layout import plain


def screen(answer):
    return plain(explained(answer))


CORPORA = ("code", "web", "books", "wiki")
#: log-rates of Ye et al.'s law E + k·exp(Σ t_j·h_j), against the first corpus.
RATES = {
    "code": {"t.web": 0.5, "t.books": 0.9, "t.wiki": 0.6},
    "web": {"t.web": -1.0, "t.books": -0.6, "t.wiki": -0.4},
}


def exponential(eval_set, n_draws=12, noise=0.05):
    names = ("E", "k", "A", "B", "alpha", "beta", "t.web", "t.books", "t.wiki")
    values = [1.0, 1.0, 0.0, 0.0, 1.0, 1.0, *RATES[eval_set].values()]
    draws = np.tile(values, (n_draws, 1))
    draws[:, 6:] += np.random.default_rng(2).normal(0, noise, (n_draws, 3))
    return Member("exponential", names, np.array(values), draws)


@pytest.fixture(scope="module")
def fit():
    ranges = {f"share.{corpus}": (0.0, 1.0) for corpus in CORPORA}
    return FitResult(
        law="exponential",
        eval_sets=("code", "web"),
        domain_set="code",
        general_set="web",
        corpora=CORPORA,
        domain_corpora=("code",),
        own={"code": "code", "web": "web"},
        stack={name: (exponential(name),) for name in ("code", "web")},
        base_stack={},
        ranges={"n_params": (1e9, 1e9), "tokens": (1e10, 1e10), **ranges},
        levels={"n_params": [1e9], "tokens": [1e10]},
        sigma={"code": 0.01, "web": 0.01},
    )


def ask(fit, **options):
    return recommend_ratio(fit, n_params=1e9, tokens=1e10, rule="balance", **options)


def vector(answer):
    return np.array([answer.shares[corpus]["recommended"] for corpus in CORPORA])


def loss(fit, weights, shares):
    by_corpus = dict(zip(CORPORA, np.atleast_2d(shares).T, strict=True))
    return sum(
        weight * fit.predict(name, 1e9, 1e10, by_corpus).estimate
        for name, weight in weights.items()
    )


def test_no_random_mixture_is_better(fit):
    answer = ask(fit)
    assert vector(answer).sum() == pytest.approx(1, abs=1e-12)
    random = np.random.default_rng(0).dirichlet(np.ones(4), 20000)
    weights = {"code": 1.0, "web": 1.0}
    assert loss(fit, weights, vector(answer))[0] <= loss(fit, weights, random).min() + 1e-7
    assert 0.05 < answer.recommended < 0.95


def test_one_weight_goes_to_its_own_corpus(fit):
    assert vector(ask(fit, weights={"code": 1.0}))[0] == pytest.approx(1.0, abs=1e-6)


def test_caps_and_bounds_are_obeyed(fit):
    answer = ask(
        fit,
        weights={"code": 1.0},
        bounds={"books": (0.1, 0.4), "wiki": (0.05, 1.0)},
        unique_tokens={"code": 1.5e9},
        max_epochs=2.0,
    )
    code, _, books, wiki = vector(answer)
    assert code <= 0.3 + 1e-9
    assert code == pytest.approx(0.3, abs=1e-6)
    assert 0.1 - 1e-9 <= books <= 0.4 + 1e-9
    assert wiki >= 0.05 - 1e-9
    assert "code" in answer.details["at_upper_bound"]
    for share in answer.shares.values():
        assert share["low"] - 1e-9 <= share["recommended"] <= share["high"] + 1e-9
    assert answer.shares["code"]["high"] <= 0.3 + 1e-9


def test_swept_range_is_the_default_bound(fit):
    narrow = replace(fit, ranges={**fit.ranges, "share.code": (0.0, 0.6)})
    assert vector(ask(narrow, weights={"code": 1.0}))[0] == pytest.approx(0.6, abs=1e-6)


def test_a_high_price_keeps_the_natural_mixture(fit):
    natural = {"code": 0.2, "web": 0.4, "books": 0.3, "wiki": 0.1}
    expected = np.array(list(natural.values()))
    distances = [
        np.abs(vector(ask(fit, natural=natural, kl=price)) - expected).max()
        for price in (0.1, 1.0, 100.0)
    ]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 0.01


def test_bounds_that_leave_no_mixture(fit):
    with pytest.raises(ConfigError, match="No mixture obeys"):
        ask(fit, bounds=dict.fromkeys(CORPORA, (0.0, 0.2)))
    with pytest.raises(ConfigError, match="corpus named 'cod'"):
        ask(fit, bounds={"cod": (0.0, 0.2)})


def test_losses_are_those_of_the_vector(fit):
    answer = ask(fit)
    by_corpus = {c: [share] for c, share in zip(CORPORA, vector(answer), strict=True)}
    for role, name in (("domain", "code"), ("general", "web")):
        expected = fit.predict(name, 1e9, 1e10, by_corpus).estimate[0]
        assert answer.losses[role]["estimate"] == pytest.approx(expected, abs=1e-9)


def test_the_default_split_of_several_corpora_is_an_assumption(fit):
    options = {"n_params": 1e9, "tokens": 1e10, "reference": "control", "max_general_rise": 0.1}
    assumed = recommend_ratio(fit, **options).document()["assumptions"]
    assert len(assumed) == 1
    assert "the general part is web 33%, books 33%, wiki 33%" in assumed[0]
    assert "--natural" in assumed[0]
    natural = {"code": 1.0, "web": 0.5, "books": 0.3, "wiki": 0.2}
    assert recommend_ratio(fit, **options, natural=natural).assumptions == ()
    assert ask(fit).assumptions == ()
    assert "natural mixture is code 25%, web 25%" in ask(fit, kl=0.1).assumptions[0]
    assert "assumed-base-loss" not in [w.code for w in ask(fit).warnings]


def test_balance_needs_neither_a_domain_nor_a_general_loss(build):
    fit = build(n_draws=60)
    target = {"n_params": 8e9, "tokens": 2e10, "rule": "balance"}
    known = recommend_ratio(fit, **target)
    nobody = replace(fit, domain_set="a", general_set="b", general_sets={}, domain_corpora=())
    answer = recommend_ratio(nobody, **target)
    share = answer.shares["domain"]
    assert share["low"] < share["recommended"] < share["high"]
    assert share["recommended"] == pytest.approx(known.recommended, abs=0.01)
    assert "no-domain" in {warning.code for warning in answer.warnings}
    assert screen(answer).startswith("Recommended mixture for 8B parameters, 20B tokens.")
    only_domain = recommend_ratio(replace(fit, general_set="b", general_sets={}), **target)
    assert only_domain.recommended == pytest.approx(known.recommended, abs=0.01)
    with pytest.raises(FitError, match="knows no domain share"):
        recommend_ratio(nobody, n_params=8e9, tokens=2e10)
