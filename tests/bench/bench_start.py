"""How long mixlaw takes to start, beside the interpreter alone, side by side in one run."""

import subprocess
import sys
import time

import pytest

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import mixlaw": ["-c", "import mixlaw"],
    "mixlaw --help": ["-m", "mixlaw", "--help"],
    "import numpy": ["-c", "import numpy"],
}
REPETITIONS = 7


def seconds(arguments: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


@pytest.mark.bench
def bench_start() -> None:
    """Best of seven rounds, the commands taking turns, so that all see the same machine."""
    rounds = [
        {name: seconds(arguments) for name, arguments in COMMANDS.items()}
        for _ in range(REPETITIONS)
    ]
    best = {name: min(taken[name] for taken in rounds) for name in COMMANDS}
    for name, taken in best.items():
        print(f"{name:16} {taken * 1e3:7.0f} ms  {taken / best['python -c pass']:5.1f} x")
