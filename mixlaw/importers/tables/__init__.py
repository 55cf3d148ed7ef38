"""Tables of strangers: what a column is by its name and by what stands in it.

``names`` reads a single column's name, ``guess`` all columns of a table together and says what it
took for what, ``rows`` turns a row into evaluations. The importers ``table`` and ``wandb-runs``
read with them.
"""
