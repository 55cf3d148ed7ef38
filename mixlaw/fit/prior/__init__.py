"""Few runs: the forgetting law under what studies say of its parameters."""
