"""The forward test of an experiment: predict its largest size before its runs are trained.

``python experiments/forward_test.py predict FOLDER --bound NATS`` fits every size but the largest
and every budget but the longest, and writes what is expected of the largest size:
``predictions.csv`` (losses at every share and budget), ``predicted_ratios.csv`` (the largest domain
share whose general loss rises by no more than the bound) and the fit itself. Of the largest size
only its base is known, as it is to anybody about to continue one. ``score FOLDER`` holds both
tables against the measured ``runs.csv``: ``scores.csv`` and ``measured_ratios.csv``.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator

from mixlaw import FitResult, fit_laws, read_runs, recommend_ratio

#: The tool's own stack, its default law, and the law that starts at the measured base loss.
LAWS = ("auto", "dcpt", "dcpt-anchored")
EVAL_SETS = ("domain", "general")
CELL = ["eval_set", "domain_ratio", "tokens"]


def annealed(runs: pd.DataFrame) -> pd.DataFrame:
    """Annealed end points, replicates averaged, with their domain ratio."""
    rows = runs[(runs["tokens"] > 0) & (runs["annealed"] == 1) & (runs["flag"] == "")]
    rows = rows.assign(domain_ratio=rows["share.domain"].round(6))
    return rows.groupby([*CELL, "n_params"], as_index=False)["loss"].mean()


def measured_losses(runs: pd.DataFrame, size: float) -> pd.DataFrame:
    """Annealed end points of one size."""
    rows = annealed(runs)
    return rows[rows["n_params"] == size].reset_index(drop=True)


def bases(runs: pd.DataFrame) -> pd.DataFrame:
    """Base losses by size (index) and eval set (columns), replicates averaged."""
    rows = runs[runs["tokens"] == 0]
    return rows.pivot_table(index="n_params", columns="eval_set", values="loss")


def known_part(runs: pd.DataFrame, size: float, budget: float) -> pd.DataFrame:
    """The rows of smaller sizes and shorter budgets."""
    return runs[(runs["n_params"] < size) & (runs["tokens"] < budget)].reset_index(drop=True)


def predicted_losses(
    fit: FitResult, size: float, base: pd.Series, cells: pd.DataFrame
) -> pd.DataFrame:
    """Expected losses with 90% intervals at the cells of one size.

    ``low`` and ``high`` are of the law; ``run_low`` and ``run_high`` of a single run, which adds
    the spread of the residuals.
    """
    found = []
    noise = np.random.default_rng(0)
    for eval_set in EVAL_SETS:
        share = cells["domain_ratio"].to_numpy()
        expected = fit.predict(
            eval_set,
            size,
            cells["tokens"].to_numpy(),
            {"domain": share, "general": 1 - share},
            base_loss=base[eval_set],
            carry_size=True,
        )
        low, high = expected.interval()
        runs = expected.draws * np.exp(
            fit.sigma[eval_set] * noise.normal(size=expected.draws.shape)
        )
        run_low, run_high = np.quantile(runs, [0.05, 0.95], axis=0)
        columns = {"predicted": expected.estimate, "low": low, "high": high}
        columns |= {"run_low": run_low, "run_high": run_high}
        found.append(cells.assign(eval_set=eval_set, **columns))
    return pd.concat(found, ignore_index=True)


def predicted_ratios(
    fit: FitResult, size: float, base: pd.Series, budgets: list[float], bound: float
) -> pd.DataFrame:
    """The critical ratio at every budget, with its 90% interval."""
    found = []
    for reference in ("base", "control"):
        for tokens in budgets:
            answer = recommend_ratio(
                fit,
                n_params=size,
                tokens=tokens,
                max_general_rise=bound,
                reference=reference,
                base_general_loss=base["general"],
                base_domain_loss=base["domain"],
            )
            low, high = answer.interval
            found.append((reference, tokens, bound, answer.estimate, low, high))
    names = ["reference", "tokens", "bound", "predicted", "low", "high"]
    return pd.DataFrame(found, columns=names)


def naive_losses(known: pd.DataFrame, base: pd.DataFrame, size: float) -> dict[str, pd.Series]:
    """Predictions without a law by (eval set, share, tokens), for the budgets that are known.

    ``next-smaller-size`` repeats its loss, ``same-change`` its change from its own base;
    ``log-linear`` draws a line in log size through the losses of all sizes, ``log-linear-change``
    through their changes; ``constant`` is the mean of all losses.
    """
    table = annealed(known).pivot_table(index=CELL, columns="n_params", values="loss")
    eval_set = table.index.get_level_values("eval_set")
    start = base.T.loc[eval_set].set_index(table.index)
    change = table - start[table.columns]
    return {
        "next-smaller-size": table[table.columns.max()],
        "same-change": change[table.columns.max()] + start[size],
        "log-linear": _line(table, size),
        "log-linear-change": _line(change, size) + start[size],
        "constant": table.mean(axis=1).groupby("eval_set").transform("mean"),
    }


def _line(table: pd.DataFrame, size: float) -> pd.Series:
    """Straight lines in log size through every row, at another size."""
    slope, level = np.polyfit(np.log(table.columns.to_numpy(dtype=float)), table.to_numpy().T, 1)
    return pd.Series(slope * np.log(size) + level, table.index)


def at_nearest_budget(losses: pd.Series, cells: pd.DataFrame) -> np.ndarray:
    """Losses at these cells; the nearest known budget stands in for one that is not."""
    known = np.unique(losses.index.get_level_values("tokens"))
    nearest = [known[np.abs(np.log(known / tokens)).argmin()] for tokens in cells["tokens"]]
    keys = cells.assign(tokens=nearest)[CELL]
    return losses.reindex(pd.MultiIndex.from_frame(keys)).to_numpy()


def with_exact_budgets(table: pd.DataFrame, budgets: pd.Series) -> pd.DataFrame:
    """A table whose token counts were written with fewer digits, with those of the runs."""
    exact = np.unique(budgets)
    nearest = [exact[np.abs(exact - tokens).argmin()] for tokens in table["tokens"]]
    return table.assign(tokens=nearest)


def critical_ratio(ratios: np.ndarray, rises: np.ndarray, bound: float) -> float:
    """Largest ratio whose measured rise stays within the bound; monotone cubics in between."""
    axis = np.linspace(ratios.min(), ratios.max(), 2001)
    allowed = axis[PchipInterpolator(ratios, rises)(axis) <= bound]
    return float(allowed.max()) if len(allowed) else float("nan")


def measured_ratios(rows: pd.DataFrame, base: pd.Series, asked: pd.DataFrame) -> pd.Series:
    """The measured critical ratio of every row of ``predicted_ratios``."""
    general = rows[rows["eval_set"] == "general"].pivot_table(
        index="tokens", columns="domain_ratio", values="loss"
    )
    found = []
    for _, row in asked.iterrows():
        losses = general.loc[row["tokens"]]
        reference = base["general"] if row["reference"] == "base" else losses[0.0]
        rises = losses.to_numpy() - reference
        found.append(critical_ratio(losses.index.to_numpy(), rises, row["bound"]))
    return pd.Series(found, asked.index)


def predict(folder: Path, bound: float, draws: int) -> None:
    """Write the predictions and the fits that they are from."""
    runs = read_runs(folder / "runs.csv")
    base = bases(runs)
    size = float(base.index.max())
    budgets = sorted(annealed(runs)["tokens"].unique())
    known = known_part(runs, size, budgets[-1])
    shares = sorted(annealed(known)["domain_ratio"].unique())
    cells = pd.MultiIndex.from_product([shares, budgets], names=CELL[1:]).to_frame(index=False)
    losses, ratios = [], []
    for law in LAWS:
        fit = fit_laws(known, law, n_draws=draws)
        fit.save(Path("fits") / f"{folder.name}-forward" / law)
        losses.append(predicted_losses(fit, size, base.loc[size], cells).assign(law=law))
        ratios.append(predicted_ratios(fit, size, base.loc[size], budgets, bound).assign(law=law))
    for name, tables in {"predictions": losses, "predicted_ratios": ratios}.items():
        table = pd.concat(tables).assign(n_params=size)
        table.to_csv(folder / f"{name}.csv", index=False, float_format="%.8g")


def score(folder: Path) -> None:
    """Hold the predictions against what was measured since."""
    runs = read_runs(folder / "runs.csv")
    base = bases(runs)
    budgets = annealed(runs)["tokens"]
    predicted = with_exact_budgets(pd.read_csv(folder / "predictions.csv"), budgets)
    size, longest = predicted["n_params"].max(), predicted["tokens"].max()
    measured = measured_losses(runs, size)
    known = known_part(runs, size, longest)
    scored = predicted.merge(measured[[*CELL, "loss"]], on=CELL)
    for name, losses in naive_losses(known, base, size).items():
        guess = measured.assign(law=name, predicted=at_nearest_budget(losses, measured))
        scored = pd.concat([scored, guess], ignore_index=True)
    scored["budget"] = np.where(scored["tokens"] < longest, "seen", "longest")
    every = [_scores(part, key) for key, part in scored.groupby(["law", "eval_set", "budget"])]
    pd.DataFrame(every).to_csv(folder / "scores.csv", index=False, float_format="%.4g")
    ratios = with_exact_budgets(pd.read_csv(folder / "predicted_ratios.csv"), budgets)
    ratios["measured"] = measured_ratios(measured, base.loc[size], ratios)
    ratios["inside"] = ratios["measured"].between(ratios["low"], ratios["high"])
    ratios.to_csv(folder / "measured_ratios.csv", index=False, float_format="%.8g")


def _scores(rows: pd.DataFrame, key: tuple[str, ...]) -> dict[str, object]:
    relative = rows["predicted"] / rows["loss"] - 1
    inside = rows["loss"].between(rows["low"], rows["high"]).mean()
    run_inside = rows["loss"].between(rows["run_low"], rows["run_high"]).mean()
    return {
        **dict(zip(("law", "eval_set", "budget"), key, strict=True)),
        "n": len(rows),
        "error": relative.abs().mean(),
        "bias": relative.mean(),
        "largest": relative.abs().max(),
        "covered": inside if rows["low"].notna().all() else np.nan,
        "run_covered": run_inside if rows["low"].notna().all() else np.nan,
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=["predict", "score"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bound", type=float, default=0.05, help="allowed rise, nats")
    parser.add_argument("--draws", type=int, default=500)
    asked = parser.parse_args()
    if asked.step == "predict":
        predict(asked.folder, asked.bound, asked.draws)
    else:
        score(asked.folder)


if __name__ == "__main__":
    main()
