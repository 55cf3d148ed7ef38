"""A fit on one page: what was used, how well each law does, and what is wrong with it."""

import csv
import io
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from mixlaw.quantities import format_quantity
from mixlaw.result.types import BASELINE, FitRecord, Status

COLUMNS = (
    "eval_set", "law", "weight", "split", "rows", "error", "bias", "baseline_error",
    "baseline_bias", "regret", "n_params", "tokens", "loss", "low", "high", "statuses", "note",
)  # fmt: skip
#: A figure in the message of a status.
FIGURE = re.compile(r"\d[\d.,e+]*%?")
#: Eval sets named in one line of a status.
SHOWN = 3
#: Columns of a screen: a terminal as it opens.
WIDTH = 80
#: Width of a held-out split among the laws that are compared; four of them fit.
SPLIT_WIDTH = 9


def page(fit: FitRecord) -> str:
    """The screen of ``mixlaw fit``."""
    blocks = [_rows(fit), _statuses(fit), _table(fit), _laws(fit)]
    return "\n\n".join(block for block in blocks if block)


def comparison(fit: FitRecord) -> str:
    """``compare.csv``: one line per eval set, law and held-out split, beside the baseline.

    A stack (``auto``) comes first, then every law that was compared, on the same rows, with its
    loss and 90% interval at one size and budget: the target, else the largest of the sweep.
    """
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for eval_set, scores in fit.scores.items():
        writer.writerows(_lines(fit, eval_set, {"law": fit.law, "weight": "1"}, scores))
        for law, entry in fit.law_scores.get(eval_set, {}).items():
            about = {
                "law": law,
                "weight": _plain(entry["weight"]),
                "regret": _plain(entry["regret"]),
                "note": entry["note"],
                **{key: _plain(value) for key, value in entry.get("at", {}).items()},
                "statuses": " ".join(entry.get("statuses", ())),
            }
            lines = _lines(fit, eval_set, about, entry["splits"])
            writer.writerows(lines or [{"eval_set": eval_set, **about}])
    return buffer.getvalue()


