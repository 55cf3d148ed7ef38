"""What stands beside an answer: distance, regret, sensitivity, practice, the next run."""
