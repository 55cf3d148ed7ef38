"""FitResult + target -> Recommendation: rules, intervals, regret, distances, warnings.

::

    options.py, target.py   what may be asked, and the question that it puts to a fit
    question.py   a fit asked at one target: losses and rises along the ratio, draw by draw
    critical.py   the largest share that keeps a bound: per draw, and with a stated probability
    tolerance.py, turning_point.py, limited_domain.py, allocation.py, balance.py, mixture.py
                  the rules: one exact problem each
    inverse.py    the question the other way round: tokens for a loss, bound of a ratio, return
    observed.py   the first rows of the target run recalibrate the draws
    tokenizer.py, size.py   a base measured in other tokens, a size counted by another convention
    regret.py, sensitivity.py, next_run.py, extrapolation.py, practice.py   what an answer costs,
                  what would change it, which run would narrow it, how far it is from the data,
                  and what others did
    api.py        recommend_ratio; compose.py puts the answer.Recommendation together; text.py is
                  the screen for a person

Nothing here imports lmfit, pandas or torch, so an answer starts about as fast as numpy does.
"""