def _lines(
    fit: FitRecord, eval_set: str, about: Mapping[str, str], scores: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """One line per split."""
    return [
        {
            "eval_set": eval_set,
            "split": split,
            "rows": score["n"],
            "error": _plain(score["error"]),
            "bias": _plain(score["bias"]),
            "baseline_error": _plain(fit.baseline[eval_set][split]["error"]),
            "baseline_bias": _plain(fit.baseline[eval_set][split]["bias"]),
            **about,
            "note": "; ".join(note for note in (about.get("note"), score["note"]) if note),
        }
        for split, score in scores.items()
    ]


def _rows(fit: FitRecord) -> str:
    lines = _wrapped(f"{fit.law} fitted to {fit.rows_used} rows of {', '.join(fit.eval_sets)}")
    for reason, n in fit.rows_left_out.items():
        lines += _wrapped(f"  left out: {n} rows, {reason}", "    ")
    return "\n".join(lines)


def _statuses(fit: FitRecord) -> str:
    """One line per status, with all eval sets and laws that share it, whatever their figures."""
    alike: dict[tuple[str, str], list[Status]] = {}
    for s in fit.statuses:
        pattern = FIGURE.sub("#", s.message.replace(s.law, "LAW") if s.law else s.message)
        alike.setdefault((s.code, pattern), []).append(s)
    sentences = (
        f"{group[0].code}{_in_sets([s.eval_set for s in group], fit)}{_of_laws(group, fit)}: "
        f"{group[0].message}"
        for group in alike.values()
    )
    return "\n".join(line for sentence in sentences for line in _wrapped(sentence))


def _wrapped(text: str, indent: str = "  ") -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def _of_laws(statuses: Sequence[Status], fit: FitRecord) -> str:
    """Which laws of a stack; the message is the first one's, and its figures with it."""
    laws = list(dict.fromkeys(s.law for s in statuses if s.law))
    if not fit.law_scores or not laws:
        return ""
    more = f", and so with other figures {', '.join(laws[1:])}" * (len(laws) > 1)
    return f" ({laws[0]}{more})"


def _in_sets(names: list[str], fit: FitRecord) -> str:
    names = list(dict.fromkeys(names))
    if not any(names) or len(names) == len(fit.eval_sets) > 1:
        return ""
    shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" * (len(names) > SHOWN))
    return f" [{shown}]"


def _table(fit: FitRecord) -> str:
    lines = [f"error (bias) of the law on rows it did not see, beside {BASELINE}"]
    for eval_set in fit.eval_sets:
        lines.append(f"{eval_set}: residuals {fit.sigma[eval_set]:.2%}{_seeds(fit, eval_set)}")
        for split, score in fit.scores.get(eval_set, {}).items():
            naive = fit.baseline[eval_set][split]
            lines.append(f"  {split:15} {_score(score):>22}   {BASELINE} {_score(naive)}")
            notes = dict.fromkeys(note for note in (score["note"], naive["note"]) if note)
            lines += [line for note in notes for line in _wrapped(f"    {note}", "    ")]
    return "\n".join(lines)


def _laws(fit: FitRecord) -> str:
    """Every law of a stack, the heaviest first: weight and errors on the same held-out rows."""
    lines = []
    for eval_set, by_law in fit.law_scores.items():
        splits = dict.fromkeys(split for entry in by_law.values() for split in entry["splits"])
        lines += _wrapped(f"{eval_set}: every law on the same rows, error in %{_place(by_law)}")
        heads = "".join(f"{split.split('-')[0]:>{SPLIT_WIDTH}}" for split in splits)
        lines.append(f"  {'':21}{heads}{'regret':>7}{'90% interval':>14}")
        for law, entry in sorted(by_law.items(), key=lambda pair: -pair[1]["weight"]):
            head = f"  {entry['weight']:4.0%} {law:16}"
            if not entry["splits"]:
                lines += _wrapped(f"{head}  {entry['note']}", " " * 25)
                continue
            scores = [_percent(entry["splits"][split]) for split in splits]
            columns = "".join(f"{score:>{SPLIT_WIDTH}}" for score in scores)
            lines.append(f"{head}{columns}{_regret(entry):>7}{_interval(entry):>14}".rstrip())
            if remarks := [*entry.get("statuses", ()), *filter(None, [entry["note"]])]:
                lines += _wrapped(f"{'':7}{', '.join(remarks)}", " " * 7)
    return "\n".join(lines)


def _place(by_law: Mapping[str, Any]) -> str:
    """Where the laws are compared, if they are."""
    at = next((entry["at"] for entry in by_law.values() if "at" in entry), None)
    if at is None:
        return ""
    size, tokens = format_quantity(at["n_params"]), format_quantity(at["tokens"])
    return f", loss at {size} and {tokens} tokens"


def _regret(entry: Mapping[str, Any]) -> str:
    regret = entry["regret"]
    return "" if regret is None or regret != regret else f"{100 * regret:.2f}"


def _interval(entry: Mapping[str, Any]) -> str:
    at = entry.get("at")
    return f"{at['low']:.3f}-{at['high']:.3f}" if at else ""


def _percent(score: Mapping[str, Any]) -> str:
    """Error in percent, as short as three digits are; its bias is in ``compare.csv``."""
    if not score["n"]:
        return "none"
    error = 100 * score["error"]
    return f"{error:.{2 if error < 10 else 1}f}"


def _seeds(fit: FitRecord, eval_set: str) -> str:
    seed = fit.seed_std.get(eval_set)
    return f", noise between seeds {seed:.2%}" if seed is not None and seed == seed else ""


def _score(score: Mapping[str, Any]) -> str:
    if not score["n"]:
        return "no number"
    return f"{score['error']:.2%} ({score['bias']:+.2%})"


def _plain(value: float | None) -> str:
    return "" if value is None or value != value else f"{value:.6g}"
