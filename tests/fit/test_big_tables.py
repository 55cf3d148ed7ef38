"""Tables of a hundred thousand and a million rows: thinned in words, within minutes and 2 GB."""

import resource
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

SIZES, RATIOS, CHECKPOINTS = (1e8, 2e8, 4e8, 8e8, 1.6e9), 25, 400
LIMIT_BYTES = 2 << 30


def _fit(record, path, folder, *arguments, cpu_seconds):
    """Run ``mixlaw fit`` under limits of CPU time and memory, and record what it took."""

    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "mixlaw", "fit", str(path), "--out", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_maxrss * 1024 < LIMIT_BYTES
    record("cpu_seconds", round(after.ru_utime - before.ru_utime, 1))
    record("gigabytes", round(after.ru_maxrss / 2**20, 2))
    return done


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    """100,000 rows: 5 sizes x 25 ratios x 400 checkpoints x 2 eval sets, D-CPT with noise."""
    rng, parts = np.random.default_rng(0), []
    tokens = np.geomspace(1e8, 2e10, CHECKPOINTS)
    for size in SIZES:
        for ratio in np.linspace(0, 1, RATIOS):
            for eval_set, share in (("domain", ratio), ("general", 1 - ratio)):
                fall = 0.3 * share**0.5 * (tokens / 1e9) ** -0.3
                loss = 1.5 + 0.3 * (size / 1e9) ** -0.3 + fall
                loss = loss + 0.1 / (share + 0.1) ** 0.6
                loss = loss * np.exp(0.002 * rng.normal() + 0.001 * rng.normal(size=len(tokens)))
                run = f"{size:.0f}-{ratio:.3f}"
                parts.append(
                    pd.DataFrame(
                        {"run_id": run, "n_params": size, "tokens": tokens, "domain_ratio": ratio,
                         "eval_set": eval_set, "loss": loss}
                    )
                )  # fmt: skip
    path = tmp_path_factory.mktemp("dense") / "runs.csv"
    pd.concat(parts).to_csv(path, index=False)
    return path


@pytest.mark.slow
@pytest.mark.parametrize(("law", "cpu_seconds"), [("dcpt", 60), ("auto", 600)])
def test_a_hundred_thousand_checkpoints(dense, tmp_path, law, cpu_seconds, record_property):
    done = _fit(record_property, dense, tmp_path / "fit", "--law", law, cpu_seconds=cpu_seconds)
    assert done.returncode == 0, done.stderr
    assert "thinned to log-spaced checkpoints" in done.stdout
    assert (tmp_path / "fit" / "fit.json").is_file()


@pytest.mark.slow
def test_a_million_rows_of_junk(tmp_path, record_property):
    rng, n = np.random.default_rng(0), 1_000_000
    frame = pd.DataFrame({"run_id": np.char.add("r", np.arange(n).astype(str))})
    frame["n_params"] = rng.integers(10**6, 10**9, n)
    frame["tokens"] = rng.integers(10**8, 10**11, n)
    frame["domain_ratio"] = rng.random(n).round(4)
    frame["eval_set"] = np.where(np.arange(n) % 2, "domain", "general")
    frame["loss"] = rng.uniform(1, 9, n).round(5)
    frame.to_csv(tmp_path / "runs.csv", index=False)
    done = _fit(record_property, tmp_path / "runs.csv", tmp_path / "fit", cpu_seconds=120)
    assert done.returncode == 0, done.stderr
    assert "one run in 250 fitted" in done.stdout
