"""What the stack says about held-out rows of published tables; writes ``real.csv``.

    python tests/coverage/real.py [--table NAME ...] [--sets 4] [--law auto]

The tables lie in the folder that MIXLAW_DATA names. For each, rows are held out as its source calls
for (larger sizes, longer budgets, unseen mixtures), every law is fitted to the rest, and errors and
coverage are averaged over eval sets.
"""

import argparse
import csv
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from mixlaw import laws
from mixlaw.errors import FitError
from mixlaw.fit.api import fit_laws
from mixlaw.fit.compare import candidates, not_offered
from mixlaw.fit.held_out import next_smaller_size
from mixlaw.fit.law_fit import fit_law
from mixlaw.fit.row_fit import Settings
from mixlaw.fit.selection import select
from mixlaw.roles import Roles
from mixlaw.runs.table import corpora_of, read_runs, validate_runs

DATA = Path(os.environ.get("MIXLAW_DATA", Path(__file__).parents[2] / "../shared/data"))
TABLE = Path(__file__).with_name("real.csv")
LEVEL, N_DRAWS = 0.9, 100
COLUMNS = (
    "table", "eval_sets", "rows_fitted", "rows_held_out", "coverage", "median_width", "stack_error",
    "best_law", "best_law_error", "to_best_law", "next_smaller_size", "chinchilla", "constant",
    "stack", "seconds",
)  # fmt: skip

Split = Callable[[pd.DataFrame], pd.Series]


def largest_size(frame: pd.DataFrame) -> pd.Series:
    return frame["n_params"] == frame["n_params"].max()


def twelve_mixtures(frame: pd.DataFrame) -> pd.Series:
    """Runs of twelve mixtures drawn with a fixed seed."""
    mixture = frame.filter(like="share.").round(4).apply(tuple, axis=1)
    drawn = np.random.default_rng(0).permutation(sorted(set(mixture)))[:12]
    return mixture.isin([tuple(m) for m in drawn])


def over_300m(frame: pd.DataFrame) -> pd.Series:
    return frame["n_params"] > 300e6


def two_largest_budgets(frame: pd.DataFrame) -> pd.Series:
    return frame["budget"].isin(sorted(frame["budget"].unique())[-2:])


def test_file(frame: pd.DataFrame) -> pd.Series:
    return frame["run_id"].str.startswith("test")


SPLITS: dict[str, Split] = {
    "pile_5mix": largest_size,
    "slimpajama_small": twelve_mixtures,
    "overtrain_small": over_300m,
    "isoflops": two_largest_budgets,
    "regmix": test_file,
}
#: Checkpoints kept of a run, log-spaced: neighbours add nothing.
CHECKPOINTS = 6


def read(name: str) -> pd.DataFrame:
    """A published table; the two files of regmix as one, without rows flagged by its source."""
    files = ["regmix_1m_train", "regmix_1m_test"] if name == "regmix" else [name]
    frame = validate_runs(pd.concat([read_runs(DATA / f"{f}.csv") for f in files]))
    return thinned(frame[frame["flag"] == ""])


def thinned(frame: pd.DataFrame) -> pd.DataFrame:
    """The last row of every log-spaced part of a run."""
    frame = frame.sort_values("tokens")
    runs = frame.groupby(["run_id", "eval_set"])["tokens"]
    low, high = np.log(runs.transform("min")), np.log(runs.transform("max"))
    part = np.floor((CHECKPOINTS - 1) * (np.log(frame["tokens"]) - low) / (high - low).clip(1e-9))
    return frame[~frame.assign(part=part).duplicated(["run_id", "eval_set", "part"], keep="last")]


