"""The runs table: one row per (run, tokens seen, eval set); training writes it, fitting reads it.

Columns, units and rules are those of the README's table. This module reads, validates, flags and
writes; it knows nothing about where rows come from or what is fitted to them.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mixlaw.errors import DataError
from mixlaw.files import write_atomic, write_atomic_with
from mixlaw.mixture import SUM_TOLERANCE
from mixlaw.runs.views import base_identity

KEY = ("run_id", "tokens", "eval_set")
REQUIRED = ("run_id", "n_params", "tokens", "eval_set", "loss")
SHARE = "share."
UNIQUE_TOKENS = "unique_tokens."

#: Known columns in the order in which they are written; share.* follow ``tokens``.
COLUMNS = (
    "run_id", "n_params", "tokens", "eval_set", "loss", "loss_se", "eval_tokens", "bpb",
    "metric_version", "tokenizer", "seed", "recipe", "token_budget", "annealed", "trunk_id",
    "lr_peak", "lr_ratio", "lr_rule", "schedule", "batch_tokens", "base_id", "base_tokens",
    "n_params_total", "n_params_embedding", "flops", "source", "flag",
)  # fmt: skip
TEXT = frozenset(
    {"run_id", "eval_set", "metric_version", "tokenizer", "recipe", "trunk_id", "lr_rule"}
    | {"schedule", "base_id", "source", "flag"}
)
COUNTS = frozenset(
    {"n_params", "n_params_total", "n_params_embedding", "tokens", "token_budget", "batch_tokens"}
    | {"base_tokens", "eval_tokens", "seed"}
)
#: No loss is larger, and no perplexity, which the doctor recognises.
_MOST_NATS = 1e9
#: No count of parameters or tokens is larger; the command line accepts none either.
_MOST = 1e30
_TRUTH = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


def read_runs(path: Path | str) -> pd.DataFrame:
    """Read and validate a runs table from ``.csv`` or ``.parquet``.

    Returns:
        The validated table, as from ``validate_runs``.

    Raises:
        DataError: the file is missing, is not what its name says, or breaks a rule of the table.
    """
    path = Path(path)
    # Text first: a bad cell is then named as it stands, and "NA" may be somebody's run.
    frame = read_frame(path, f"a runs table needs {', '.join(REQUIRED)}", dtype=str)
    return validate_runs(frame, source=str(path))


def read_frame(path: Path, needs: str, dtype: type[str] | None = None) -> pd.DataFrame:
    """A table as it stands in ``.csv`` or ``.parquet``, unchecked.

    Args:
        path: of the table.
        needs: what is wanted of it, for the sentence about an empty file.
        dtype: of all cells of a CSV; default what each column looks like, empty cells missing.

    Raises:
        DataError: the file is missing or is not what its name says.
    """
    if not path.is_file():
        raise DataError(f"There is no file '{path}'; give a table (.csv or .parquet).")
    if path.suffix not in {".csv", ".parquet"}:
        raise DataError(
            f"'{path}' is neither .csv nor .parquet, the formats of a runs table. "
            f"{_import_hint(str(path))}"
        )
    if path.stat().st_size == 0:
        raise DataError(f"'{path}' is empty; {needs}.")
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        missing = [] if dtype is str else [""]
        return pd.read_csv(
            path, dtype=dtype, keep_default_na=False, na_values=missing, encoding="utf-8-sig"
        )
    except (ValueError, OSError) as error:  # parser, Unicode and Arrow errors are all of these
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        reason = reason.rstrip(".")
        raise DataError(f"'{path}' cannot be read as {path.suffix[1:]}: {reason}.") from error


def validate_runs(frame: pd.DataFrame, source: str = "the runs table") -> pd.DataFrame:
    """Check a table against the contract and bring it into its standard form.

    Shares are renormalised and ``domain_ratio`` is expanded to ``share.domain`` and
    ``share.general``; numbers become float64; ``flag`` is filled where a row should not be fitted.

    Args:
        frame: the table, as read; it is not changed.
        source: how error messages name it.

    Returns:
        A new table with the same number of rows in the same order.

    Raises:
        DataError: a required column is missing, a number is no number, a count or share is out of
            its range, or two different losses stand under one key.
    """
    if len(frame) == 0 or len(frame.columns) == 0:
        raise DataError(f"{source} has no rows; a runs table needs {', '.join(REQUIRED)}.")
    frame = frame.copy().reset_index(drop=True)
    frame.columns = pd.Index([str(column).strip() for column in frame.columns])
    _check_columns(frame, source)
    for column in frame.columns:
        frame[column] = _typed(frame[column], source)
    _check_ranges(frame, source)
    frame = _with_shares(frame, source)
    frame["flag"] = _flags(frame)
    _check_keys(frame, source)
    _check_one_setting(frame, source)
    _check_base_rows(frame, source)
    return frame


def write_runs(frame: pd.DataFrame, path: Path) -> None:
    """Write a validated table: rows by key, columns in standard order, whole or not at all.

    The bytes depend on the rows alone. ``.parquet`` keeps types; ``.csv`` writes whole counts as
    integers and other numbers with the fewest digits that read back exactly.
    """
    ordered = frame[_column_order(frame.columns)].sort_values(list(KEY), kind="stable")
    counts = [c for c in ordered.columns if c in COUNTS or c.startswith(UNIQUE_TOKENS)]
    for column in counts:
        values = ordered[column].dropna()
        if bool(((values % 1 == 0) & (values.abs() < 2**53)).all()):
            ordered[column] = ordered[column].astype("Int64")
    if path.suffix == ".parquet":
        write_atomic_with(path, lambda temporary: ordered.to_parquet(temporary, index=False))
    else:
        write_atomic(path, ordered.to_csv(index=False, lineterminator="\n"))


def corpora_of(frame: pd.DataFrame) -> tuple[str, ...]:
    """Names of the corpora in the mixture, in the order of their ``share.`` columns."""
    return tuple(c.removeprefix(SHARE) for c in frame.columns if c.startswith(SHARE))


def base_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The unflagged rows at tokens = 0: the base models before CPT."""
    return frame[(frame["tokens"] == 0) & (frame["flag"] == "")]


