"""Executors: where runs execute; one file is one executor.

An executor is a module with ``start(resources) -> Executor``. It is given jobs (an argument list, an
environment and what they need), never a function: what runs is a command that anybody can type.
"""
