"""Sweeps: plan the runs, execute those that are not done, collect their records into one table.

::

    plan      experiment + corpora -> list of RunSpec        pure: the same plan everywhere
    driver    planned minus done -> jobs -> executor
    worker    one job: run folders -> recipe
    collect   records of all run folders -> runs.csv
"""
