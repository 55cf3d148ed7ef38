"""A log of any size streams: memory does not grow with it, and progress is shown."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mixlaw.importers import Request, plugins

LIMIT_MB = 500
pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="peak memory is read from /proc"
)

IMPORT = """
import re, sys
from pathlib import Path
from mixlaw.importers.assembly.api import import_runs
seen = 0
def progress(n_bytes):
    global seen
    seen += n_bytes
frame = import_runs("megatron", [], Path(sys.argv[1]), progress).frame
# Not getrusage: its maximum outlives exec, and would be that of the test process.
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
print(len(frame), frame["tokens"].max(), seen, peak)
"""


def lines(iterations: int) -> Iterator[str]:
    """A Megatron-LM log with an evaluation of two sets every thousand iterations."""
    for i in range(1, iterations + 1):
        yield (
            f" [2026-08-22 10:00:00.000000] iteration {i:8d}/{iterations:8d} | "
            f"consumed samples: {i * 256:12d} | elapsed time per iteration (ms): 812.3 | "
            "throughput per GPU (TFLOP/s/GPU): 401.2 | learning rate: 3.000000E-04 | "
            "global batch size:   256 | lm loss: 2.310000E+00 | loss scale: 1.0 | "
            "grad norm: 0.512 | number of skipped iterations:   0 |\n"
        )
        if i % 1000 == 0:
            for name in ("domain", "general"):
                yield f" validation-{name} loss at iteration {i} | lm loss value: 2.310000E+00 | \n"


def import_log(folder: Path, megabytes: int) -> float:
    """Peak memory in MB of a fresh process that imports a log of about this size."""
    per_iteration = len(next(lines(1)))
    iterations = megabytes * 10**6 // per_iteration // 1000 * 1000
    log = folder / "big.log"
    with log.open("w") as file:
        file.writelines(lines(iterations))
    path = folder / "runs.yaml"
    path.write_text("runs: {a: {log: big.log, n_params: 8B, sequence_length: 4096}}\n")
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, str(path)], capture_output=True, text=True, check=True
    )
    rows, tokens, seen, peak = map(float, done.stdout.split())
    assert rows == 2 * iterations // 1000
    assert tokens == iterations * 256 * 4096
    assert seen == log.stat().st_size
    log.unlink()
    return peak


def test_a_50_megabyte_log_takes_little_memory(tmp_path: Path) -> None:
    peak = import_log(tmp_path, 50)
    assert peak < LIMIT_MB


@pytest.mark.slow
def test_a_2_gigabyte_log_takes_little_memory(tmp_path: Path) -> None:
    peak = import_log(tmp_path, 2000)
    assert peak < LIMIT_MB


def test_progress_adds_up_to_the_size_of_every_text_log() -> None:
    samples = Path(__file__).parents[1] / "data" / "logs"
    for name in ("megatron", "hf-trainer", "litgpt", "torchtitan", "tensorboard"):
        log = next(p for p in sorted((samples / name).rglob("r30*")) if p.is_file() or p.is_dir())
        file = next(p for p in log.iterdir() if p.is_file()) if log.is_dir() else log
        seen: list[int] = []
        plugins.load("importers", name).read([file], Request(progress=seen.append))
        assert sum(seen) == file.stat().st_size
