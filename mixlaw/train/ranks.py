"""Which of several processes this one is, where several train one run together, each a rank.

Their number and order are in the environment, as ``torchrun`` sets it; a process without these
variables is alone. Nothing here imports torch.
"""

import logging
import os
import sys
from typing import NoReturn


def n_ranks() -> int:
    """Processes that train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Number of this one among them."""
    return int(os.environ.get("RANK", "0"))


def local_rank() -> int:
    """Number of this one on its machine; of its GPU too."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def leave(code: int) -> NoReturn:
    """End this process; a rank without the interpreter's tear-down.

    Threads that torch leaves behind in a process group can abort a rank in it, once all is written
    ("terminate called without an active exception", three times in about forty jobs).
    """
    if n_ranks() == 1:
        sys.exit(code)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
