"""Facts of the table that a recommendation needs and a law does not: size counts, measured ends."""

import platform
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from mixlaw.fit.law_fit import LawFit, levels
from mixlaw.fit.selection import Selection
from mixlaw.laws import Array
from mixlaw.roles import Roles
from mixlaw.runs.table import SHARE, UNIQUE_TOKENS, corpora_of
from mixlaw.runs.views import domain_corpora, losses_by_run


def facts(frame: pd.DataFrame, roles: Roles) -> dict[str, Any]:
    """What ``FitResult.about`` keeps of a validated table.

    Returns:
        ``n_params_total``: pairs of non-embedding and total parameters, by size.
        ``longest_runs``: of the largest size at its longest budget, every mixture's ``run_id``,
        ``domain_ratio``, ``domain`` and ``general`` loss and the ``rise`` of the latter over the
        base (null where the base was not measured).
        ``epochs``: by corpus, the most passes over it in any run, where its size is known.
        ``tokenizers``: the tokenizers that losses were measured with, where they are named.
        ``bytes_per_token``: by eval set, where ``bpb`` tells.
    """
    good = frame[frame["flag"] == ""]
    return {
        "n_params_total": _totals(good),
        "longest_runs": _longest(good, roles),
        "epochs": _epochs(good),
        "tokenizers": _tokenizers(good),
        "bytes_per_token": _bytes_per_token(good),
    }


def _totals(frame: pd.DataFrame) -> list[list[float]]:
    if "n_params_total" not in frame:
        return []
    pairs = frame[["n_params", "n_params_total"]].dropna().drop_duplicates().sort_values("n_params")
    return [[float(size), float(total)] for size, total in pairs.to_numpy()]


def _epochs(frame: pd.DataFrame) -> dict[str, float]:
    known = [c for c in corpora_of(frame) if f"{UNIQUE_TOKENS}{c}" in frame]
    passes = {c: frame["tokens"] * frame[SHARE + c] / frame[UNIQUE_TOKENS + c] for c in known}
    return {corpus: float(seen.max()) for corpus, seen in passes.items() if seen.notna().any()}


def _tokenizers(frame: pd.DataFrame) -> list[str]:
    if "tokenizer" not in frame:
        return []
    return sorted(set(frame["tokenizer"].dropna().astype(str)) - {""})


def _bytes_per_token(frame: pd.DataFrame) -> dict[str, float]:
    if "bpb" not in frame:
        return {}
    known = frame[frame["bpb"] > 0]
    per_token = known["loss"] / (known["bpb"] * np.log(2))
    return {
        str(name): float(b) for name, b in per_token.groupby(known["eval_set"]).median().items()
    }


def _longest(frame: pd.DataFrame, roles: Roles) -> list[dict[str, Any]]:
    if not domain_corpora(roles, corpora_of(frame)):
        return []
    largest = frame[frame["n_params"] == frame["n_params"].max()]
    losses = losses_by_run(largest, roles)
    base = losses[losses.index.get_level_values("tokens") == 0]["general"].mean()
    ends = largest[largest["tokens"] == largest["tokens"].max()].drop_duplicates("run_id")
    ratios = roles.domain_ratio(ends)
    runs = []
    for (_, row), ratio in zip(ends.iterrows(), ratios, strict=True):
        loss = losses.loc[(row["run_id"], row["tokens"])]
        runs.append(
            {
                "run_id": row["run_id"],
                "domain_ratio": float(ratio),
                "domain": float(loss["domain"]),
                "general": float(loss["general"]),
                "rise": float(loss["general"] - base),
            }
        )
    return runs


PACKAGES = ("mixlaw", "numpy", "scipy", "pandas", "lmfit")


def coverage(selection: Selection, fits: Mapping[str, LawFit]) -> dict[str, Any]:
    """The fields of ``FitResult`` that say what was fitted: corpora, ranges, levels, rows."""
    settings = _settings(selection)
    parts = [part for fit in fits.values() for part in fit.parts]
    bases = sum(int((part.rows.x["D"] == 0).sum()) for part in parts)
    ratios = {name: rows.x["R"] for name, rows in selection.rows.items() if "R" in rows.x}
    return {
        "corpora": selection.corpora,
        "domain_corpora": selection.domain_corpora,
        "own": selection.own,
        "ranges": {name: _ends(values) for name, values in settings.items()},
        "levels": {name: levels(values) for name, values in settings.items()},
        "ratio_ranges": {name: _ends(values) for name, values in ratios.items()},
        "highest": {name: _highest(selection, name) for name in selection.rows},
        "rows_used": sum(map(len, selection.rows.values())) + bases,
        "rows_left_out": selection.left_out,
    }


def _highest(selection: Selection, eval_set: str) -> float:
    """The highest loss that the table can support, nats.

    No loss was measured above the highest, and none rose above its base by more than the largest
    rise: a prediction may go as much higher once more. Without bases, half the measured range.
    """
    rows, base = selection.rows[eval_set], selection.base[eval_set]
    highest = float(max(rows.loss.max(), base.loss.max() if len(base) else 0.0))
    if "L0" in rows.x:
        return highest + max(0.0, float((rows.loss - rows.x["L0"]).max()))
    return highest + float(np.ptp(rows.loss)) / 2


def _settings(selection: Selection) -> dict[str, Array]:
    """Values of every setting over all fitted rows, by the names of the runs table."""
    every = list(selection.rows.values())
    size, tokens = (np.concatenate([rows.x[name] for rows in every]) for name in ("N", "D"))
    settings = {"n_params": size, "tokens": tokens, "tokens_per_param": tokens / size}
    settings["compute"] = size * tokens
    for i, corpus in enumerate(selection.corpora):
        settings[f"share.{corpus}"] = np.concatenate([rows.x["h"][i] for rows in every])
    return settings


def _ends(values: Array) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def versions() -> dict[str, str]:
    """Python and the packages that the numbers come from."""
    return {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}


def checklist(selection: Selection, fits: Mapping[str, LawFit]) -> dict[str, object]:
    """What more than half of the papers leave out (arXiv 2502.18969), filled in."""
    parts = {name: fit.parts for name, fit in fits.items()}
    return {
        **selection.checklist,
        "objective": "Huber loss of log residuals, weighted sum",
        "delta": {name: of_set[0].problem.delta for name, of_set in parts.items()},
        "objective_value": {
            name: [float(part.solution.objective[0]) for part in of_set]
            for name, of_set in parts.items()
        },
        "evaluations": {
            name: [asdict(part.problem.effort) for part in of_set] for name, of_set in parts.items()
        },
        "correlation_within_trunks": {
            name: [part.noise.correlation for part in of_set] for name, of_set in parts.items()
        },
        "rows": {name: len(rows) for name, rows in selection.rows.items()},
        "trunks": len(selection.trunks),
        "exclusions": selection.left_out,
        "intervals": "resampled residual paths of whole trunks, refitted",
    }
