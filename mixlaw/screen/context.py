"""What stands beside the numbers: costs, errors, what others did, what would change the answer."""

from collections.abc import Mapping
from typing import Any

from mixlaw.quantities import percent
from mixlaw.recommend.recommendation import Recommendation
from mixlaw.screen.layout import ends, wrap


def costs(answer: Recommendation) -> list[str]:
    """Regret, errors on held-out rows, the best run measured, and the run to add."""
    lines = [line for text in answer.prior.get("lines", ()) for line in wrap(text)]
    lines += _regret(answer)
    lines += [line for text in _held_out_lines(answer.held_out) for line in wrap(text)]
    best = answer.practice.get("best_observed")
    if best is not None:
        lines += wrap(
            "Best run measured, of the largest size at its longest budget, whose general loss rose "
            f"by no more than {answer.practice['bound']}: {percent(best['domain_ratio'])}."
        )
    # Where the data cannot tell, the run that would tell most stands beside the verdict.
    if answer.feasible and answer.next_run:
        lines += wrap(answer.next_run["text"])
    return lines


def practice(answer: Recommendation) -> list[str]:
    """What others did: an outside view."""
    band = answer.practice["published"]
    return wrap(
        "Ibrahim et al. (2024) replay 5% for a weak shift and 25% for a strong one, domain "
        f"95% and 75%; {band['runs']} published runs, {band['second_hand']} of them known "
        f"second-hand, used {percent(band['low'])} to {percent(band['high'])} domain (quartiles; "
        f"median {percent(band['median'])})."
    )


def _regret(answer: Recommendation) -> list[str]:
    if answer.regret is None:
        return []
    text = (
        f"If the truth is elsewhere: costs {_cost(answer.regret['mean'])} nats of domain loss "
        f"on average, {_cost(answer.regret['p95'])} in one case of twenty"
    )
    if "plug_in" in answer.regret and answer.estimate is not None:
        plug_in = _cost(answer.regret["plug_in"]["mean"])
        text += f" (using {percent(answer.estimate)} instead: {plug_in})"
    return wrap(text + ".")


def _cost(nats: float) -> str:
    return f"{nats:.2g}" if nats >= 5e-5 else "less than 0.0001"


def _held_out_lines(held_out: Mapping[str, Any]) -> list[str]:
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


def otherwise(answer: Recommendation) -> list[str]:
    """What other questions, rules and laws say."""
    texts = [answer.would_change["text"]] if answer.would_change else []
    texts += [answer.details[name]["text"] for name in _INVERSE if name in answer.details]
    for rule, other in answer.also.items():
        texts.append(f"By the other rule, {rule}, the critical ratio is {_short(other)}.")
    texts += _laws_alone(answer)
    return [line for text in texts for line in wrap(text)]


def details(answer: Recommendation) -> list[str]:
    """What the rule adds, and the losses in other units."""
    texts = list(answer.details.get("lines", ()))
    per_byte = answer.details.get("bits_per_byte")
    if per_byte:
        values = [f"{name} {v['estimate']:.4f} ({ends(v)})" for name, v in per_byte.items()]
        texts.append(f"In bits per byte: {', '.join(values)}.")
    if answer.details.get("epochs_by_corpus"):
        passes = [f"{c} {epochs:.2g}" for c, epochs in answer.details["epochs_by_corpus"].items()]
        texts.append(f"Passes over the data: {', '.join(passes)}.")
    return [line for text in texts for line in wrap(text)]


def _laws_alone(answer: Recommendation) -> list[str]:
    alone: dict[str, list[str]] = {}
    for law, other in answer.by_law.items():
        alone.setdefault(_short(other), []).append(law)
    if len(alone) < 2:  # laws that differ in a loss that this rule does not read agree
        return []
    ratios = [f"{', '.join(laws)} {ratio}" for ratio, laws in alone.items()]
    return [f"Each law alone: {'; '.join(ratios)}."]


def _short(other: Mapping[str, Any]) -> str:
    estimate = "none" if other["estimate"] is None else percent(other["estimate"])
    return f"{estimate} ({percent(other['low'])} to {percent(other['high'])})"


#: Inverse questions in the order in which they are answered.
_INVERSE = ("implied_bound", "tokens_to_reach", "return_to_base")
