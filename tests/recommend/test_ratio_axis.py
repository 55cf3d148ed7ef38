"""The ratio axis ends where the fitted laws can be asked: powers of a share jump at share zero."""

from dataclasses import replace

import pytest

from mixlaw.recommend.mixture_path import MixturePath
from mixlaw.recommend.question import Question


@pytest.mark.parametrize(
    ("domain", "general", "ends"),
    [
        ((0.0, 1.0), (0.0, 1.0), (0.0, 1.0)),  # both ends fitted
        ((0.1, 1.0), (0.0, 0.75), (0.0025, 0.75)),  # share 1 was measured and left out
        ((0.1, 0.75), (0.1, 0.75), (0.0025, 0.9975)),  # neither end was measured
    ],
)
def test_an_end_counts_only_where_a_law_was_fitted(build, domain, general, ends) -> None:
    swept = (min(domain[0], general[0]), max(domain[1], general[1]))
    fit = build()
    fit = replace(
        fit,
        ratio_ranges={fit.domain_set: domain, fit.general_set: general},
        ranges={**fit.ranges, "share.domain": swept},
    )
    ratios = Question(fit, 1e9, 1e10, MixturePath.of(fit)).ratios
    assert (ratios[0], ratios[-1]) == pytest.approx(ends)
