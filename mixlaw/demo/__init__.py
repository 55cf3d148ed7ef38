"""The demonstration: predictions beside what was measured afterwards, then an answer.

::

    blind.py      a fit held against runs that it did not see, beside what one would copy
    needs.py      what an answer for a large model needs: a family, tokens, GPU hours
    story.py      the whole demonstration, part by part; ``mixlaw demo`` prints it
"""
