"""What was assumed, and what to doubt: this answer's warnings, and in short those of the fit."""

from mixlaw.recommend.recommendation import Recommendation
from mixlaw.result.types import EXPLAINS_NOTHING, TABLE_ERRORS, Status
from mixlaw.screen.headline import is_reason
from mixlaw.screen.layout import wrap

#: Statuses of the fit that decide whether the answer can be believed: these are shown in full.
_IN_FULL = (EXPLAINS_NOTHING, "shape-violated", "lack-of-fit")


def assumed(answer: Recommendation) -> list[str]:
    """What was assumed where nothing was given."""
    return [line for text in answer.assumptions for line in wrap(f"{text}.", hanging="  ")]


def doubts(answer: Recommendation) -> list[str]:
    """The warnings of this answer; in short, those of the fit."""
    lines: list[str] = []
    shown = [w for w in answer.warnings if w.law and w.code in _IN_FULL]
    shown += [w for w in answer.warnings if not (w.law or w.code in TABLE_ERRORS or is_reason(w))]
    alike: dict[tuple[str, str], list[Status]] = {}
    for warning in shown:
        key = warning.code if warning.law else warning.message
        alike.setdefault((key, warning.eval_set), []).append(warning)
    lines += [line for warnings in alike.values() for line in _once(*warnings)]
    return [*lines, *_of_fit(answer)]


def _once(first: Status, *others: Status) -> list[str]:
    """Warnings of several laws that differ in their figures alone."""
    where = f" ({first.eval_set})" if first.eval_set else ""
    laws = dict.fromkeys(w.law for w in others if w.law != first.law)
    also = f" (so {first.law}; with other figures {', '.join(laws)})" if laws else ""
    return wrap(f"! {first.code}{where}: {first.message}{also}", hanging="  ")


def _of_fit(answer: Recommendation) -> list[str]:
    """The codes of the fit's other statuses, in one line."""
    eval_sets: dict[str, list[str]] = {}
    for warning in answer.warnings:
        if warning.law and warning.code not in _IN_FULL:
            eval_sets.setdefault(warning.code, []).append(warning.eval_set)
    if not eval_sets:
        return []
    codes = [f"{code} ({', '.join(dict.fromkeys(sets))})" for code, sets in eval_sets.items()]
    return wrap(f"! of the fit: {'; '.join(codes)}; see its fit.json.", hanging="  ")