def _check_columns(frame: pd.DataFrame, source: str) -> None:
    twice = sorted(set(frame.columns[frame.columns.duplicated()]))
    if twice:
        raise DataError(f"{source} has the column '{twice[0]}' twice; every column stands once.")
    missing = [column for column in REQUIRED if column not in frame.columns]
    if missing:
        present = ", ".join(_short(str(column)) for column in frame.columns[:12])
        raise DataError(
            f"{source} lacks the column(s) {', '.join(missing)}; it has {present}. "
            f"{_import_hint(source)}"
        )


def _import_hint(source: str) -> str:
    """The one command that makes a runs table of a file."""
    file = source if Path(source).suffix else "FILE"
    return f"This imports it: mixlaw import {shlex.quote(file)}"


def _typed(column: pd.Series, source: str) -> pd.Series:
    """One column in its type: text, truth or float64; an unknown one is text if a cell is."""
    name = str(column.name)
    if name in TEXT:
        return _text(column)
    if name == "annealed":
        return _truth(column, source)
    known = name in COLUMNS or name.startswith((SHARE, UNIQUE_TOKENS)) or name == "domain_ratio"
    if not known and not _is_numeric(column):
        return _text(column)
    return _numbers(column, source)


def _text(column: pd.Series) -> pd.Series:
    """Cells as text without blanks around it; absent ones, also of an empty column, are empty."""
    return column.astype("string").fillna("").astype(str).str.strip()


def _is_numeric(column: pd.Series) -> bool:
    text = column.astype(str).str.strip()
    return bool(pd.to_numeric(text[text != ""], errors="coerce").notna().all())


def _numbers(column: pd.Series, source: str) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.astype("float64")
    text = _text(column)
    values = pd.to_numeric(text, errors="coerce").astype("float64")
    bad = values.isna() & ~text.str.lower().isin(["", "nan", "-nan", "none", "null"])
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"{source}, row {row + 1}: '{_short(text.iloc[row])}' in column '{column.name}' "
            "is not a number; write plain ones, such as 7e7 or 0.3."
        )
    return values


def _truth(column: pd.Series, source: str) -> pd.Series:
    if column.dtype == bool:
        return column
    text = _text(column).str.lower()
    unknown = sorted(set(text) - set(_TRUTH))
    if unknown:
        raise DataError(
            f"{source}: '{_short(unknown[0])}' in column 'annealed' is neither true nor false."
        )
    return text.map(_TRUTH).astype(bool)


