"""Findings about the losses themselves: units, definitions, duplicates and gaps."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from mixlaw.doctor.finding import Check, Finding, Table, count_losses, finding

#: Bits in a nat.
BITS = 1 / np.log(2)

#: An untrained model has the logarithm of its vocabulary, at most about 12.5 nats; one that was
#: trained at all is well below this.
_MAX_NATS = 10.0

#: Text carries 3 to 5 bytes a token under the usual tokenizers; beyond this it is another unit.
_MAX_BYTES_PER_TOKEN = 6.0

#: How close a ratio of losses must be to a change of unit: between mixtures ratios of this size
#: occur, but not in every row of a run.
_SAME = 0.04

#: Relative difference in the number of eval tokens that makes it another part of the eval set.
_OTHER_PART = 1e-3


def non_finite(table: Table) -> Finding | None:
    """Losses that are NaN, infinite, zero or negative; they are flagged and not fitted."""
    rows = table.frame[~(np.isfinite(table.frame["loss"]) & (table.frame["loss"] > 0))]
    if rows.empty:
        return None
    return finding(
        "non-finite-loss", "warning", rows,
        f"{count_losses(rows)} not positive and finite.",
        "These rows are left out. If runs diverged at some ratios or sizes only, what is left is "
        "a selection of the stable ones.",
        "Look why they failed; rerun them, or say that those settings are unstable.",
    )  # fmt: skip


def perplexity(table: Table) -> Finding | None:
    """Losses of a size or a shape that only perplexities have."""
    rows = table.trained
    bad = rows[_are_perplexities(rows)]
    if bad.empty:
        return None
    return finding(
        "perplexity-as-loss", "error", bad,
        f"{len(bad)} losses look like perplexities (median {bad['loss'].median():.3g}).",
        "A perplexity is exp(loss): every curve, ratio and interval fitted to it is wrong.",
        "Take the natural logarithm of these values.",
    )  # fmt: skip


def bits(table: Table) -> Finding | None:
    """Losses in bits, where bits per byte or the other runs of the same setting show it."""
    rows = table.trained
    bad = rows[_are_bits(rows)]
    if bad.empty:
        return None
    return finding(
        "bits-as-nats", "error", bad,
        f"{len(bad)} losses differ from what their bpb or the other runs say by the factor "
        f"{BITS:.3f} between bits and nats.",
        "Runs in different units are a jump of 44%, far more than any ratio does.",
        "Multiply losses in bits per token by ln 2 = 0.6931; bits per byte also by the bytes per "
        "token.",
    )  # fmt: skip


def in_other_unit(rows: pd.DataFrame) -> pd.Series:
    """Which losses are perplexities or bits, by the findings about these."""
    other: pd.Series = _are_perplexities(rows) | _are_bits(rows)
    return other


def _are_perplexities(rows: pd.DataFrame) -> pd.Series:
    level = rows.groupby("eval_set")["loss"].transform("median") > _MAX_NATS
    whole = _whole_runs(rows, _like_perplexity) & ~_are_multiples(rows)
    return level | _is_perplexity_by_bpb(rows) | whole


def _are_multiples(rows: pd.DataFrame) -> pd.Series:
    """Runs whose losses are one whole multiple of their peers' rather than the exponential of it.

    Between eval sets of different level an exponential changes the ratio, and a multiple does not.
    """
    peer = rows.groupby([rows["n_params"], rows["eval_set"], _near(rows["tokens"], 2)])["loss"]
    level = peer.transform("median")
    ratio = (rows["loss"] / level).map(np.log)
    run = rows["run_id"]
    factor = ratio.groupby(run).transform("median").map(np.exp)
    whole = factor.round().clip(lower=1).map(np.log)
    of_multiple = ((ratio - whole) ** 2).groupby(run).transform("mean")
    of_exponential = ((np.log(rows["loss"]) - level) ** 2).groupby(run).transform("mean")
    several = rows.groupby("run_id")["eval_set"].transform("nunique") > 1
    multiples: pd.Series = several & (of_multiple < of_exponential / 2)
    return multiples


def _are_bits(rows: pd.DataFrame) -> pd.Series:
    bits = _is_bits_by_bpb(rows) | _whole_runs(rows, _like_other_unit)
    return bits & ~_is_perplexity_by_bpb(rows)


def several(column: str, code: str, name: str, effect: str, table: Table) -> Finding | None:
    """A column that defines what a loss means takes several values."""
    if column not in table.trained:
        return None
    rows = table.trained[table.trained[column] != ""]
    counts = rows[column].value_counts()
    if len(counts) < 2:
        return None
    listing = ", ".join(f"{value!s:.16} ({n} rows)" for value, n in counts.head(4).items())
    return finding(
        code, "error", rows[rows[column] != counts.index[0]],
        f"The table mixes {len(counts)} {name}: {listing}.",
        effect,
        f"Fit one of them, or measure all runs again with one {column}.",
    )  # fmt: skip


def eval_sets_differ(table: Table) -> Finding | None:
    """Runs that were not measured on the same held-out sets, or not on the same part of them."""
    rows = table.frame[table.frame["tokens"] > 0]
    n_sets = rows["eval_set"].nunique()
    lacking = rows.groupby("run_id")["eval_set"].transform("nunique") < n_sets
    other = pd.Series(False, index=rows.index)
    if "eval_tokens" in rows:
        usual = rows.groupby("eval_set")["eval_tokens"].transform("median")
        other = (rows["eval_tokens"] / usual - 1).abs() > _OTHER_PART
    counts = (
        (rows.loc[lacking, "run_id"].nunique(), f"lack some of the {n_sets} eval sets"),
        (rows.loc[other, "run_id"].nunique(), "were measured on another number of eval tokens"),
    )
    if not any(count for count, _ in counts):
        return None
    return finding(
        "eval-sets-differ", "warning", rows[lacking | other],
        "; ".join(f"{count} runs {trouble}" for count, trouble in counts if count) + ".",
        "Losses on other held-out text differ by more than ratios do, and the domain and general "
        "laws rest on different runs.",
        "Evaluate all runs on the same fixed held-out sets, or fit the runs apart.",
    )  # fmt: skip


def near_duplicates(table: Table) -> Finding | None:
    """Rows that repeat others under another name: imported twice, or logged twice."""
    rows = table.trained
    if rows.empty:
        return None
    cell = [rows[c] for c in ("n_params", "mixture", "eval_set")]
    cell += [rows["annealed"]] if "annealed" in rows else []
    same = pd.concat([*cell, _near(rows["tokens"], 3), _near(rows["loss"], 6)], axis=1)
    again = same.duplicated(keep=False)
    runs = pd.DataFrame({"run_id": rows["run_id"], "again": again}).groupby("run_id")["again"]
    twice = again & (runs.transform("mean") > 0.5) & (runs.transform("size") > 1)
    bad = rows[twice | _logged_twice(rows)]
    if bad.empty:
        return None
    return finding(
        "near-duplicates", "warning", bad,
        f"{len(bad)} rows repeat others of the same setting to one part in a million, or follow "
        "one of the same run within 0.1% of its tokens.",
        "A run that counts twice pulls the law to itself and makes the noise look smaller than "
        "it is.",
        "Keep one copy of each; a true replicate differs in its seed and in its losses.",
    )  # fmt: skip


def _logged_twice(rows: pd.DataFrame) -> pd.Series:
    """Whether a row follows another of its run and eval set within 0.1% of the tokens."""
    ordered = rows.sort_values(["run_id", "eval_set", "tokens"])
    key = ordered[["run_id", "eval_set"]]
    same = (key == key.shift()).all(axis=1)
    near = ordered["tokens"] < 1.001 * ordered["tokens"].shift()
    twice: pd.Series = (same & near).reindex(rows.index)
    return twice


def _like_perplexity(ratio: pd.Series, peer: pd.Series) -> pd.Series:
    like: pd.Series = (ratio > 1.5) & ((np.log(ratio * peer) / peer - 1).abs() < 0.25)
    return like


def _like_other_unit(ratio: pd.Series, peer: pd.Series) -> pd.Series:
    like: pd.Series = ((ratio / BITS - 1).abs() < _SAME) | ((ratio * BITS - 1).abs() < _SAME)
    return like


def _whole_runs(rows: pd.DataFrame, test: Callable[[pd.Series, pd.Series], pd.Series]) -> pd.Series:
    """Runs all of whose rows, two or more, pass a test against their peers.

    Peers of a row are the other runs of its size at its tokens and eval set.
    """
    setting = [rows["n_params"], rows["eval_set"], _near(rows["tokens"], 2)]
    peers = rows.groupby(setting)["loss"]
    peer = peers.transform("median")
    passed = test(rows["loss"] / peer, peer) & (peers.transform("size") > 2)
    by_run = passed.groupby(rows["run_id"])
    whole: pd.Series = by_run.transform("all") & (by_run.transform("size") > 1)
    return whole


def _is_bits_by_bpb(rows: pd.DataFrame) -> pd.Series:
    if "bpb" not in rows:
        return pd.Series(False, index=rows.index)
    per_token = _bytes_per_token(rows)
    keys = [rows["eval_set"]] + ([rows["tokenizer"]] if "tokenizer" in rows else [])
    # The lower median is a value that occurs: between two units there is nothing to compare with.
    usual = per_token.groupby(keys).transform(lambda v: v.quantile(0.5, interpolation="lower"))
    jump = _like_other_unit(per_token / usual, usual)
    return jump | (per_token > _MAX_BYTES_PER_TOKEN) | (rows["loss"] == rows["bpb"])


def _is_perplexity_by_bpb(rows: pd.DataFrame) -> pd.Series:
    """Whether bits per byte make sense of the logarithm of the loss, but not of the loss."""
    if "bpb" not in rows:
        return pd.Series(False, index=rows.index)
    per_token = _bytes_per_token(rows)
    of_log = per_token * np.log(rows["loss"]) / rows["loss"]
    sensible: pd.Series = of_log.between(1, _MAX_BYTES_PER_TOKEN)
    sensible &= per_token > BITS * _MAX_BYTES_PER_TOKEN
    return sensible


def _bytes_per_token(rows: pd.DataFrame) -> pd.Series:
    """Bytes a token would need for loss and bpb to agree; NaN where bpb is not positive."""
    per_token: pd.Series = rows["loss"] / (rows["bpb"].where(rows["bpb"] > 0) * np.log(2))
    return per_token


def _near(values: pd.Series, decimals: int) -> pd.Series:
    """Equal for positive values that agree to about this many decimal digits."""
    rounded: pd.Series = np.log(values).round(decimals)
    return rounded


CHECKS: tuple[Check, ...] = (
    non_finite,
    perplexity,
    bits,
    partial(
        several, "tokenizer", "tokenizers-mixed", "tokenizers",
        "Nats per token of different tokenizers are different quantities.",
    ),
    partial(
        several, "metric_version", "metric-versions-mixed", "metric versions",
        "Losses by different definitions differ by a step that the law takes for an effect.",
    ),
    partial(
        several, "recipe", "recipes-mixed", "recipes",
        "Runs of different recipes are not points of one curve.",
    ),
    eval_sets_differ,
    near_duplicates,
)  # fmt: skip
