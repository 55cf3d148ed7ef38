"""Corpora: text, tokens on disk, exact mixtures.

::

    readers/  builtin        one Document at a time, from whatever the text is kept in
        |
        v
    documents                exact repeats out, held-out apart from train by content hash
        |
        v
    tokenizer  words         encoded once, in worker processes if there is much of it;
    encode  workers          a killed process is continued
        |
        v
    stored  tokens           one folder per corpus: memory-mapped, checksummed
        |
        v
    plan  prepare  notes     what to prepare, Corpora: train tokens and held-out windows by corpus
        |                    name, and what may be wrong with them (near, precision)
        v
    mixing                   MixtureStream: batches with exact shares, by sequence number

``survey`` looks at corpora for a person. No torch here: a trainer takes arrays.
"""
