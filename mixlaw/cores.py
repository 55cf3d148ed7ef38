"""How many cores this process may use."""

import os


def available_cores() -> int:
    """Cores that this process may use, which a container or a scheduler may make fewer."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    return len(affinity(0)) if affinity else os.cpu_count() or 1
