"""Rows + law -> FitResult with intervals. (Nothing is imported here: ``result`` must stay light.)"""
