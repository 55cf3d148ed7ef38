"""Does the recommendation keep its promises? Sweeps with noise from known truths, fitted and asked.

Every sweep draws its own D-CPT truth and measures it with noise: a part shared by all budgets of a
run, a part of each row. (The base has none of its own: it is the very checkpoint that the runs
start from, measured on the same windows.) The sweep is fitted with the bootstrap of ``mixlaw fit``
and asked for the ratio that keeps the general loss within 0.03 nats of the base with a risk of 10%.
As the truth is known, so are the critical ratio, the rise at the recommended one and any regret.

    python tests/recommend/simulation.py WORLDS.jsonl 400 2

simulates on two processes those of 400 worlds that the file lacks, so a run that was cut off goes
on, and prints the table that simulation.md holds. A file belongs to one state of the code.
"""

import json
import sys
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from mixlaw import laws
from mixlaw.fit.api import fit_laws
from mixlaw.recommend.api import recommend_ratio
from mixlaw.result.fit_result import FitResult

BUDGETS = (1e9, 2e9, 5e9, 1e10)
RATIOS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
SIZES = (1e8, 3e8, 1e9)
TOLERANCE, RISK = 0.03, 0.1
#: Standard deviation in nats: of a whole run, and of each row (the spread between seeds of ordinary
#: sizes lies between .001 and .004).
NOISE_RUN, NOISE_ROW = 0.0015, 0.0015
N_DRAWS = 300


@dataclass(frozen=True)
class Scenario:
    """What is swept and what is asked."""

    name: str
    sizes: tuple[float, ...]
    n_params: float
    tokens: float


SCENARIOS = (
    Scenario("three sizes, in range", SIZES, 6e8, 5e9),
    Scenario("three sizes, 8x size and 2x tokens", SIZES, 8e9, 2e10),
    Scenario("two sizes, in range", SIZES[1:], 6e8, 5e9),
    Scenario("one size, that size", SIZES[2:], 1e9, 5e9),
)


@dataclass(frozen=True)
class Truth:
    """A domain law, a general law and the base loss of one simulated world."""

    domain: dict[str, float]
    general: dict[str, float]
    base_law: dict[str, float]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Truth":
        """A world whose critical ratio lies between 0.15 and 0.85 at every target asked about."""
        while True:
            common = {"eta": 1.0, "eps": rng.uniform(0.1, 0.3), "gamma": rng.uniform(0.4, 0.9)}
            powers = {"alpha": rng.uniform(0.2, 0.4), "beta": rng.uniform(0.2, 0.4)}
            general = {"E": 1.9, "A": 0.3, "B": 0.1, "C": rng.uniform(0.15, 0.3)}
            domain = {"E": 1.2, "A": 0.2, "B": 0.25, "C": 0.5}
            base = {
                "E": general["E"] + rng.uniform(0.2, 0.4),
                "A": general["A"] * rng.uniform(0.95, 1.05),
                "alpha": powers["alpha"] + rng.uniform(-0.02, 0.02),
            }
            truth = cls({**domain, **common, **powers}, {**general, **common, **powers}, base)
            asked = [(s.n_params, s.tokens) for s in SCENARIOS]
            if all(0.15 < (truth.critical(*target) or 0) < 0.85 for target in asked):
                return truth

    def loss(self, eval_set: str, N: float, D: float, ratio: float) -> float:
        """Loss without noise."""
        params, r = (self.domain, ratio) if eval_set == "domain" else (self.general, 1 - ratio)
        x = {"N": np.array([N]), "D": np.array([D]), "r": np.array([r])}
        return float(laws.load("dcpt").predict(params, x)[0])

    def base(self, N: float) -> float:
        """General loss of the base: a power of the size, whose critical ratio moves with size."""
        p = self.base_law
        return p["E"] + p["A"] * (N / 1e9) ** -p["alpha"]

    def rise(self, N: float, D: float, ratio: float) -> float:
        """Rise of the general loss over the base."""
        return self.loss("general", N, D, ratio) - self.base(N)

    def critical(self, N: float, D: float) -> float | None:
        """The true critical ratio; None if it is not inside."""
        ends = [self.rise(N, D, ratio) - TOLERANCE for ratio in (0.0, 1.0)]
        if not ends[0] < 0 < ends[1]:
            return None
        return float(brentq(lambda ratio: self.rise(N, D, ratio) - TOLERANCE, 0, 1))

    def regret(self, N: float, D: float, ratio: float) -> float:
        """True regret of a ratio, nats of domain loss."""
        critical = self.critical(N, D)
        lost = self.loss("domain", N, D, ratio) - self.loss("domain", N, D, critical)
        return lost if ratio <= critical else -lost * (1 - RISK) / RISK

    def sweep(self, sizes: tuple[float, ...], rng: np.random.Generator) -> pd.DataFrame:
        """The runs table of one sweep."""
        rows = []
        for N in sizes:
            for eval_set in ("domain", "general"):
                rows.append((f"base-{N:g}", N, 0.0, np.nan, eval_set, self.base(N)))
            for ratio in RATIOS:
                for eval_set in ("domain", "general"):
                    of_run = rng.normal(0, NOISE_RUN)
                    for D in BUDGETS:
                        loss = self.loss(eval_set, N, D, ratio)
                        loss += of_run + rng.normal(0, NOISE_ROW)
                        rows.append((f"{N:g}-{ratio}-{D:g}", N, D, ratio, eval_set, loss))
        names = ["run_id", "n_params", "tokens", "domain_ratio", "eval_set", "loss"]
        frame = pd.DataFrame(rows, columns=names)
        trunk = frame["n_params"].map("{:g}".format) + "-" + frame["domain_ratio"].astype(str)
        return frame.assign(annealed=True, trunk_id=trunk)


