"""FitResult + target -> Recommendation: rules, intervals, regret, distances, warnings.

::

    question.py   a fit asked at one target: losses and rises along the ratio, draw by draw
    critical.py   the largest share that keeps a bound: per draw, and with a stated probability
    tolerance.py, turning_point.py, limited_domain.py, allocation.py, balance.py, mixture.py
                  the rules: one exact problem each
    inverse.py    the question the other way round: tokens for a loss, bound of a ratio, return
    observed.py   the first rows of the target run recalibrate the draws
    regret.py, extrapolation.py, practice.py   what an answer costs, how far it is from the data,
                  and what others did
    api.py        recommend_ratio; answer.py the Recommendation; text.py the screen for a person

Nothing here imports lmfit, pandas or torch, so an answer starts about as fast as numpy does.
"""
