"""Training of proxies: the model, its schedule, its loop, its evaluation, its checkpoints.

What a driver needs of it (specifications, run folders, streams, locks) imports no torch; the model,
the loop and what they call do.
"""
