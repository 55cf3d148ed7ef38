"""Conformance checks for authors of plugins."""
