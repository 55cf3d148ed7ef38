"""Seventeen corpora: the mixture proposed for Pile-CC on the published 1M runs of RegMix."""

import numpy as np
import pandas as pd
import pytest

from mixlaw.fit.api import fit_laws
from mixlaw.recommend.api import recommend_ratio
from mixlaw.roles import Roles

TARGET = {"n_params": 1e6, "tokens": 1e9}


@pytest.fixture(scope="module")
def fit(data_folder):
    roles = Roles(domain_set="pile_cc", domain_corpora=("pile_cc",))
    train = data_folder / "regmix_1m_train.csv"
    return fit_laws(train, "exponential", roles, ["pile_cc"], n_draws=100)


@pytest.fixture(scope="module")
def test_losses(fit, data_folder):
    """Predicted loss of the 256 mixtures of the test table."""
    table = pd.read_csv(data_folder / "regmix_1m_test.csv")
    table = table[table["eval_set"] == "pile_cc"]
    shares = table[[f"share.{corpus}" for corpus in fit.corpora]].to_numpy()
    shares = shares / shares.sum(axis=1, keepdims=True)
    assert len(shares) == 256
    return predict(fit, shares)


def predict(fit, shares):
    by_corpus = dict(zip(fit.corpora, np.transpose(shares), strict=True))
    return fit.predict("pile_cc", 1e6, 1e9, by_corpus, carry_size=True)


def vector(fit, answer):
    return np.array([[answer.shares[corpus]["recommended"] for corpus in fit.corpora]])


def test_proposal_is_predicted_no_worse_than_the_best_test_mixture(fit, test_losses):
    answer = recommend_ratio(fit, **TARGET, rule="balance", weights={"pile_cc": 1.0})
    proposal = predict(fit, vector(fit, answer))
    best = int(np.argmin(test_losses.estimate))
    difference = proposal.draws[:, 0] - test_losses.draws[:, best]
    assert proposal.estimate[0] <= test_losses.estimate[best]
    # What the law misses between mixtures is in the draws: intervals without it hold 28% of the
    # losses of the test mixtures, with it 82%.
    assert np.mean(difference <= 0) > 0.7
    low, high = (answer.losses["domain"][end] for end in ("low", "high"))
    assert low <= proposal.estimate[0] <= high
    swept = np.array([fit.ranges[f"share.{corpus}"] for corpus in fit.corpora])
    assert (vector(fit, answer)[0] >= swept[:, 0] - 1e-9).all()
    assert (vector(fit, answer)[0] <= swept[:, 1] + 1e-9).all()


def test_caps_hold_to_a_billionth(fit):
    caps = {"pile_cc": 0.3e9, "gutenberg_pg_19": 0.05e9, "wikipedia_en": 0.1e9}
    answer = recommend_ratio(
        fit, **TARGET, rule="balance", weights={"pile_cc": 1.0}, unique_tokens=caps, max_epochs=1.5
    )
    shares = dict(zip(fit.corpora, vector(fit, answer)[0], strict=True))
    for corpus, unique in caps.items():
        assert shares[corpus] <= 1.5 * unique / 1e9 + 1e-9
    assert sum(shares.values()) == pytest.approx(1, abs=1e-9)
    assert shares["pile_cc"] == pytest.approx(0.45, abs=1e-6)
