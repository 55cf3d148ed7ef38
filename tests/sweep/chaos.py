"""Kill one sweep many times, at random moments and in every way, and look at what comes out.

``python tests/sweep/chaos.py 40`` prints the log of 40 kills; ``chaos.log`` is one of them.
"""

import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))
from tiny_sweep import YAML, sweeping, write_tiny

from mixlaw.train.interrupts import CHECKPOINT_VARIABLE

#: Twice as long as the tiny sweep: there must be something left to kill.
LONGER = YAML.replace("[1k, 2k]", "[2k, 4k]").replace("tokens: 3k", "tokens: 6k")
HOOK = Path(__file__).parent / "chaos_hook"
PATIENCE = 300.0
Say = Callable[[str], None]


@dataclass
class Chaos:
    """One sweep and its enemy.

    Attributes:
        folder: of the experiment.
        ledger: folder where processes leave notes that are no part of the sweep.
        rng: chooses.
        n_killed: workers that were killed outright, each of which may cost one step.
        n_steps: steps that an uninterrupted sweep takes.
    """

    folder: Path
    ledger: Path
    rng: random.Random
    n_killed: int = 0
    n_steps: int = 0

    @property
    def steps(self) -> int:
        """Steps taken so far, by all processes together."""
        path = self.ledger / "steps"
        return path.stat().st_size if path.exists() else 0

    def processes(self) -> list[psutil.Process]:
        """All living processes of this sweep, whoever their parent is."""
        found = []
        for process in psutil.process_iter():
            try:
                is_ours = process.environ().get("CHAOS_FOLDER") == str(self.folder)
                if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    def sweeping(self, kill: str = "nobody:0::") -> AbstractContextManager[psutil.Popen]:
        """The sweep's command, saving at every step."""
        (self.ledger / "kill").touch()
        environment = {
            "CHAOS_FOLDER": str(self.folder),
            "CHAOS_LEDGER": str(self.ledger),
            "CHAOS_KILL": kill,
            "PYTHONPATH": os.pathsep.join([str(HOOK), os.environ.get("PYTHONPATH", "")]),
            CHECKPOINT_VARIABLE: "0",
        }
        return sweeping(self.folder, self.ledger / "stderr", environment)

    def wait(self, condition: Callable[[], object]) -> None:
        """Until a condition holds."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"nothing happened; the sweep said: {self.said()}")
            time.sleep(0.005)

    def said(self) -> str:
        """The end of what all drivers printed."""
        return (self.ledger / "stderr").read_text()[-2000:]

    def let_train(self, driver: psutil.Popen, at_most: int) -> None:
        """Wait for a random number of steps, then for a random part of one."""
        goal = self.steps + self.rng.randint(1, max(1, at_most))
        self.wait(lambda: self.steps >= goal or driver.poll() is not None)
        time.sleep(self.rng.uniform(0, 0.05))

    # ------------------------------------------------------------------ the kinds of kill

    def worker_between_files(self, at_most: int) -> str:
        """The driver starts a killed worker again; then everything stops."""
        return self._between_files("worker", self.rng.randint(1, 6 * at_most + 20))

    def driver_between_files(self, at_most: int) -> str:
        """Its workers find themselves alone."""
        return self._between_files("driver", self.rng.randint(1, 25))

    def driver_collecting(self, at_most: int) -> str:
        """All is trained, and the table is being written."""
        return self._between_files("driver", self.rng.randint(1, 6), "runs.csv")

    def preparing_between_files(self, at_most: int) -> str:
        """The corpora are made again, and while they are the driver dies."""
        self._forget_corpora()
        return self._between_files("driver", self.rng.randint(1, 40), "corpora")

    def preparing_any_time(self, at_most: int) -> str:
        """As above, somewhere between the tokenizer's training and the last token."""
        self._forget_corpora()
        note = self.ledger / "note"
        note.unlink(missing_ok=True)
        with self.sweeping("driver:2:text/:tell") as driver:
            self.wait(lambda: note.exists() or driver.poll() is not None)
            time.sleep(self.rng.uniform(0, 0.3))
            if driver.poll() is not None:
                return ""
            driver.kill()
        is_made = (self.folder / "corpora" / "corpora.json").exists()
        return f"SIGKILL to the driver {'after' if is_made else 'while'} the corpora are made"

    def _forget_corpora(self) -> None:
        self.wait(lambda: not self.processes())
        shutil.rmtree(self.folder / "corpora", ignore_errors=True)

    def _between_files(self, role: str, number: int, part: str = "") -> str:
        note = self.ledger / "note"
        note.unlink(missing_ok=True)
        with self.sweeping(f"{role}:{number}:{part}:die") as driver:
            self.wait(lambda: note.exists() or driver.poll() is not None)
            if not note.exists():
                return ""
            if role == "worker":
                self.n_killed += 1
            else:
                driver.wait()
            time.sleep(0.1)
        return f"SIGKILL to the {role} before file operation {number}: {note.read_text()}"

    def worker_any_time(self, at_most: int) -> str:
        """SIGKILL to one worker while it trains; the driver starts it again, and is killed too."""
        with self.sweeping() as driver:
            self.let_train(driver, at_most)
            victims = driver.children() if driver.poll() is None else []
            if not victims:
                return ""
            self.rng.choice(victims).kill()
            self.n_killed += 1
            time.sleep(self.rng.uniform(0, 1))
        return "SIGKILL to a worker while it trains, then to the driver"

    def worker_asked(self, at_most: int) -> str:
        """SIGTERM to one worker, then SIGTERM to the driver."""
        with self.sweeping() as driver:
            self.let_train(driver, at_most)
            victims = driver.children() if driver.poll() is None else []
            if not victims:
                return ""
            self.rng.choice(victims).terminate()
            time.sleep(self.rng.uniform(0, 1))
            driver.terminate()
            driver.wait(PATIENCE)
        return "SIGTERM to a worker, then to the driver"

    def driver_while_training(self, at_most: int) -> str:
        """SIGKILL to the driver alone."""
        with self.sweeping() as driver:
            self.let_train(driver, at_most)
            if driver.poll() is not None:
                return ""
            driver.kill()
        return "SIGKILL to the driver while its workers train"

    def driver_any_time(self, at_most: int) -> str:
        """SIGKILL or SIGTERM to the driver, wherever its start has got to."""
        number = self.rng.choice([signal.SIGKILL, signal.SIGTERM])
        with self.sweeping() as driver:
            time.sleep(self.rng.uniform(0, 6))
            if driver.poll() is not None:
                return ""
            driver.send_signal(number)
            driver.wait(PATIENCE)
        return f"{number.name} to the driver as it starts"

    def driver_asked(self, at_most: int) -> str:
        """SIGTERM: the workers save and leave."""
        with self.sweeping() as driver:
            self.let_train(driver, at_most)
            if driver.poll() is not None:
                return ""
            driver.terminate()
            driver.wait(PATIENCE)
        return "SIGTERM to the driver"

    def interrupted_twice(self, at_most: int) -> str:
        """Ctrl-C, and again."""
        with self.sweeping() as driver:
            self.let_train(driver, at_most)
            if driver.poll() is not None:
                return ""
            driver.send_signal(signal.SIGINT)
            time.sleep(self.rng.uniform(0, 0.3))
            self.n_killed += len(driver.children()) if driver.is_running() else 0
            driver.send_signal(signal.SIGINT)
            driver.wait(PATIENCE)
        return "SIGINT to the driver, twice"

    def everything(self, at_most: int) -> str:
        """What a power cut does to processes."""
        with self.sweeping() as driver:
            self.let_train(driver, at_most)
            if driver.poll() is not None:
                return ""
            everyone = [driver, *driver.children(recursive=True)]
            self.n_killed += len(everyone) - 1
            for process in everyone:
                process.kill()
        return "SIGKILL to the driver and its workers at once"


