"""What the studies at hand say of forgetting; rewrites their lines of ``studies.csv``.

    PYTHONPATH=experiments python experiments/what_studies_say.py

The forgetting law is fitted to every study's cells up to a domain share of .9, beyond which the
offset e rules, under a prior that no study speaks in. Lines of studies whose curves are not at hand
stay as they are.
"""

import csv
from pathlib import Path

import numpy as np
from study_curves import OWN, ROOT, Study, studies

from mixlaw.fit.prior.posterior import THETA, Evidence, sample
from mixlaw.fit.prior.studies import DOMAIN_SCALE, FACTS, LEFT_OVER, vague
from mixlaw.runs.cells import Cell
from mixlaw.runs.table import read_runs

#: The largest domain share fitted, and of the domain loss the smallest.
LARGEST, SMALLEST = 0.9, 0.1
TABLE = ROOT / "mixlaw/fit/prior" / FACTS


def lines(study: Study, side: str) -> list[dict[str, object]]:
    """The facts of one study on one loss; ln e is left out, which these shares do not tell."""
    points = np.array([row for cell in study.cells for row in _rows(study, cell, side)])
    scale = study.base_tokens * (DOMAIN_SCALE if side == "domain" else 1.0)
    cell, slope = LEFT_OVER[side]
    evidence = Evidence(*points.T, scale=scale, cell=cell, cell_slope=slope)
    posterior = sample(evidence, vague(side).parameters, 2000, 0)
    draws = np.hstack([posterior.theta, posterior.control])
    n_params, tokens = evidence.centre
    return [
        {
            "study": study.name, "side": side, "parameter": name, "value": f"{values.mean():.3g}",
            "error": f"{values.std():.2g}",
            "provenance": f"own fit to {len(points)} losses, middle at {n_params:.2g} parameters "
            f"and {tokens:.2g} tokens",
            "source": _source(study), "use": "yes",
        }
        for name, values in zip((*THETA, "w", "q"), draws.T, strict=True) if name != "ln_e"
    ]  # fmt: skip


def _source(study: Study) -> str:
    return OWN[study.name][0] if study.name in OWN else "arXiv 2407.17467v2 Table 4 (second-hand)"


def _rows(study: Study, cell: Cell, side: str) -> list[tuple[float, ...]]:
    if side == "general":
        return [
            (cell.n_params, cell.tokens, 1 - ratio, loss - cell.base)
            for ratio, loss in zip(cell.ratios, cell.general, strict=True) if ratio <= LARGEST
        ]  # fmt: skip
    frame = read_runs(ROOT / OWN[study.name][0])
    bases = frame[(frame["tokens"] == 0) & (frame["eval_set"] == "domain")]
    base = float(bases[bases["n_params"] == cell.n_params]["loss"].mean())
    return [
        (cell.n_params, cell.tokens, ratio, loss - base)
        for ratio, loss in zip(cell.ratios, cell.domain, strict=True)
        if ratio >= SMALLEST and np.isfinite(loss)
    ]


def main() -> None:
    """Write the lines of all studies at hand anew."""
    every = studies()
    made = [line for study in every for line in lines(study, "general")]
    made += [line for study in every if study.name in OWN for line in lines(study, "domain")]
    new = {(line["study"], line["side"], line["parameter"]) for line in made}
    with TABLE.open(newline="") as file:
        kept = [
            line for line in csv.DictReader(file)
            if (line["study"], line["side"], line["parameter"]) not in new
        ]  # fmt: skip
    with Path(TABLE).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(made[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows([*kept, *made])


if __name__ == "__main__":
    main()
