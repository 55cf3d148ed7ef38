"""How often 90% intervals cover the truth on simulated sweeps; writes ``simulated.csv``.

    PYTHONPATH=tests python tests/coverage/simulations.py [--repetitions 200] [--scenario NAME ...]
        [--records simulated.jsonl]

Every repetition simulates a sweep from a known truth (seed noise, checkpoints that wander together
along a trunk), fits it, and asks for general losses and for the largest domain ratio at which the
general loss equals a bound, at settings in and out of the swept range. Every repetition is written
to the records as it ends, so that a run which was stopped goes on where it was.
"""

import argparse
import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from truths import Design, Truth, anchored_truth, dcpt_truth, grown_truth, simulate_sweep
from truths.parameters import CMR, HUMP, LOG_SHARE, RECTIFIED, TRANSFER

from mixlaw.fit import api, held_out, stack
from mixlaw.fit.api import fit_laws
from mixlaw.fit.row_fit import Settings
from mixlaw.result.fit_result import FitResult

LEVEL = 0.9
N_DRAWS = api.N_DRAWS
RATIOS = np.linspace(0.0, 1.0, 101)
TABLE = Path(__file__).with_name("simulated.csv")
COLUMNS = (
    "scenario", "fitted", "region", "quantity", "repetitions", "intervals", "coverage",
    "median_width", "width_to_true_law", "interval_score", "score_residual_only",
)  # fmt: skip
WITHOUT = "auto without "


GRID = Design()


@dataclass(frozen=True)
class Scenario:
    """A truth, what is fitted to it, and where it is asked.

    Attributes:
        truth: the law that made the losses.
        fitted: ``--law``; ``auto without NAME`` are the candidates of ``auto`` but this one.
        own: the law a fit told the truth would use.
        design: of the sweep.
        outside: (sizes times, budgets times) of the regions out of range.
        trunks_only: a log of trunks that does not say what is annealed, so that laws of final
            losses are fitted to it too.
    """

    truth: Truth
    fitted: str
    own: str
    design: Design = GRID
    outside: tuple[tuple[float, float], ...] = ((4, 1), (1, 4))
    trunks_only: bool = False


TRUNKS = Design(ratios=(0.1, 0.25, 0.4, 0.6, 0.8))
#: The cmr law describes one size at a time, so one is enough to ask it at a swept size.
NINE_RUNS = Design((240e6,), ratios=(0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8), checkpoints=12)
TWO_SEEDS = replace(NINE_RUNS, replicated=len(NINE_RUNS.ratios))
HUMP_TRUTH, CMR_TRUTH = anchored_truth("hump", HUMP), anchored_truth("cmr", CMR)
SCENARIOS = {
    "dcpt": Scenario(dcpt_truth(), "dcpt", "dcpt"),
    "hump": Scenario(HUMP_TRUTH, "hump", "hump", TRUNKS, ((1, 4),)),
    "cmr": Scenario(CMR_TRUTH, "cmr", "cmr", TWO_SEEDS, ((1, 2),)),
    "dcpt not among the fitted": Scenario(dcpt_truth(), "dcpt-l2,exponential", "dcpt"),
    "hump not among the fitted": Scenario(
        HUMP_TRUTH, "cmr,dcpt-anchored", "hump", TRUNKS, ((1, 4),), trunks_only=True
    ),
    "cmr not among the fitted": Scenario(
        CMR_TRUTH, "hump,dcpt-anchored", "cmr", TWO_SEEDS, ((1, 2), (1, 4)), trunks_only=True
    ),
    "nine runs: hump, told by cmr": Scenario(HUMP_TRUTH, "cmr", "hump", NINE_RUNS, ((1, 2),)),
    "nine runs: cmr, told by hump": Scenario(CMR_TRUTH, "hump", "cmr", NINE_RUNS, ((1, 4),)),
}
for name, truth in {
    "rectified": grown_truth("rectified", RECTIFIED),
    "transfer": anchored_truth("transfer", TRANSFER),
    "log-share": anchored_truth("log-share", LOG_SHARE),
}.items():
    SCENARIOS[f"{name}, by auto"] = Scenario(truth, "auto", name)
    SCENARIOS[f"{name}, by auto without it"] = Scenario(truth, f"auto without {name}", name)
#: One run a parameter: a loss is then known about as well as it is measured, so that its residual
#: spread is about the right width by accident, and an interval of the law is hardly better.
LIMITS = {"nine runs: cmr": Scenario(CMR_TRUTH, "cmr", "cmr", NINE_RUNS, ((1, 2),))}
EVERY = {**SCENARIOS, **LIMITS}


