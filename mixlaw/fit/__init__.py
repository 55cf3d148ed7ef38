"""Rows + law -> FitResult with intervals; nothing is imported here, so ``result`` stays light."""