@dataclass(frozen=True)
class Outcome:
    """What one sweep's recommendation turned out to be."""

    covered: bool
    width: float
    broken: float
    regret: float
    plug_in: float


def simulate(seed: int) -> dict[str, Outcome | None]:
    """One world, swept and fitted once per set of sizes; None where no ratio is recommended."""
    truth = Truth.draw(np.random.default_rng(seed))
    outcomes: dict[str, Outcome | None] = {}
    for sizes in dict.fromkeys(scenario.sizes for scenario in SCENARIOS):
        frame = truth.sweep(sizes, np.random.default_rng([seed, len(sizes)]))
        fit = fit_laws(frame, n_draws=N_DRAWS, seed=seed)
        for scenario in SCENARIOS:
            if scenario.sizes == sizes:
                outcomes[scenario.name] = judge(truth, scenario, fit)
    return outcomes


def judge(truth: Truth, scenario: Scenario, fit: FitResult) -> Outcome | None:
    """What the recommendation of a fit is worth in the world it was made in."""
    target = scenario.n_params, scenario.tokens
    answer = recommend_ratio(
        fit, n_params=target[0], tokens=target[1], max_general_rise=TOLERANCE, risk=RISK
    )
    if answer.recommended is None or answer.estimate is None:
        return None
    low, high = answer.interval
    return Outcome(
        covered=bool(low <= truth.critical(*target) <= high),
        width=high - low,
        broken=bool(truth.rise(*target, answer.recommended) > TOLERANCE),
        regret=truth.regret(*target, answer.recommended),
        plug_in=truth.regret(*target, answer.estimate),
    )


def summary(outcomes: list[Outcome | None]) -> dict[str, float]:
    """Rates and means over the sweeps that were answered."""
    answered = [outcome for outcome in outcomes if outcome is not None]
    return {
        "sweeps": len(outcomes),
        "answered": len(answered),
        "coverage": float(np.mean([o.covered for o in answered])),
        "width": float(np.mean([o.width for o in answered])),
        "broken": float(np.mean([o.broken for o in answered])),
        "regret": float(np.mean([o.regret for o in answered])),
        "plug_in": float(np.mean([o.plug_in for o in answered])),
    }


def table(rows: dict[str, dict[str, float]]) -> str:
    """The summaries as Markdown."""
    lines = [
        "| scenario | sweeps | answered | coverage of 90% | mean width | P(bound broken) | "
        "mean regret | plug-in's |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {name} | {s['sweeps']} | {s['answered']} | {s['coverage']:.1%} | {s['width']:.3f} | "
        f"{s['broken']:.1%} | {s['regret']:.4f} | {s['plug_in']:.4f} |"
        for name, s in rows.items()
    ]
    return "\n".join(lines)


def main(path: Path, n_sweeps: int, n_processes: int) -> None:
    """Add the worlds that a file lacks, one line each, and print the table after every tenth."""
    worlds = read(path)
    missing = [seed for seed in range(n_sweeps) if seed not in worlds]
    with get_context("spawn").Pool(n_processes) as pool, path.open("a") as file:
        for seed, world in pool.imap_unordered(_simulated, missing):
            worlds[seed] = world
            found = {name: outcome and asdict(outcome) for name, outcome in world.items()}
            file.write(json.dumps({"seed": seed, "world": found}) + "\n")
            file.flush()
            if len(worlds) % 10 == 0:
                _print(worlds)
    _print(worlds)


def read(path: Path) -> dict[int, dict[str, Outcome | None]]:
    """The worlds of a file by seed; none if there is no such file."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {
        row["seed"]: {name: found and Outcome(**found) for name, found in row["world"].items()}
        for row in map(json.loads, lines)
    }


def _simulated(seed: int) -> tuple[int, dict[str, Outcome | None]]:
    return seed, simulate(seed)


def _print(worlds: dict[int, dict[str, Outcome | None]]) -> None:
    rows = {s.name: summary([world[s.name] for world in worlds.values()]) for s in SCENARIOS}
    sys.stdout.write(f"{len(worlds)} worlds\n{table(rows)}\n\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
