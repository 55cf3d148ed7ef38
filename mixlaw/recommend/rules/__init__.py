"""One rule of recommendation a file."""