@dataclass
class Tally:
    """Intervals of one quantity in one region."""

    covered: list[bool] = field(default_factory=list)
    width: list[float] = field(default_factory=list)
    own_width: list[float] = field(default_factory=list)
    score: list[float] = field(default_factory=list)
    naive_score: list[float] = field(default_factory=list)

    def add(self, truth: float, ends, own_ends, naive_ends) -> None:
        """One interval, that of a fit told the true law, and the residual-only one."""
        self.covered.append(bool(ends[0] <= truth <= ends[1]))
        self.width.append(ends[1] - ends[0])
        self.own_width.append(own_ends[1] - own_ends[0])
        self.score.append(interval_score(truth, *ends))
        self.naive_score.append(interval_score(truth, *naive_ends))


def interval_score(truth: float, low: float, high: float) -> float:
    """Width plus 2/α times the miss (Gneiting and Raftery 2007, eq. 43); smaller is better."""
    miss = max(low - truth, truth - high, 0.0)
    return (high - low) + 2 / (1 - LEVEL) * miss


def settings(design: Design, region: tuple[float, float]) -> list[tuple[float, float]]:
    """(N, D) asked for in a region: the sweep's own corners and middle, or their multiples."""
    sizes, budgets = sorted(design.sizes), sorted(design.budgets)
    if region == (1, 1):
        return [(sizes[len(sizes) // 3], budgets[1]), (sizes[-1], budgets[-1])]
    return [(sizes[-1] * region[0], budgets[-1] * region[1])]


def crossing(loss: np.ndarray, bound: float) -> np.ndarray:
    """Largest domain ratio at which each curve (..., n) over RATIOS is at most the bound."""
    below = loss <= bound
    last = np.where(below.any(-1), len(RATIOS) - 1 - below[..., ::-1].argmax(-1), 0)
    after = np.minimum(last + 1, len(RATIOS) - 1)
    here = np.take_along_axis(loss, last[..., None], -1)[..., 0]
    there = np.take_along_axis(loss, after[..., None], -1)[..., 0]
    step = np.where(
        there > here, np.clip((bound - here) / np.where(there > here, there - here, 1.0), 0, 1), 0
    )
    return RATIOS[last] + step * (RATIOS[after] - RATIOS[last])


def ask(fit: FitResult, truth: Truth, size: float, tokens: float):
    """(quantity, true value, interval, what the law alone estimates) at one setting."""
    shares = {"domain": RATIOS, "general": 1 - RATIOS}
    base = truth.base("general", np.array([size]))[0]
    prediction = fit.predict("general", size, tokens, shares, base_loss=base)
    bare = replace(fit, kriging={})
    of_law = bare.predict("general", size, tokens, shares, base_loss=base).estimate
    true_curve = truth.loss("general", np.float64(size), np.float64(tokens), RATIOS)
    bound = float(np.interp(0.6, RATIOS, true_curve))
    low, high = prediction.interval(LEVEL)
    yield from (("loss", true_curve[i], (low[i], high[i]), of_law[i]) for i in (10, 50, 80))
    ends = np.quantile(crossing(prediction.draws, bound), [0.05, 0.95])
    yield "ratio", crossing(true_curve, bound), tuple(ends), (of_law, bound)


def residual_only(fit: FitResult, quantity: str, estimate) -> tuple[float, float]:
    """The interval of an estimate plus and minus the residual spread."""
    spread = 1.645 * fit.sigma["general"]
    if quantity == "loss":
        return estimate * (1 - spread), estimate * (1 + spread)
    curve, bound = estimate
    ends = sorted(float(crossing(curve * (1 + s), bound)) for s in (-spread, spread))
    return ends[0], ends[1]


def repetition(scenario: Scenario, seed: int) -> Iterator[tuple]:
    """All intervals of one simulated sweep."""
    rng = np.random.default_rng(seed)
    table = simulate_sweep(scenario.truth, rng, scenario.design)
    if scenario.trunks_only:
        branches = table["annealed"].astype(bool) & (table["tokens"] > 0)
        table = table[~branches].drop(columns="annealed")
    options = {"eval_sets": ["general"], "n_draws": N_DRAWS, "seed": seed, "mix": ["schedule"]}
    fit = fitted_to(table, scenario.fitted, **options)
    own = fit if scenario.own == scenario.fitted else fit_laws(table, scenario.own, **options)
    own = replace(own, beyond={}, kriging={})  # who knows that the law is true fears no misfit
    for region in ((1, 1), *scenario.outside):
        for size, tokens in settings(scenario.design, region):
            asked = ask(fit, scenario.truth, size, tokens)
            told = ask(own, scenario.truth, size, tokens)
            for (quantity, truth, ends, point), (_, _, own_ends, _) in zip(
                asked, told, strict=True
            ):
                yield region, quantity, truth, ends, own_ends, residual_only(fit, quantity, point)


def fitted_to(table, laws: str, **options) -> FitResult:
    """The fit of these laws, as a scenario names them."""
    if not laws.startswith(WITHOUT):
        return fit_laws(table, laws, **options)
    every, left_out = stack.candidates, laws.removeprefix(WITHOUT)

    def without(selection):
        return tuple(law for law in every(selection) if law.name != left_out)

    with patch.object(stack, "candidates", without):
        return fit_laws(table, "auto", **options)


@contextmanager
def hurried() -> Iterator[None]:
    """With a shorter search, and without what the intervals of one law do not read.

    Whether the search finds the optimum is tested elsewhere. Left out are lmfit's standard errors,
    the law of the base losses, which are given here, what each law of a stack says at the target,
    and the splits by ratio: a stack is weighed by sizes and budgets alone. All this takes a third
    of the time.
    """
    every = held_out.splits

    def beyond_range(rows):
        return {name: mask for name, mask in every(rows).items() if "ratio" not in name}

    with (
        patch.object(stack, "Settings", partial(Settings, n_starts=64, n_polish=2)),
        patch.object(held_out, "splits", beyond_range),
        patch.multiple(
            api,
            standard_errors=lambda fit: [],
            fit_base=lambda *_: (),
            with_laws_at_target=lambda result, *_: result,
        ),
    ):
        yield


def simulate(names: Iterable[str], repetitions: int, records: Path) -> list[dict]:
    """The rows of the table for these scenarios; what is recorded already is not run again."""
    done = read(records)
    with hurried():
        for seed, name in product(range(repetitions), names):
            if (name, seed) in done:
                continue
            found = [
                (*region, quantity, *map(float, (truth, *ends, *own, *naive)))
                for region, quantity, truth, ends, own, naive in repetition(EVERY[name], seed)
            ]
            done[name, seed] = found
            with records.open("a") as file:
                file.write(json.dumps([name, seed, found]) + "\n")
    return [row for name in names for row in table(name, done, repetitions)]


def read(records: Path) -> dict[tuple[str, int], list[Any]]:
    """Intervals by scenario and seed."""
    lines = records.read_text().splitlines() if records.is_file() else []
    return {(name, seed): found for name, seed, found in map(json.loads, lines)}


def table(name: str, done: dict[tuple[str, int], list[Any]], repetitions: int) -> list[dict]:
    """The rows of one scenario, from the repetitions that are there."""
    seeds = [seed for seed in range(repetitions) if (name, seed) in done]
    tallies = defaultdict(Tally)
    for seed in seeds:
        for size, tokens, quantity, truth, *ends in done[name, seed]:
            tallies[(size, tokens), quantity].add(truth, ends[:2], ends[2:4], ends[4:])
    return [
        {
            "scenario": name, "fitted": EVERY[name].fitted, "region": spelled(region),
            "quantity": quantity, "repetitions": len(seeds), "intervals": len(t.covered),
            "coverage": f"{np.mean(t.covered):.3f}", "median_width": f"{np.median(t.width):.4g}",
            "width_to_true_law": f"{np.median(t.width) / np.median(t.own_width):.2f}",
            "interval_score": f"{np.mean(t.score):.4g}",
            "score_residual_only": f"{np.mean(t.naive_score):.4g}",
        }
        for (region, quantity), t in tallies.items()
    ]  # fmt: skip


def spelled(region: tuple[float, float]) -> str:
    return "in range" if region == (1, 1) else f"{region[0]:g}x size, {region[1]:g}x tokens"


def update(path: Path, rows: list[dict]) -> None:
    """Replace the rows of these scenarios in the table."""
    names = {row["scenario"] for row in rows}
    kept = []
    if path.is_file():
        with path.open(newline="") as file:
            kept = [row for row in csv.DictReader(file) if row["scenario"] not in names]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(kept + rows, key=lambda row: row["scenario"]))


def main() -> None:
    """Run the scenarios asked for, seed by seed, and update the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--scenario", nargs="*", default=list(EVERY), choices=list(EVERY))
    parser.add_argument("--records", type=Path, default=Path("simulated.jsonl"))
    parser.add_argument("--table", type=Path, default=TABLE)
    arguments = parser.parse_args()
    rows = simulate(arguments.scenario, arguments.repetitions, arguments.records)
    update(arguments.table, rows)


if __name__ == "__main__":
    main()
