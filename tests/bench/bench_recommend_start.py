"""How long an answer takes, beside the start of numpy: in one run, the best of several.

python -m pytest tests/bench/bench_recommend_start.py -m bench -s
"""

import subprocess
import sys
import time

import pytest

REPEATS = 7


@pytest.mark.bench
def bench_answer_beside_numpy(tmp_path, capsys):
    """One screen with its table of budgets, from a saved fit of two laws with 500 draws each."""
    subprocess.run([sys.executable, "-c", _SAVE, str(tmp_path / "fits" / "fit")], check=True)
    commands = {
        "python -c pass": ["-c", "pass"],
        'python -c "import numpy"': ["-c", "import numpy"],
        "mixlaw recommend --model-size 8B": ["-m", "mixlaw", "recommend", "--model-size", "8B"],
        "  the same with --tokens 20B": [
            *("-m", "mixlaw", "recommend", "--model-size", "8B", "--tokens", "20B")
        ],
    }
    best = {name: float("inf") for name in commands}
    for _ in range(REPEATS):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, *command], cwd=tmp_path, check=True, capture_output=True
            )
            best[name] = min(best[name], time.perf_counter() - start)
    numpy = best['python -c "import numpy"']
    with capsys.disabled():
        sys.stdout.write("\n")
        for name, seconds in best.items():
            sys.stdout.write(f"{name:<36} {seconds:7.3f} s  {seconds / numpy:5.1f} x numpy\n")


_SAVE = """
import sys
from itertools import product
import numpy as np, pandas as pd
from mixlaw.fit.api import fit_laws
rows = []
for N in (1e8, 3e8, 1e9):
    for name in ("domain", "general"):
        rows.append((f"base{N}", N, 0.0, np.nan, name, 2.2 + 0.3 * (N / 1e9) ** -0.3))
    for D, r in product((1e9, 3e9, 1e10), (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)):
        for name, own in (("domain", r), ("general", 1 - r)):
            loss = 1.9 + 0.3 * (N / 1e9) ** -0.3 + 0.1 * own * (D / 1e9) ** -0.3
            loss += 0.2 * (own + 0.1) ** -0.6 + 0.002 * np.sin(len(rows))
            rows.append((f"{N}-{r}-{D}", N, D, r, name, loss))
names = ["run_id", "n_params", "tokens", "domain_ratio", "eval_set", "loss"]
fit_laws(pd.DataFrame(rows, columns=names), target={"n_params": 8e9}).save(sys.argv[1])
"""

# 24 November 2026, Python 3.11, two cores shared with other work (load 11), best of 7 in one run:
# pass 0.071 s, numpy 0.319 s, the table over budgets 1.521 s (4.8 x numpy), one budget 1.260 s
# (4.0 x). Most of it is the start of typer and numpy; nothing to gain by caching predictions.
# The same evening under load 25, with what would change the answer: pass 0.122 s, numpy 0.508 s,
# the table over budgets 1.226 s (2.4 x), one budget 0.479 s (0.9 x): best times of a busy machine.
