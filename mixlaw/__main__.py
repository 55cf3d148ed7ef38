"""``python -m mixlaw`` is the ``mixlaw`` command."""

from mixlaw.cli import main

main()
