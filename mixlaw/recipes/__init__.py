"""Recipes: how planned runs become trained proxies; one file is one recipe.

A recipe is a module with ``train(folders, corpora)``: it trains the runs of these folders, which
have one shape, and leaves their records there. Recipes are where torch is used; listing their
names imports none of it.
"""
