"""Whole sweeps in real processes: trained once, collected, continued after every kind of end."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
from safetensors.numpy import load_file, save_file
from tiny_sweep import YAML, folders, planned, write_tiny

from mixlaw.corpora.tokens import checksum
from mixlaw.errors import ConfigError, DataError, RunError
from mixlaw.rundir.locks import only_sweep
from mixlaw.runs.table import base_rows, read_runs
from mixlaw.sweep.api import run_sweep
from mixlaw.sweep.worker import work
from mixlaw.train.interrupts import CHECKPOINT_VARIABLE, Watch


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny experiment, swept without interruption."""
    folder = write_tiny(tmp_path_factory.mktemp("swept") / "with space")
    lines: list[str] = []
    result = run_sweep(folder, say=lines.append)
    assert (result.n_bases, result.n_runs, result.n_trained) == (2, 6, 8)
    assert sum(line.startswith("[") for line in lines) == 8
    assert "done in" in lines[-1]
    return folder


def test_the_table_holds_bases_trunks_and_annealed_ends(swept: Path):
    frame = read_runs(swept / "runs.csv")
    bases = base_rows(frame)
    assert len(bases) == 2 * 2
    assert frame[frame["tokens"] > 0]["base_id"].isin(bases["run_id"]).all()
    ends = frame[(frame["tokens"] > 0) & frame["annealed"]]
    assert sorted(ends["tokens"].unique()) == [1024, 1984]
    assert (ends["tokens"] == ends["token_budget"]).all()
    assert len(ends) == 6 * 2 * 2
    trunks = frame[~frame["annealed"]]
    assert (trunks["trunk_id"] == trunks["run_id"]).all()
    assert set(ends["trunk_id"]) == set(trunks["run_id"])
    assert set(ends["run_id"]).isdisjoint(trunks["run_id"])
    assert (frame["flag"] == "").all()
    assert (frame["n_params"] + frame["n_params_embedding"] == frame["n_params_total"]).all()


def test_training_teaches(swept: Path):
    frame = read_runs(swept / "runs.csv")
    domain = frame[(frame["eval_set"] == "domain") & frame["annealed"]]
    longest = domain[domain["tokens"].isin([0, domain["tokens"].max()])]
    for _, rows in longest.groupby("n_params"):
        loss = rows.fillna({"share.domain": -1}).set_index("share.domain")["loss"]
        assert loss[1.0] < loss[0.5] < np.log(300) < loss[-1]


def test_the_table_has_no_times_hosts_or_paths(swept: Path):
    text = (swept / "runs.csv").read_text()
    assert str(swept) not in text
    assert os.uname().nodename not in text


def test_again_is_free_and_gives_the_same_bytes(swept: Path):
    before = (swept / "runs.csv").read_bytes()
    (swept / "runs.csv").unlink()
    assert run_sweep(swept).n_trained == 0
    assert (swept / "runs.csv").read_bytes() == before


def test_a_second_sweep_at_once_is_refused(swept: Path):
    with only_sweep(swept), pytest.raises(RunError, match="being swept by another process"):
        run_sweep(swept)


def test_dry_run_knows_what_is_done(swept: Path, tmp_path: Path):
    done = json.loads(cli("sweep", str(swept), "--dry-run", "--json").stdout)
    assert len(done["runs"]) == 8
    assert all(run["done"] and run["run_id"] for run in done["runs"])
    assert done["tokens"] == done["flops"] == done["seconds"] == 0
    fresh = write_tiny(tmp_path / "fresh")
    plan = json.loads(cli("sweep", str(fresh), "--dry-run", "--json").stdout)
    assert [run["run_id"] for run in plan["runs"]] == [None] * 8
    assert [run["tokens"] for run in plan["runs"]] == [run["tokens"] for run in done["runs"]]
    assert not (fresh / "runs").exists()


def test_killed_at_any_moment_it_ends_with_the_same_table(swept: Path, tmp_path: Path):
    folder = write_tiny(tmp_path / "killed")
    for end in (kill_workers, kill_driver, terminate_driver):
        with started(folder) as driver:
            end(driver, folder)
    assert run_sweep(folder).n_trained > 0
    assert (folder / "runs.csv").read_bytes() == (swept / "runs.csv").read_bytes()
    left = [p.name for p in folder.rglob("*") if p.suffix in {".tmp", ".safetensors"}]
    assert left == ["model.safetensors"] * 2