def _with_shares(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    shares = [column for column in frame.columns if column.startswith(SHARE)]
    if not shares and "domain_ratio" in frame.columns:
        frame[SHARE + "domain"] = frame["domain_ratio"]
        frame[SHARE + "general"] = 1 - frame["domain_ratio"]
        shares = [SHARE + "domain", SHARE + "general"]
    frame = frame.drop(columns="domain_ratio", errors="ignore")
    if not shares:
        return frame
    trained = frame["tokens"] > 0
    values = frame.loc[trained, shares].to_numpy(dtype=float)
    total = values.sum(axis=1)
    bad = ~((values >= 0) & (values <= 1)).all(axis=1) | ~(np.abs(total - 1) <= SUM_TOLERANCE)
    if bad.any():
        worst = int(np.flatnonzero(bad)[0])
        row = int(np.flatnonzero(trained)[worst])
        listing = ", ".join(
            f"{c.removeprefix(SHARE)} {v:.4g}" for c, v in zip(shares, values[worst], strict=True)
        )
        raise DataError(
            f"{source}, row {row + 1} (run '{frame['run_id'].iloc[row]}'): the shares {listing} "
            f"must lie in 0..1 and sum to 1 within 0.001{_of_percent(total[worst])}."
        )
    frame.loc[trained, shares] = values / total[:, None]
    frame.loc[~trained, shares] = np.nan
    return frame


def _of_percent(total: float) -> str:
    """What shares look like that sum to a hundred, or nearly to one."""
    if abs(total - 100) < 5:
        return "; they look like percentages, which 'mixlaw import' reads"
    return "; 'mixlaw import' normalises what rounding explains" if abs(total - 1) < 0.05 else ""


def _check_ranges(frame: pd.DataFrame, source: str) -> None:
    """Refuse counts that no run can have; the first bad row is named."""
    empty = (frame["run_id"] == "") | (frame["eval_set"] == "")
    if empty.any():
        row = int(np.flatnonzero(empty)[0])
        raise DataError(f"{source}, row {row + 1}: run_id and eval_set must not be empty.")
    optional = [c for c in map(str, frame) if c == "loss_se" or c.startswith(UNIQUE_TOKENS)]
    rates = [c for c in map(str, frame) if c == "lr_ratio"]
    for column, ok, rule in (
        (
            "n_params",
            (frame["n_params"] > 0) & (frame["n_params"] <= _MOST),
            "a positive count up to 1e30",
        ),
        ("tokens", (frame["tokens"] >= 0) & (frame["tokens"] <= _MOST), "a count from 0 to 1e30"),
        *((c, frame[c].isna() | (frame[c] >= 0), "0 or more, or empty") for c in optional),
        *((c, frame[c].isna() | (frame[c] > 0), "positive, or empty") for c in rates),
    ):
        if not ok.all():
            row = int(np.flatnonzero(~ok)[0])
            raise DataError(
                f"{source}, row {row + 1} (run '{frame['run_id'].iloc[row]}'): {column} is "
                f"{frame[column].iloc[row]}, but must be {rule}."
            )


def _flags(frame: pd.DataFrame) -> pd.Series:
    """Why a row should not be fitted; a reason of the source goes first."""
    flag = frame["flag"].copy() if "flag" in frame else pd.Series("", index=frame.index, dtype=str)
    loss = frame["loss"]
    flag = flag.mask((flag == "") & ~np.isfinite(loss), "non-finite loss")
    flag = flag.mask((flag == "") & (loss <= 0), "loss not positive")
    flag = flag.mask((flag == "") & (loss > _MOST_NATS), "loss beyond 1e9")
    again = frame.duplicated([*KEY, "loss"]) & (flag == "")
    return flag.mask(again, "duplicate row")


def _check_keys(frame: pd.DataFrame, source: str) -> None:
    kept = frame[frame["flag"] == ""]
    clash = kept.duplicated(list(KEY), keep=False)
    if clash.any():
        row = kept[clash].iloc[0]
        losses = kept.loc[clash & (kept[list(KEY)] == row[list(KEY)]).all(axis=1), "loss"]
        raise DataError(
            f"{source}: run '{row['run_id']}' has two losses for '{row['eval_set']}' at "
            f"{row['tokens']:.0f} tokens ({losses.iloc[0]:.6g} and {losses.iloc[1]:.6g}); keep one."
        )


def _check_one_setting(frame: pd.DataFrame, source: str) -> None:
    """One run has one size, and one mixture unless its path is given."""
    rows = frame[(frame["flag"] == "") & (frame["tokens"] > 0)]
    if "mixture_path" in rows:
        rows = rows[rows["mixture_path"].fillna("").astype(str) == ""]
    for column in ("n_params", *(c for c in map(str, rows) if c.startswith(SHARE))):
        of_run = rows.groupby("run_id")[column]
        moved = of_run.max() - of_run.min() > SUM_TOLERANCE * of_run.max().clip(lower=1.0)
        if moved.any():
            run = str(moved.idxmax())
            values = rows.loc[rows["run_id"] == run, column]
            raise DataError(
                f"{source}: run '{run}' has {column} from {values.min():.6g} to "
                f"{values.max():.6g}; one run has one size and one mixture. Give each its own "
                "run_id, or, where the mixture moved, its path in the column mixture_path."
            )


def _check_base_rows(frame: pd.DataFrame, source: str) -> None:
    """One base loss per (base or size, eval set): CPT runs must know which base is theirs."""
    bases = base_rows(frame)
    by_base = bases.groupby([base_identity(bases), bases["eval_set"]])
    for (base, eval_set), losses in by_base["loss"]:
        values = losses.unique()
        if len(values) > 1:
            raise DataError(
                f"{source}: the base '{base}' has two losses for '{eval_set}' at 0 tokens, which "
                f"means before CPT ({values[0]:.6g} and {values[1]:.6g}); tell the bases apart by "
                "base_id."
            )


def _column_order(columns: Sequence[str] | pd.Index) -> list[str]:
    """Key and shares first, then the known columns, then the rest by name."""
    shares = [c for c in columns if c.startswith(SHARE)]
    unique = [c for c in columns if c.startswith(UNIQUE_TOKENS)]
    known = [c for c in COLUMNS if c in columns]
    at = known.index("tokens") + 1
    last = len(known) - sum(c in columns for c in ("source", "flag"))
    ordered = [*known[:at], *shares, *known[at:last], *unique, *known[last:]]
    return ordered + sorted(set(columns) - set(ordered))


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
