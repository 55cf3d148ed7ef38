"""Does the recommendation keep its promises? Sweeps of drawn worlds, fitted and asked for a ratio.

Every sweep draws its own world (``truths.worlds``) and measures it with noise. It is fitted with
the bootstrap of ``mixlaw fit`` and asked for the ratio that keeps the general loss within 0.03 nats
of the base with a risk of 10%. As the truth is known, so are the critical ratio, the rise at the
recommended one and any regret.

    PYTHONPATH=tests python tests/recommend/simulation.py WORLDS.jsonl 400 2

simulates on two processes those of 400 worlds that the file lacks, so a run that was cut off goes
on, and prints the table that simulation.md holds. A file belongs to one state of the code.
"""

import json
import sys
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from truths.worlds import RISK, TOLERANCE, World

from mixlaw.fit.api import fit_laws
from mixlaw.recommend.api import recommend_ratio
from mixlaw.result.fit_result import FitResult

SIZES = (1e8, 3e8, 1e9)
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
class Outcome:
    """What one sweep's recommendation turned out to be."""

    covered: bool
    width: float
    broken: float
    regret: float
    plug_in: float


def draw(seed: int) -> World:
    """The world of a seed."""
    targets = ((scenario.n_params, scenario.tokens) for scenario in SCENARIOS)
    return World.draw(np.random.default_rng(seed), targets)


def simulate(seed: int) -> dict[str, Outcome | None]:
    """One world, swept and fitted once per set of sizes; None where no ratio is recommended."""
    world = draw(seed)
    outcomes: dict[str, Outcome | None] = {}
    for sizes in dict.fromkeys(scenario.sizes for scenario in SCENARIOS):
        frame = world.sweep(sizes, np.random.default_rng([seed, len(sizes)]))
        fit = fit_laws(frame, n_draws=N_DRAWS, seed=seed)
        for scenario in SCENARIOS:
            if scenario.sizes == sizes:
                outcomes[scenario.name] = judge(world, scenario, fit)
    return outcomes


def judge(world: World, scenario: Scenario, fit: FitResult) -> Outcome | None:
    """What the recommendation of a fit is worth in the world it was made in."""
    target = scenario.n_params, scenario.tokens
    answer = recommend_ratio(
        fit, n_params=target[0], tokens=target[1], max_general_rise=TOLERANCE, risk=RISK
    )
    if answer.recommended is None or answer.estimate is None:
        return None
    low, high = answer.interval
    return Outcome(
        covered=bool(low <= world.critical(*target) <= high),
        width=high - low,
        broken=bool(world.rise(*target, answer.recommended) > TOLERANCE),
        regret=world.regret(*target, answer.recommended),
        plug_in=world.regret(*target, answer.estimate),
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
