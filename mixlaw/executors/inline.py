"""In this process."""
