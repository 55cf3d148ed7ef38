"""The runs table: one row per (run, tokens seen, eval set), and views of it."""
