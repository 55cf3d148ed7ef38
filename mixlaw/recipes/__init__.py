"""Recipes: how planned runs become trained proxies; one file is one recipe.

A recipe is a module with ``train_run(folder, spec, corpora, watch)``: a generator that trains the
run of this folder and leaves its records there. It yields where it needs the gradients of a step,
so that runs of one shape can take their steps together (see ``mixlaw.train.steps``). Recipes import
torch; listing their names does not.
"""
