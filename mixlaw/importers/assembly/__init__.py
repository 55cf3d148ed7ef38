"""From logs and their description to a validated runs table; importers themselves need none of it.

``api`` is what the command calls, ``sources`` says whose a log is and which importer reads it,
``rows`` makes the rows of one run, ``description`` is the YAML beside the logs.
"""
