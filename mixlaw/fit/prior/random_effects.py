"""What studies say together: a random-effects mean, and how far a new study may lie from it.

Study i reports x_i with standard error s_i of a true value that differs between studies with
standard deviation t. The mean of the studies is weighted by 1/(s_i² + t²) and t is estimated by
moments (DerSimonian and Laird 1986). Few studies tell little about t, so it is drawn towards a
scale given in advance, as a scaled inverse chi-squared prior with few degrees of freedom does, and
a new study is predicted by Student's t (Higgins, Thompson and Spiegelhalter 2009).
"""

from dataclasses import dataclass

import numpy as np

from mixlaw.laws import Array

#: Degrees of freedom that the scale given in advance counts for: as much as four studies more.
PSEUDO_STUDIES = 4


@dataclass(frozen=True)
class Student:
    """Where a new study's value lies: Student's t.

    Attributes:
        centre: its median.
        scale: its scale, which is not its standard deviation.
        freedom: its degrees of freedom.
    """

    centre: float
    scale: float
    freedom: float

    def log_density(self, value: Array) -> Array:
        """Log density up to a constant, elementwise."""
        far = ((value - self.centre) / self.scale) ** 2
        return np.asarray(-(self.freedom + 1) / 2 * np.log1p(far / self.freedom))

    def quantile(self, p: Array) -> Array:
        """Quantiles, elementwise."""
        from scipy.special import stdtrit

        return np.asarray(self.centre + self.scale * stdtrit(self.freedom, p))


def predicted(value: Array, error: Array, guess: Student) -> Student:
    """Where the value of a new study lies.

    Args:
        value: of every study, shape (k,); there may be none.
        error: their standard errors, shape (k,).
        guess: made without any study; it counts as one more, and its ``scale`` is the spread
            between studies that few of them are drawn towards.
    """
    k, pseudo = len(value), PSEUDO_STUDIES
    moments = _between_by_moments(value, error) * max(k - 1, 0)
    between = (moments + pseudo * guess.scale**2) / (max(k - 1, 0) + pseudo)
    weight = 1 / (np.append(error, guess.scale) ** 2 + between)
    centre = float(weight @ np.append(value, guess.centre) / weight.sum())
    scale = float(np.sqrt(between + 1 / weight.sum()))
    return Student(centre, scale, max(k - 1, 0) + pseudo)


def _between_by_moments(value: Array, error: Array) -> float:
    """DerSimonian and Laird's variance between studies, not negative; zero for one or none."""
    if len(value) < 2:
        return 0.0
    weight = 1 / error**2
    mean = weight @ value / weight.sum()
    heterogeneity = float(weight @ (value - mean) ** 2)
    freedom = len(value) - 1
    room = float(weight.sum() - (weight**2).sum() / weight.sum())
    return max(0.0, (heterogeneity - freedom) / room)
