"""Figures of a fit: they take results and return a matplotlib Figure; they compute nothing new."""
