"""What an importer needs to read a log: bounded files, numbers, and the metric names of trainers.

=========================  =====================================================================
``read_lines``             lines of a text file, with whether each is whole
``read_json_lines``        objects of a JSONL file; a record cut at the end is None
``read_csv``               rows of a CSV file as text, as a ``Table``
``read_text``, ``loads``   a JSON document, and ``json.loads`` with a bound on its depth
``closing``                where a bracket is closed, for documents that are cut
``to_number``              a cell or JSON value as a number: text is never evaluated
``to_count``               the same for steps and tokens: finite, 0 or more
``eval_set_of``            which held-out set's loss a metric is, None for everything else
``is_perplexity``          whether a metric's name says that it is a perplexity
``refuse_without_losses``  the error for a log in which no held-out loss was read
``TOKENS``                 names under which trainers count tokens
``SAMPLES``, ``STEPS``     the same for training sequences and steps
``OPEN_END``               flag of a row whose last number may be a part of one
=========================  =====================================================================
"""

from mixlaw.importers.reading.files import (
    OPEN_END,
    Table,
    closing,
    loads,
    read_csv,
    read_json_lines,
    read_lines,
    read_text,
    to_count,
    to_number,
)
from mixlaw.importers.reading.metrics import (
    SAMPLES,
    STEPS,
    TOKENS,
    eval_set_of,
    is_perplexity,
    refuse_without_losses,
)

__all__ = [
    "OPEN_END",
    "SAMPLES",
    "STEPS",
    "TOKENS",
    "Table",
    "closing",
    "eval_set_of",
    "is_perplexity",
    "loads",
    "read_csv",
    "read_json_lines",
    "read_lines",
    "read_text",
    "refuse_without_losses",
    "to_count",
    "to_number",
]
