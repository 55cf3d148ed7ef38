"""The screen for a person: the verdict first, then the numbers, then what to doubt."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mixlaw.quantities import format_factor, format_quantity, moved, percent
from mixlaw.recommend.context.extrapolation import FAR
from mixlaw.recommend.recommendation import Recommendation
from mixlaw.result.types import EXPLAINS_NOTHING, LEVEL, TABLE_ERRORS, Status

#: Columns of the screen.
WIDTH = 96


def screen(answer: Recommendation) -> str:
    """One screen about a recommendation."""
    parts = [
        _alarm(answer),
        _verdict(answer),
        _numbers(answer),
        _costs(answer),
        _details(answer),
        _budgets(answer),
        _frontier(answer),
        _doubts(answer),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _alarm(answer: Recommendation) -> list[str]:
    """A faulty table, and a target far outside the data, are said before anything else."""
    wrong = [w.message for w in answer.warnings if w.code in TABLE_ERRORS]
    return [*_wrap(f"WRONG IN THE TABLE: {' '.join(wrong)}" if wrong else ""), *_distance(answer)]


def _distance(answer: Recommendation) -> list[str]:
    spelled = {"n_params": "model size", "tokens": "token budget"}
    far = [
        f"{spelled[name]} {format_factor(factor)} times the largest measured"
        if factor > 1
        else f"{spelled[name]} {format_factor(1 / factor)} times below the smallest measured"
        for name, factor in answer.extrapolation.items()
        if name in spelled and not 1 / FAR <= factor <= FAR
    ]
    if not far:
        return []
    return _wrap(f"FAR OUTSIDE THE DATA: {'; '.join(far)}. Read what follows as a guess.")


def _verdict(answer: Recommendation) -> list[str]:
    target = (
        f"{format_quantity(answer.n_params)} parameters, {format_quantity(answer.tokens)} tokens"
    )
    compute = f"{answer.details['flops']:.3g} FLOPs" if "flops" in answer.details else ""
    reasons = [w.message for w in answer.warnings if _is_reason(w)]
    if answer.feasible is False:
        head = f"No feasible ratio for {compute and f'{compute}: '}{target}."
    elif answer.feasible is None:
        best = f"best use of {compute}: " if compute else "ratio for "
        head = f"The data cannot tell the {best}{target}."
        if answer.recommended is not None:
            reasons.append(
                f"A cautious share that obeys the risk is {percent(answer.recommended)}."
            )
        if answer.next_run:
            reasons.append(answer.next_run["text"])
    else:
        assert answer.recommended is not None
        head = f"Recommended domain share: {percent(answer.recommended)} for {target}."
        if compute:
            share = percent(answer.recommended)
            head = f"Best use of {compute}: {target}, domain share {share}."
        reasons = [*_promise(answer), *reasons]
    return [head, *_wrap(" ".join(reasons), "  ")]


def _promise(answer: Recommendation) -> list[str]:
    mixture = [
        f"{corpus} {percent(share['recommended'] or 0.0)}"
        for corpus, share in answer.shares.items()
        if len(answer.shares) == 2 or (share["recommended"] or 0.0) >= 0.005
    ]
    found = [f"Mixture: {', '.join(mixture)}."]
    rise = answer.general_rise
    if answer.rule == "tolerance" and rise is not None:
        found.append(
            f"The general loss then rises by more than {rise['tolerance']:.3g} nats over the "
            f"{answer.reference} with a probability of at most {rise['risk']:.0%}."
        )
    elif answer.rule == "turning-point" and rise is not None:
        found.append(
            "The general loss then has not turned down by the end with a probability of at most "
            f"{rise['risk']:.0%}."
        )
    elif not _bounds_the_rise(answer) and rise is not None and rise["high"] > 0:
        found.append(
            f"Nothing bounds the general loss here: it {moved(rise['estimate'], answer.reference)}."
        )
    return found


def _bounds_the_rise(answer: Recommendation) -> bool:
    """True if the answer keeps a bound on the rise: allocation at a given ratio does not."""
    free = answer.rule == "allocation" and "closed_form" not in answer.details
    return answer.rule == "tolerance" or free


def _numbers(answer: Recommendation) -> list[str]:
    low, high = answer.interval
    name = "critical ratio" if answer.rule in _CRITICAL else "best ratio"
    estimate = "none" if answer.estimate is None else percent(answer.estimate)
    rows = [("", "estimate", f"{LEVEL:.0%} interval", "")]
    if low < high or answer.rule != "allocation":
        rows.append((name, estimate, f"{percent(low)} to {percent(high)}", ""))
    if answer.details.get("n_params", {}).get("low") is not None:
        ends = [format_quantity(answer.details["n_params"][end]) for end in ("low", "high")]
        rows.append(("parameters", format_quantity(answer.n_params), " to ".join(ends), ""))
    where = f"nats per token, at {percent(answer.at)}"
    rows += [(f"{n} loss", *_interval(loss), where) for n, loss in answer.losses.items()]
    rise = answer.general_rise
    if rise is not None:
        bounded = _bounds_the_rise(answer) and rise["tolerance"] is not None
        allowed = f"allowed: {rise['tolerance']:.3g}" if bounded else ""
        rows.append(("general rise", *_interval(rise), allowed))
    return _columns(rows)


def _costs(answer: Recommendation) -> list[str]:
    found = []
    if answer.regret is not None:
        text = (
            f"If the truth is elsewhere: costs {_cost(answer.regret['mean'])} nats of domain loss "
            f"on average, {_cost(answer.regret['p95'])} in one case of twenty"
        )
        if "plug_in" in answer.regret and answer.estimate is not None:
            plug_in = _cost(answer.regret["plug_in"]["mean"])
            text += f" (using {percent(answer.estimate)} instead: {plug_in})"
        found += _wrap(text + ".")
    found += [line for text in held_out_lines(answer.held_out) for line in _wrap(text)]
    band = answer.practice["published"]
    best = answer.practice.get("best_observed")
    if best is not None:
        found += _wrap(
            "Best run measured, of the largest size at its longest budget, whose general loss rose "
            f"by no more than {answer.practice['bound']}: {percent(best['domain_ratio'])}."
        )
    found += _wrap(
        "Others: Ibrahim et al. (2024) replay 5% for a weak shift and 25% for a strong one, domain "
        f"95% and 75%; {band['runs']} published runs, {band['second_hand']} of them known "
        f"second-hand, used {percent(band['low'])} to {percent(band['high'])} domain (quartiles; "
        f"median {percent(band['median'])})."
    )
    return found


def _cost(nats: float) -> str:
    return f"{nats:.2g}" if nats >= 5e-5 else "less than 0.0001"


def held_out_lines(held_out: Mapping[str, Any]) -> list[str]:
    """Error on held-out sizes and budgets, the law beside the baseline."""
    law, baseline = held_out["law"], held_out["baseline"]
    parts = []
    for split in ("largest-size", "longest-budget"):
        errors = [
            f"{eval_set} {_error(splits[split])} ({_error(baseline.get(eval_set, {}).get(split))})"
            for eval_set, splits in law.items()
            if splits.get(split, {}).get("error") is not None
        ]
        if errors:
            parts.append(f"{split.replace('-', ' ')}: {', '.join(errors)}")
    if not parts:
        return []
    return [f"Error held out (of the next smaller size as it is): {'; '.join(parts)}."]


def _error(score: Mapping[str, Any] | None) -> str:
    error = (score or {}).get("error")
    return "not known" if error is None else f"{100 * error:.2g}%"


def _details(answer: Recommendation) -> list[str]:
    """What the rule adds, the inverse questions, and what the other critical ratio is."""
    # Where the data cannot tell, the run that would tell most stands beside the verdict.
    told = (answer.next_run if answer.feasible else {}, answer.would_change)
    texts = [found["text"] for found in told if found]
    texts += list(answer.details.get("lines", ()))
    per_byte = answer.details.get("bits_per_byte")
    if per_byte:
        values = [f"{name} {v['estimate']:.4f} ({_ends(v)})" for name, v in per_byte.items()]
        texts.append(f"In bits per byte: {', '.join(values)}.")
    if answer.details.get("epochs_by_corpus"):
        passes = [f"{c} {epochs:.2g}" for c, epochs in answer.details["epochs_by_corpus"].items()]
        texts.append(f"Passes over the data: {', '.join(passes)}.")
    texts += [answer.details[name]["text"] for name in _INVERSE if name in answer.details]
    for rule, other in answer.also.items():
        texts.append(f"By the other rule, {rule}, the critical ratio is {_short(other)}.")
    alone: dict[str, list[str]] = {}
    for law, other in answer.by_law.items():
        alone.setdefault(_short(other), []).append(law)
    if len(alone) > 1:  # laws that differ in a loss that this rule does not ask about say the same
        said = [f"{', '.join(laws)} {ratio}" for ratio, laws in alone.items()]
        texts.append(f"Each law alone: {'; '.join(said)}.")
    return [line for text in texts for line in _wrap(text)]


def _short(other: Mapping[str, Any]) -> str:
    estimate = "none" if other["estimate"] is None else percent(other["estimate"])
    return f"{estimate} ({percent(other['low'])} to {percent(other['high'])})"


#: Rules whose ratio is the largest that keeps a bound.
_CRITICAL = ("tolerance", "turning-point", "allocation")

_INVERSE = ("implied_bound", "tokens_to_reach", "return_to_base")


def _budgets(answer: Recommendation) -> list[str]:
    if not answer.table:
        return []
    rows = [("tokens", "recommended", "critical ratio", f"{LEVEL:.0%} interval")]
    for other in answer.table:
        chosen = "none" if other.recommended is None else percent(other.recommended)
        estimate = "none" if other.estimate is None else percent(other.estimate)
        low, high = other.interval
        tell = {True: "", None: " (cannot tell)", False: " (no feasible ratio)"}[other.feasible]
        rows.append(
            (format_quantity(other.tokens), chosen, estimate, f"{percent(low)} to {percent(high)}")
        )
        rows[-1] = (*rows[-1][:3], rows[-1][3] + tell)
    return _columns(rows)


def _frontier(answer: Recommendation) -> list[str]:
    """Every fourth point of the frontier; the document has them all."""
    points = answer.details.get("frontier", ())[::4]
    if not points:
        return []
    rows: list[tuple[str, ...]] = [("domain share", "domain loss", "general loss")]
    rows += [
        (
            percent(point["domain_ratio"]),
            *(f"{point[name]['estimate']:.4f}" for name in ("domain", "general")),
        )
        for point in points
    ]
    return _columns(rows)


#: Warnings that are the verdict itself, so they stand beside it and not below.
_REASONS = (
    "no-feasible-ratio", "not-identified", "bound-never-binds", "flat-optimum",
    "no-size-information",
)  # fmt: skip


def _doubts(answer: Recommendation) -> list[str]:
    """What was assumed; the warnings of this answer; in short, those of the fit."""
    found = [line for text in answer.assumptions for line in _wrap(f"Assumed: {text}.")]
    shown = [w for w in answer.warnings if w.law and w.code in _FIRST]
    shown += [w for w in answer.warnings if not (w.law or w.code in TABLE_ERRORS or _is_reason(w))]
    alike: dict[tuple[str, str], list[Status]] = {}
    for warning in shown:
        told = warning.code if warning.law else warning.message
        alike.setdefault((told, warning.eval_set), []).append(warning)
    for first, *others in alike.values():
        where = f" ({first.eval_set})" if first.eval_set else ""
        laws = dict.fromkeys(w.law for w in others if w.law != first.law)
        also = f" (so {first.law}; with other figures {', '.join(laws)})" if laws else ""
        message = first.message + also
        found += _wrap(f"! {first.code}{where}: {message}", hanging="  ")
    of_fit: dict[str, list[str]] = {}
    for warning in answer.warnings:
        if warning.law and warning.code not in _FIRST:
            of_fit.setdefault(warning.code, []).append(warning.eval_set)
    if of_fit:
        codes = [f"{code} ({', '.join(dict.fromkeys(sets))})" for code, sets in of_fit.items()]
        found += _wrap(f"! of the fit: {'; '.join(codes)}; see its fit.json.", hanging="  ")
    return found


#: Statuses of the fit that decide whether the answer can be believed are told in full.
_FIRST = (EXPLAINS_NOTHING, "shape-violated", "lack-of-fit")


def _is_reason(warning: Status) -> bool:
    return warning.code in _REASONS and not warning.law


def _interval(value: Mapping[str, Any]) -> tuple[str, str]:
    return _nats(value["estimate"]), _ends(value)


def _ends(value: Mapping[str, Any]) -> str:
    return f"{_nats(value['low'])} to {_nats(value['high'])}"


def _nats(value: float) -> str:
    """Four decimals, but for what no loss can be."""
    # Adding 0 turns a rounded -0.0 into 0.0.
    return f"{round(value, 4) + 0.0:.4f}" if abs(value) < 1e6 else f"{value:.3g}"


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _wrap(text: str, indent: str = "", hanging: str | None = None) -> list[str]:
    following = indent if hanging is None else hanging
    lines: Iterable[str] = textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=following,
        break_on_hyphens=False,
    )
    return list(lines)
