"""A fit and a target -> Recommendation: ratio, interval, regret, distances, warnings.

In the order of their imports, each from those above it alone:

::

    option.py, loss_units.py, options.py
                      the options, each described once; no numpy
    mixture_path.py, calibration.py, question.py
                      a fit at one target: losses and rises along the ratio, draw by draw
    tokenizer.py, observed.py
                      a base measured in other tokens; the first rows of the target run
    verdict.py, rule.py, rules/
                      what a rule returns and declares; one rule a file; what rules share
    target.py         from options to a question, and what was assumed on the way
    context/          what stands beside an answer: regret, sensitivity, the run to add, inverse
                      questions, other rules, distance from the data, what others did
    recommendation.py, answer.py, api.py
                      the record and its JSON document; its composition; ``recommend_ratio``

At its start nothing here imports lmfit, pandas, scipy or torch: an answer starts about as fast as
numpy does.
"""
