"""Every law that is available recovers itself: parameters where identified, curves otherwise."""

import numpy as np
import pytest
from truths.parameters import CORPORA, in_plain_counts, typical
from truths.rows import grid, rows_of

from mixlaw import laws, plugins
from mixlaw.fit.diagnostics import condition_number
from mixlaw.fit.row_fit import Settings, fit_rows

#: Beyond this condition number a relative error of 1e-16 in the losses may move parameters by 1e-6.
IDENTIFIED = 1e12


@pytest.mark.parametrize("name", plugins.available("laws"))
def test_noiseless_rows_give_the_law_back(name):
    law = laws.load(name)
    x, trunk = grid(sizes=(4.1e8,)) if law.per_size else grid()
    truth = in_plain_counts(law, typical(law))
    loss = law.predict(truth, x)
    fitted = fit_rows(law, rows_of(loss, x, trunk), Settings(corpora=CORPORA))
    np.testing.assert_allclose(fitted.predict(x)[0], loss, rtol=1e-9)
    assert fitted.lacking == (("N",) if law.per_size and "N" in law.held else ())
    if condition_number(fitted)[0] < IDENTIFIED:
        found = dict(zip(fitted.names, fitted.parameters(fitted.theta)[0], strict=True))
        assert found == pytest.approx(truth, rel=1e-6)


@pytest.mark.parametrize("name", plugins.available("laws"))
def test_unseen_settings_are_predicted(name):
    law = laws.load(name)
    sizes = (4.1e8,) if law.per_size else (7e7, 1.6e8, 4.1e8, 1e9)
    x, trunk = grid(sizes=sizes)
    truth = in_plain_counts(law, typical(law))
    fitted = fit_rows(law, rows_of(law.predict(truth, x), x, trunk), Settings(corpora=CORPORA))
    beyond, _ = grid(
        sizes=[2 * max(sizes)] if len(sizes) > 1 else sizes, ratios=(0.1, 0.5), budgets=(3e10,)
    )
    np.testing.assert_allclose(fitted.predict(beyond)[0], law.predict(truth, beyond), rtol=1e-6)
