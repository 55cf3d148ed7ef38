"""CPU seconds of ``mixlaw fit`` on the quickstart's table, start and imports included.

    OMP_NUM_THREADS=1 python -m pytest -m bench -s tests/bench/bench_fit_command.py

Beside it, in the same rounds, the imports that it cannot do without. Six seconds are allowed
without validation, 18 with it.
``tests/data/quickstart`` is what ``make demo`` trains (a sweep of 2 minutes).
"""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

QUICKSTART = Path(__file__).parents[1] / "data" / "quickstart"
ROUNDS = 5


def cpu_seconds(*arguments: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.bench
def bench_fit_command(tmp_path: Path) -> None:
    """Median and range of five rounds in which the commands take turns."""
    fit = ["-m", "mixlaw", "fit", str(QUICKSTART / "runs.csv"), "--out"]
    alone = [*fit, str(tmp_path / "alone"), "--no-validate"]
    commands = {
        "python -c pass": ["-c", "pass"],
        "imports alone": ["-c", "import typer, pandas, scipy.optimize"],
        "mixlaw fit, dcpt": [*alone, "--law", "dcpt"],
        "mixlaw fit, auto": alone,
    }
    rounds = [
        {name: cpu_seconds(*argv) for name, argv in commands.items()}
        # A validation that is there already would not be made again.
        | {"mixlaw fit, auto, validated": cpu_seconds(*fit, str(tmp_path / f"fit-{i}"))}
        for i in range(ROUNDS)
    ]
    print()
    for name in rounds[0]:
        taken = sorted(each[name] for each in rounds)
        print(f"{name:30} {taken[ROUNDS // 2]:6.2f} s ({taken[0]:.2f} to {taken[-1]:.2f})")
