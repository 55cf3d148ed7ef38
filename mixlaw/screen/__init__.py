"""The answer for a person at a terminal: ``short`` on one glance, ``explained`` with all the rest.

Screens return lines with their emphasis, no wider than ``layout.WIDTH``; who prints them decides
whether there are colours.
"""
