"""Sweeps: plan the runs, execute those that are not done, collect their records into one table.

::

    api           one call for a whole sweep         background   start one, see it, cancel it

    data          identity of the corpora, advice    models       existing models to start from
    plan          experiment + corpora -> list of RunSpec        pure: the same plan everywhere
    edits         what an edit of experiment.yaml does to a sweep
    cost          tokens, FLOPs, disk                dry_run      the plan with its cost, as data
    jobs          planned minus done -> jobs
    driver        jobs -> executor, until nothing is left
    worker        one job: run folders -> recipe     gpu_workers  one job on several GPUs
    collect       records of all run folders -> runs.csv

    progress, status, tracking    what people see of it
    evaluation    an existing model on the held-out sets of an experiment
    quickstart    the built-in experiment, and new ones after its pattern
"""