KINDS = (
    Chaos.preparing_any_time,
    Chaos.worker_between_files,
    Chaos.preparing_between_files,
    Chaos.worker_any_time,
    Chaos.interrupted_twice,
    Chaos.driver_while_training,
    Chaos.everything,
    Chaos.driver_between_files,
    Chaos.worker_between_files,
    Chaos.driver_any_time,
    Chaos.driver_asked,
    Chaos.worker_asked,
)


@dataclass(frozen=True)
class Verdict:
    """What a sweep was like after all kills.

    Attributes:
        n_kills: that hit.
        exit_code: of the last, uninterrupted command.
        same: files that are bit-identical to those of the uninterrupted sweep.
        different: those that are not, or are missing.
        left_over: temporary files, checkpoints, progress notes.
        n_orphans: processes that outlived the sweep.
        n_repeated: steps taken more often than in the uninterrupted sweep.
        n_killed_workers: each was inside one step, which is the most it may cost.
    """

    n_kills: int
    exit_code: int
    same: tuple[str, ...]
    different: tuple[str, ...]
    left_over: tuple[str, ...]
    n_orphans: int
    n_repeated: int
    n_killed_workers: int


def run(root: Path, n_kills: int, *, text: str = LONGER, seed: int = 0, say: Say) -> Verdict:
    """Sweep once in peace, then another copy under kills; compare."""
    calm = _chaos(root / "calm", text, seed)
    with calm.sweeping() as driver:
        assert driver.wait(PATIENCE) == 0, calm.said()
    say(f"uninterrupted: {calm.steps} steps")
    killed = _chaos(root / "killed", text, seed)
    killed.n_steps = calm.steps
    hits = attempts = 0
    while hits < n_kills and attempts < 3 * n_kills:
        is_last = hits == n_kills - 1
        kind = Chaos.driver_collecting if is_last else KINDS[attempts % len(KINDS)]
        attempts += 1
        # Workers go on for a while after a driver's death: half of what would be an even share.
        at_most = max(1, (calm.steps - killed.steps) // (2 * (n_kills - hits)))
        if done := kind(killed, at_most):
            hits += 1
            say(f"{hits:>3}  {done}; {killed.steps} steps taken")
        if killed.rng.random() < 0.5:
            killed.wait(lambda: not killed.processes())
    with killed.sweeping() as driver:
        code = driver.wait(PATIENCE)
    return _judge(calm, killed, hits, code)


def _chaos(root: Path, text: str, seed: int) -> Chaos:
    ledger = root / "ledger"
    ledger.mkdir(parents=True)
    return Chaos(write_tiny(root / "experiment", text).resolve(), ledger, random.Random(seed))


def _judge(calm: Chaos, killed: Chaos, n_kills: int, code: int) -> Verdict:
    results = (
        "runs.csv", "bases/*/metrics.jsonl", "bases/*/model.safetensors", "runs/*/*.jsonl",
        "corpora/*/*.np?", "corpora/tokenizer-*.json",
    )  # fmt: skip
    found = [_contents(chaos.folder, results) for chaos in (calm, killed)]
    same = {name: found[1].get(name) == content for name, content in found[0].items()}
    left = [p for p in killed.folder.rglob("*") if p.suffix == ".tmp" or _is_leftover(p.name)]
    _, orphans = psutil.wait_procs(killed.processes(), timeout=30)
    return Verdict(
        n_kills=n_kills,
        exit_code=code,
        same=tuple(name for name, is_same in same.items() if is_same),
        different=tuple(name for name, is_same in same.items() if not is_same),
        left_over=tuple(str(path.relative_to(killed.folder)) for path in left),
        n_orphans=len(orphans),
        n_repeated=killed.steps - calm.steps,
        n_killed_workers=killed.n_killed,
    )


def _contents(folder: Path, patterns: Iterable[str]) -> dict[str, bytes]:
    """Files by name; the names of prepared corpora say where their text is, which is left out."""
    paths = [path for pattern in patterns for path in folder.glob(pattern)]
    names = [path.relative_to(folder).as_posix() for path in paths]
    return {
        re.sub(r"^(corpora/\w+)-\w+/", r"\1/", name): path.read_bytes()
        for name, path in zip(names, paths, strict=True)
    }


def _is_leftover(name: str) -> bool:
    return name == "progress.json" or name.endswith(".checkpoint.safetensors")


def main() -> None:
    """Run and print; the folder is removed if all went well."""
    n_kills = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    root = Path(tempfile.mkdtemp(prefix="chaos-"))
    verdict = run(root, n_kills, say=lambda line: print(line, flush=True))  # noqa: T201
    for name, value in vars(verdict).items():
        shown = f"{len(value)} files" if name == "same" else value
        print(f"{name}: {shown}", flush=True)  # noqa: T201
    if not verdict.different and not verdict.left_over and not verdict.n_orphans:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