def score(frame: pd.DataFrame, held: pd.Series, eval_set: str, law: str) -> dict:
    """Errors and coverage of one eval set."""
    known = frame[~held]
    fit = fit_laws(known, law, eval_sets=[eval_set], n_draws=N_DRAWS, mix=["schedule"])
    plain = laws.load("constant")
    settings = Settings(corpora_of(frame))
    every = select(frame.drop(columns="annealed", errors="ignore"), plain, Roles(), [eval_set])
    of_known = select(known.drop(columns="annealed", errors="ignore"), plain, Roles(), [eval_set])
    keys = known.loc[known["eval_set"] == eval_set]
    rows, seen = every.rows[eval_set], of_known.rows[eval_set]
    wanted = rows.where(held[frame["eval_set"] == eval_set].to_numpy())
    shares = dict(zip(fit.corpora, wanted.x.get("h", []), strict=True))
    said = fit.predict(eval_set, wanted.x["N"], wanted.x["D"], shares, carry_size=True)
    noise = np.random.default_rng(0).normal(size=said.draws.shape)
    draws = said.draws * np.exp(noise * fit.sigma[eval_set])
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    errors = {}
    for candidate in candidates(of_known):
        if candidate.inputs and not not_offered(candidate, seen):
            try:
                predicted = fit_law(candidate, seen, settings).predict(wanted.x)
            except FitError:
                continue
            errors[candidate.name] = relative(predicted, wanted.loss)
    constant = relative(np.exp(np.log(seen.loss).mean()), wanted.loss)
    look_up = relative(next_smaller_size(seen, wanted).loss, wanted.loss)
    inside = (low <= wanted.loss) & (wanted.loss <= high)
    return {
        "rows": (len(keys), len(wanted)), "covered": np.mean(inside),
        "width": np.median((high - low) / wanted.loss),
        "stack": relative(said.estimate, wanted.loss),
        "laws": errors, "constant": constant, "look_up": look_up,
        "weights": {m.law: m.weight for m in fit.members(eval_set)},
    }  # fmt: skip


def relative(predicted: np.ndarray, measured: np.ndarray) -> float:
    """Mean absolute relative error over the rows that have a prediction; nan if none has."""
    error = np.abs(predicted / measured - 1)
    error = error[np.isfinite(error)]
    return float(error.mean()) if len(error) else float("nan")


def tables(names: list[str], n_sets: int, law: str) -> Iterator[dict]:
    """One line per table."""
    for name in names:
        start, frame = time.process_time(), read(name)
        sets = sorted(frame["eval_set"].unique())
        sets = [s for s in sets if "log_loss" not in s][:: max(1, len(sets) // n_sets)][:n_sets]
        found = []
        for eval_set in sets:
            own = frame[frame["eval_set"] == eval_set]
            found.append(score(own, SPLITS[name](own), eval_set, law))
            sys.stderr.write(f"{name} {eval_set} {found[-1]}\n")
        yield line(name, found, time.process_time() - start)


def line(name: str, found: list[dict], seconds: float) -> dict:
    shared = set.intersection(*(set(f["laws"]) for f in found))
    mean = {law: np.mean([f["laws"][law] for f in found]) for law in shared}
    best = min(mean, key=lambda law: mean[law])
    stack = np.mean([f["stack"] for f in found])
    used = sorted({law for f in found for law in f["weights"]})
    return {
        "table": name, "eval_sets": len(found),
        "rows_fitted": sum(f["rows"][0] for f in found),
        "rows_held_out": sum(f["rows"][1] for f in found),
        "coverage": f"{np.mean([f['covered'] for f in found]):.3f}",
        "median_width": f"{np.mean([f['width'] for f in found]):.4f}",
        "stack_error": f"{stack:.5f}", "best_law": best, "best_law_error": f"{mean[best]:.5f}",
        "to_best_law": f"{stack / mean[best]:.2f}",
        "next_smaller_size": f"{np.nanmean([f['look_up'] for f in found]):.5f}",
        "chinchilla": f"{mean.get('chinchilla', float('nan')):.5f}",
        "constant": f"{np.mean([f['constant'] for f in found]):.5f}",
        "stack": " ".join(used), "seconds": f"{seconds:.0f}",
    }  # fmt: skip


def main() -> None:
    """Run the tables asked for and update the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", nargs="*", default=list(SPLITS), choices=list(SPLITS))
    parser.add_argument("--sets", type=int, default=4)
    parser.add_argument("--law", default="auto")
    arguments = parser.parse_args()
    for row in tables(arguments.table, arguments.sets, arguments.law):
        kept = []
        if TABLE.is_file():
            with TABLE.open(newline="") as file:
                kept = [old for old in csv.DictReader(file) if old["table"] != row["table"]]
        with TABLE.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(sorted([*kept, row], key=lambda r: r["table"]))


if __name__ == "__main__":
    main()
