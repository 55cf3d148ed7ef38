"""Corpora: text, tokens on disk, exact mixtures.

::

    readers/  builtin      one Document at a time, from whatever the text is kept in
        |
        v
    documents              exact duplicates out, held-out apart from train by content hash
        |
        v
    tokenizer  tokens      encoded once, memory-mapped, checksummed
        |
        v
    prepare                Corpora: train tokens and held-out windows by corpus name
        |
        v
    mixing                 MixtureStream: batches with exact shares, by sequence number

No torch here: a trainer takes arrays.
"""