def kill_workers(driver: psutil.Popen, folder: Path) -> None:
    """Kill both workers once; the driver starts them again from their checkpoints."""
    wait_until(lambda: any(folder.glob("bases/*/*.checkpoint.safetensors")))
    for worker in driver.children():
        worker.kill()
    wait_until(lambda: len(list(folder.glob("bases/*/done.json"))) > 0)


def kill_driver(driver: psutil.Popen, folder: Path) -> None:
    """Kill the driver alone; its workers notice and leave by themselves."""
    wait_until(lambda: len(driver.children()) > 0)
    workers = driver.children()
    driver.kill()
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert not alive


def terminate_driver(driver: psutil.Popen, folder: Path) -> None:
    """SIGTERM: workers save, all leave, and the driver says how to go on."""
    wait_until(lambda: any(folder.glob("runs/*/*.checkpoint.safetensors")) and driver.children())
    workers = driver.children()
    driver.send_signal(signal.SIGTERM)
    assert driver.wait(timeout=60) == 1
    assert not any(worker.is_running() for worker in workers)


@contextmanager
def started(folder: Path) -> Iterator[psutil.Popen]:
    """A sweep in a process of its own, with a checkpoint at every step."""
    driver = psutil.Popen(
        [sys.executable, "-m", "mixlaw", "sweep", str(folder)],
        env={**os.environ, CHECKPOINT_VARIABLE: "0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield driver
    finally:
        if driver.is_running():
            driver.kill()
        driver.wait()


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_two_workers_at_once_train_one_base_once(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    folder = write_tiny(tmp_path)
    base = folders(folder, planned(folder))[0]
    with caplog.at_level("INFO", logger="mixlaw"), ThreadPoolExecutor(2) as pool:
        codes = pool.map(lambda _: work([base.path], Watch()), range(2))
        assert list(codes) == [0, 0]
    assert caplog.messages.count(f"{base.run_id} is done") == 1
    assert sum(message.endswith("begins") for message in caplog.messages) == 1


def test_runs_that_an_edit_left_behind_are_mentioned_and_kept_out(swept: Path, tmp_path: Path):
    folder = tmp_path / "edited"
    shutil.copytree(swept, folder)
    edited = (folder / "experiment.yaml").read_text().replace("[0.5, 1]", "[0.5]")
    (folder / "experiment.yaml").write_text(edited)
    said: list[str] = []
    assert run_sweep(folder, say=said.append).n_trained == 0
    assert any("No longer asked for: 2 runs (such as 16k-d100-" in line for line in said)
    shares = read_runs(folder / "runs.csv")["share.domain"].dropna()
    assert sorted(shares.unique()) == [0, 0.5]


def test_an_unknown_executor_is_refused_before_any_work(tmp_path: Path):
    folder = write_tiny(tmp_path)
    with pytest.raises(ConfigError, match="Did you mean 'local'"):
        run_sweep(folder, executor="locl")
    assert not (folder / "corpora").exists()


def test_a_corpus_that_is_too_small_is_refused_before_training(tmp_path: Path):
    folder = write_tiny(tmp_path, YAML.replace("[1k, 2k]", "[1k, 100k]"))
    with pytest.raises(
        DataError, match=r"'domain' is too small: .* tokens are missing.*max_epochs"
    ):
        run_sweep(folder)
    assert not list(folder.glob("bases/*/metrics.jsonl"))


def test_diverged_and_failed_runs_do_not_stop_the_others(tmp_path: Path):
    folder = write_tiny(tmp_path)
    plan = planned(folder)
    base, *_ = folders(folder, plan)
    last = folders(folder, plan)[-1]
    assert work([base.path], Watch()) == 0
    weights = load_file(base.weights)
    save_file({name: np.full_like(w, np.nan) for name, w in weights.items()}, base.weights)
    base.finish(**{**base.done(), "weights": checksum(base.weights)})
    spec = json.loads((last.path / "spec.json").read_text())
    (last.path / "spec.json").write_text(json.dumps({**spec, "seed": 5}))

    with pytest.raises(RunError, match=r"1 job.* failed.*delete the copy"):
        run_sweep(folder)

    assert "delete the copy" in last.log.read_text()
    frame = read_runs(folder / "runs.csv")
    diverged = frame[frame["flag"] == "diverged"]
    assert diverged["base_id"].unique() == [base.run_id]
    assert len(diverged) == 3 * 2
    assert diverged["loss"].isna().all()
    sound = frame[(frame["flag"] == "") & (frame["tokens"] > 0)]
    assert sound["trunk_id"].nunique() == 2


def cli(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "mixlaw", *arguments], capture_output=True, text=True, check=True
    )
