"""The runs table for other tools: final losses, as ``chinchilla`` or ``simple-scaling-laws`` want.

``chinchilla`` (PyPI, 0.2) reads the columns ``C, N, D, loss`` of ``df.csv`` in its project folder;
C is 6ND where it is not measured. ``simple-scaling-laws`` (PyPI, 0.2) infers roles from prefixes,
and wants one row per trained model. Both know no mixtures; the shares are columns to filter on.
"""

from typing import TYPE_CHECKING

from mixlaw.errors import ConfigError, unknown_name

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("chinchilla", "simple-scaling-laws")

#: Spreadsheets run a cell that starts with one of these as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export(frame: "pd.DataFrame", to: str, eval_set: str | None = None) -> "pd.DataFrame":
    """The table in another tool's columns: one row per run, its final losses.

    Args:
        frame: a validated runs table.
        to: ``chinchilla`` or ``simple-scaling-laws``.
        eval_set: the loss to export, where the tool holds one.

    Raises:
        ConfigError: no such format or eval set, or the table holds several and none was chosen.
    """
    if to not in FORMATS:
        raise ConfigError(unknown_name("export format", to, FORMATS))
    final = final_rows(frame)
    known = sorted(final["eval_set"].unique())
    if eval_set is not None and eval_set not in known:
        raise ConfigError(unknown_name("eval set", eval_set, known))
    if to == "chinchilla":
        if eval_set is None and len(known) != 1:
            raise ConfigError(
                f"chinchilla reads one loss, and the table has {', '.join(known)}; add --eval-set."
            )
        return _chinchilla(final[final["eval_set"] == (eval_set or known[0])])
    return _simple_scaling_laws(final if eval_set is None else final[final["eval_set"] == eval_set])


def final_rows(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Unflagged rows of finished training: annealed ones, or else the last of every run and set.

    Raises:
        ConfigError: there is none.
    """
    rows = frame[(frame["flag"] == "") & (frame["tokens"] > 0)]
    if "annealed" in rows and rows["annealed"].any():
        rows = rows[rows["annealed"].astype(bool)]
    last = rows.groupby(["run_id", "eval_set"])["tokens"].transform("max")
    final = rows[rows["tokens"] == last]
    if final.empty:
        raise ConfigError("The table has no unflagged row of a trained run to export.")
    return final


def csv_safe(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The table with text that a spreadsheet would run as a formula made plain by an apostrophe."""
    safe = frame.copy()
    for column in safe.select_dtypes(include=["object", "string"]):
        safe[column] = safe[column].map(_neutral)
    return safe.rename(columns=_neutral)


def _neutral(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _shares(frame: "pd.DataFrame") -> list[str]:
    return [column for column in frame.columns if column.startswith("share.")]


def _chinchilla(final: "pd.DataFrame") -> "pd.DataFrame":
    flops = 6 * final["n_params"] * final["tokens"]
    if "flops" in final:
        flops = final["flops"].fillna(flops)
    renamed = final.rename(columns={"n_params": "N", "tokens": "D"}).assign(C=flops)
    return renamed[["C", "N", "D", "loss", "run_id", *_shares(final)]]


def _simple_scaling_laws(final: "pd.DataFrame") -> "pd.DataFrame":
    """Wide over eval sets, which must have their last loss at the same tokens."""
    index = ["run_id", "n_params", "tokens", *_shares(final)]
    if "seed" in final and final["seed"].notna().all():
        index.append("seed")
    wide = final.pivot_table(index=index, columns="eval_set", values="loss").reset_index()
    names = {
        "run_id": "training_run_id",
        "n_params": "model_size__n_params",
        "tokens": "dataset_size__n_tokens",
        "seed": "optimizer_seed",
    }
    wide = wide.rename(columns=lambda name: names.get(name, name))
    losses = {name: f"test_loss__{name}" for name in final["eval_set"].unique()}
    return wide.rename(columns=losses).rename_axis(columns=None)
