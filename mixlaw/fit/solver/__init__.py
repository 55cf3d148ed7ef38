"""The solver: a law at its rows, the local model of the objective, and the search."""
