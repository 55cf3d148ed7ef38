"""Learning rates of the reference experiment, measured before it: base peaks, and the re-warming.

``python lr_scan.py base`` sweeps the coefficient of ``coefficient / width`` at three sizes and
writes ``lr_scan.csv``: the held-out general loss of each base. ``python lr_scan.py rewarm`` sweeps
the re-warmed peak of continual pre-training at the smallest size and writes ``rewarm_scan.csv``:
both held-out losses at every budget. Work files go to ``scans/`` in the working directory; what is
trained already is not trained again.
"""

import logging
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from mixlaw import run_sweep

HERE = Path(__file__).parent
COMMON: dict[str, Any] = {
    "corpora": {"domain": {"builtin": "domain"}, "general": {"builtin": "general"}},
    "executor": {"name": "local", "workers": 2},
}
COEFFICIENTS = (0.15, 0.3, 0.6, 1.2)
PEAK_RATIOS = (0.1, 0.3, 1.0)


def base_experiment(coefficient: float) -> dict[str, Any]:
    """Bases of three sizes, a short control run each (a sweep needs one)."""
    return COMMON | {
        "evaluation": {"held_out_tokens": {"general": "48k", "domain": "16k"}, "trunk_points": 1},
        "sizes": ["50k", "100k", "300k"],
        "mixtures": [0],
        "token_budgets": ["32k"],
        "base": {"tokens": "1.5M"},
        "schedule": {"lr": {"coefficient": coefficient, "exponent": -1}},
    }


def rewarm_experiment(peak_ratio: float) -> dict[str, Any]:
    """Continual pre-training of the smallest size from one long base."""
    return COMMON | {
        "evaluation": {"held_out_tokens": {"general": "48k", "domain": "32k"}, "trunk_points": 6},
        "sizes": ["50k"],
        "mixtures": [0, 0.25, 0.75],
        "token_budgets": ["64k", "128k", "256k", "512k"],
        "base": {"tokens": "4M"},
        "schedule": {"lr": {"coefficient": 0.5, "exponent": -1}, "peak_ratio": peak_ratio},
    }


def sweep(folder: Path, experiment: dict[str, Any]) -> pd.DataFrame:
    """The runs table of an experiment."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "experiment.yaml").write_text(yaml.safe_dump(experiment, sort_keys=False))
    table = run_sweep(folder, say=logging.info).table
    return pd.read_csv(table)


def scan_base() -> pd.DataFrame:
    """Held-out general loss of a base by size and coefficient."""
    found = []
    for coefficient in COEFFICIENTS:
        rows = sweep(Path("scans/base"), base_experiment(coefficient))
        rows = rows[(rows["tokens"] == 0) & (rows["eval_set"] == "general")]
        found.append(rows.assign(coefficient=coefficient))
    columns = ["n_params", "coefficient", "lr_peak", "base_tokens", "loss", "loss_se"]
    table = pd.concat(found)
    return table[[name for name in columns if name in table]].sort_values(
        ["n_params", "coefficient"]
    )


def scan_rewarming() -> pd.DataFrame:
    """Held-out losses of continual pre-training by re-warmed peak, share and tokens."""
    found = []
    for peak_ratio in PEAK_RATIOS:
        rows = sweep(Path("scans/rewarm"), rewarm_experiment(peak_ratio))
        found.append(rows.assign(peak_ratio=peak_ratio))
    columns = ["peak_ratio", "n_params", "domain_ratio", "tokens", "annealed", "eval_set", "loss"]
    table = pd.concat(found)
    return table[[name for name in columns if name in table]]


def main(which: str) -> None:
    """Run one scan and write its table beside this file."""
    scans = {"base": ("lr_scan.csv", scan_base), "rewarm": ("rewarm_scan.csv", scan_rewarming)}
    name, scan = scans[which]
    scan().to_csv(HERE / name, index=False, float_format="%.6g")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(sys.argv[1])
