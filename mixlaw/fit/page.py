"""A fit on one page: what was used, how well each law does, and what is wrong with it."""

import csv
import io
from collections.abc import Mapping
from typing import Any

from mixlaw.fit.result import BASELINE, FitResult

COLUMNS = (
    "eval_set", "law", "split", "rows", "error", "bias", "baseline_error", "baseline_bias", "note",
)  # fmt: skip
#: Eval sets named in one line of a status.
SHOWN = 3


def page(fit: FitResult) -> str:
    """The screen of ``mixlaw fit``."""
    blocks = [_rows(fit), _statuses(fit), _table(fit)]
    return "\n\n".join(block for block in blocks if block)


def comparison(fit: FitResult) -> str:
    """``compare.csv``: one line per eval set and held-out split, the law beside the baseline."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for eval_set, scores in fit.held_out.items():
        for split, score in scores.items():
            naive = fit.baseline[eval_set][split]
            writer.writerow(
                {
                    "eval_set": eval_set,
                    "law": fit.law,
                    "split": split,
                    "rows": score["n"],
                    "error": _plain(score["error"]),
                    "bias": _plain(score["bias"]),
                    "baseline_error": _plain(naive["error"]),
                    "baseline_bias": _plain(naive["bias"]),
                    "note": score["note"],
                }
            )
    return buffer.getvalue()


def _rows(fit: FitResult) -> str:
    lines = [f"{fit.law} fitted to {fit.rows_used} rows of {', '.join(fit.eval_sets)}"]
    lines += [f"  left out: {n} rows, {reason}" for reason, n in fit.rows_left_out.items()]
    return "\n".join(lines)


def _statuses(fit: FitResult) -> str:
    """One line per finding, with all eval sets that share it."""
    sets: dict[tuple[str, str], list[str]] = {}
    for s in fit.statuses:
        sets.setdefault((s.code, s.message), []).append(s.eval_set)
    return "\n".join(
        f"{code}{_in_sets(names, fit)}: {message}" for (code, message), names in sets.items()
    )


def _in_sets(names: list[str], fit: FitResult) -> str:
    if not any(names) or len(names) == len(fit.eval_sets) > 1:
        return ""
    shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" * (len(names) > SHOWN))
    return f" [{shown}]"


def _table(fit: FitResult) -> str:
    lines = [f"error (bias) of the law on rows it did not see, beside {BASELINE}"]
    for eval_set in fit.eval_sets:
        lines.append(f"{eval_set}: residuals {fit.sigma[eval_set]:.2%}{_seeds(fit, eval_set)}")
        for split, score in fit.held_out.get(eval_set, {}).items():
            naive = fit.baseline[eval_set][split]
            lines.append(f"  {split:15} {_score(score):>22}   {BASELINE} {_score(naive)}")
            notes = dict.fromkeys(note for note in (score["note"], naive["note"]) if note)
            lines += [f"    {note}" for note in notes]
    return "\n".join(lines)


def _seeds(fit: FitResult, eval_set: str) -> str:
    seed = fit.seed_std.get(eval_set)
    return f", noise between seeds {seed:.2%}" if seed is not None and seed == seed else ""


def _score(score: Mapping[str, Any]) -> str:
    if not score["n"]:
        return "no number"
    return f"{score['error']:.2%} ({score['bias']:+.2%})"


def _plain(value: float | None) -> str:
    return "" if value is None or value != value else f"{value:.6g}"
