"""Fits built from known laws, so that every answer has a truth to be compared with."""

import pytest
from truths.fits import build_fit


@pytest.fixture(scope="session")
def build():
    """The fit builder."""
    return build_fit
