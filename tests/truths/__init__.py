"""Known truths: laws with known parameters, and what is drawn from them.

``parameters``  parameters of laws, made up
``truth``       a law of both losses with the losses of its bases
``sweep``       a runs table that a sweep of a truth would give, with noise by trunk
``worlds``      truths drawn at random whose critical ratio is known
``rows``        rows of a grid as a solver gets them
``fits``        fits whose draws are known, without any fitting
``published``   figures that papers print
"""

from truths.sweep import Design, simulate_sweep
from truths.truth import Truth, anchored_truth, dcpt_truth, grown_truth

__all__ = ["Design", "Truth", "anchored_truth", "dcpt_truth", "grown_truth", "simulate_sweep"]
