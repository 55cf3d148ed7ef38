"""The shipped conformance checks over every law that is installed, and over laws that break one."""

from dataclasses import replace

import pytest

from mixlaw import laws, plugins
from mixlaw.laws import Claim
from mixlaw.testing import ConformanceError, check_law
from mixlaw.testing.law import CHECKS, specification_is_complete

NAMES = plugins.available("laws")
DCPT = laws.load("dcpt")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_law(name, check):
    check(laws.load(name))


@pytest.mark.parametrize("name", NAMES)
def test_docstring_specifies_every_parameter_share_and_limits(name):
    specification_is_complete(laws.load(name), plugins.load("laws", name).__doc__)


def test_name_is_plugin_name():
    assert [laws.load(name).name for name in NAMES] == list(NAMES)


def _other(law, **parameter):
    """The law with its first parameter changed."""
    first, *rest = law.parameters
    return replace(law, parameters=(replace(first, **parameter), *rest))


RECTIFIED = replace(laws.load("rectified"), claims=(), expects=(), takes="all")


def _mixed_base(params, x):
    return {**RECTIFIED.terms(params, x), "E": 1 + 0.1 * x["r"]}


def _off_gradient(params, x):
    return {pair: 1.001 * slope for pair, slope in DCPT.gradient(params, x).items()}


@pytest.mark.parametrize(
    ("law", "complaint"),
    [
        (replace(DCPT, minimum=""), "no minimum"),
        (_other(DCPT, meaning=""), "no meaning"),
        (_other(DCPT, name="A"), "same name"),
        (_other(DCPT, low=-1.0), "lower bound is 0"),
        (_other(DCPT, amplitude=None, low=0.0, high=1.0), "declares amplitudes"),
        (replace(DCPT, gradient=_off_gradient), "gradient of 'dcpt'"),
        (replace(DCPT, gradient=lambda params, x: {}), "gradient of 'dcpt'"),
        (replace(DCPT, needs_positive=()), "not finite"),
        (replace(DCPT, claims=(Claim("increasing", "N"),)), "claims to be increasing in N"),
        (replace(DCPT, expects=(Claim("decreasing", "N"),)), "declare that as a claim"),
        (replace(RECTIFIED, terms=_mixed_base), "depends on the mixture at 0 tokens"),
    ],
)  # fmt: skip
def test_a_law_that_breaks_a_promise_is_named_in_a_sentence(law, complaint):
    with pytest.raises(ConformanceError, match=complaint):
        check_law(law)


def test_a_law_of_base_models_keeps_all_promises():
    check_law(RECTIFIED)


def test_a_specification_without_limits_is_named():
    with pytest.raises(ConformanceError, match="Limits"):
        check_law(DCPT, "share of E, A, B, C, alpha, beta, eta, eps, gamma")
