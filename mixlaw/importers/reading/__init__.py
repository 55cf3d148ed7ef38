"""What an importer needs to read a log: bounded files, numbers, and the metric names of trainers.

=========================  =====================================================================
``read_lines``             lines of a text file, with whether each is whole
``read_json_lines``        objects of a JSONL file; a record cut at the end is None
``read_csv``               rows of a CSV, TSV or semicolon file as text, as a ``Table``
``read_text``, ``loads``   a JSON document, and ``json.loads`` with a bound on its depth
``keys_of``                keys of a JSON object that may be cut, to recognise a format by
``closing``                where a bracket is closed, for documents that are cut
``to_number``              a cell or JSON value as a number: text is never evaluated
``to_count``               the same for steps and tokens: finite, 0 or more
``plain``                  a line of a console without its colours
``Metrics``                which names of a log are held-out losses, and the end of reading it
``eval_set_of``            which held-out set's loss a metric is, None for everything else
``is_auxiliary``           whether a loss is no cross-entropy of text (aux, z, router, kl ...)
``token_counts``           all counts of training tokens in a record, the better ones first
``present``                whether a cell or JSON value says anything
``unit_of``                perplexity, bits per byte or bits per token, by a metric's name
``is_perplexity``          whether a metric's name says that it is a perplexity
``refuse_without_losses``  the error for a log in which no held-out loss was read
``TOKENS``                 names under which trainers count tokens
``SAMPLES``, ``STEPS``     the same for training sequences and steps
``OPEN_END``               flag of a row whose last number may be a part of one
=========================  =====================================================================
"""

from mixlaw.importers.reading.delimited import OPEN_END, Table, read_csv
from mixlaw.importers.reading.files import (
    closing,
    keys_of,
    loads,
    plain,
    read_json_lines,
    read_lines,
    read_text,
    to_count,
    to_number,
)
from mixlaw.importers.reading.metrics import (
    BITS_PER_BYTE,
    BITS_PER_TOKEN,
    PERPLEXITY,
    SAMPLES,
    STEPS,
    TOKENS,
    Metrics,
    eval_set_of,
    is_auxiliary,
    is_perplexity,
    present,
    refuse_without_losses,
    token_counts,
    unit_of,
)

__all__ = [
    "BITS_PER_BYTE", "BITS_PER_TOKEN", "OPEN_END", "PERPLEXITY", "SAMPLES", "STEPS", "TOKENS",
    "Metrics", "Table", "closing", "eval_set_of", "is_auxiliary", "is_perplexity",
    "keys_of", "loads", "plain", "present", "read_csv", "read_json_lines", "read_lines",
    "read_text",
    "refuse_without_losses", "to_count", "to_number", "token_counts", "unit_of",
]  # fmt: skip
