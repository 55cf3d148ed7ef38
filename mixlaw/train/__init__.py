"""Training of proxies: the model, its schedule, its loop, its evaluation, its checkpoints.

``spec`` and ``records`` are plain data and import no torch; the other modules do.
"""
