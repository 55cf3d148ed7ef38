"""The answer on one glance: at most fourteen lines with the next command, and no line wraps."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mixlaw.quantities import format_factor, format_quantity, percent
from mixlaw.recommend.context.extrapolation import FAR
from mixlaw.recommend.recommendation import Recommendation
from mixlaw.result.screen import WIDTH
from mixlaw.result.types import LEVEL, TABLE_ERRORS
from mixlaw.screen.headline import head, is_reason
from mixlaw.screen.layout import Emphasis, Line, columns, nats, shortened

#: Lines of the whole answer, the hint of the next command included.
MOST_LINES = 14
#: Warnings of an answer that are shown in words, beside its reasons.
_IN_WORDS = ("large-bound", "interior-optimum", "no-domain", "outside-view", "prior-disagrees")
#: Distances that are named: of what, and the ends of what was measured.
_AXES = {
    "n_params": ("size", "largest", "smallest"),
    "tokens": ("budget", "longest", "shortest"),
}
#: Options that an assumption names.
_BOUND, _BUDGET = "(--max-general-rise)", "(--tokens)"
#: What else is asked, as the head of a column: a value and its unit.
_TITLES = {"--max-general-rise": "{}{}", "--risk": "risk {}", "--reference": "vs {}"}


@dataclass(frozen=True)
class _Part:
    """Lines that belong together.

    Attributes:
        lines: what they say.
        rank: parts of the highest rank are left out first where room is short; 0 never is.
        apart: an empty line stands before them where there is room.
    """

    lines: Sequence[Line]
    rank: int = 0
    apart: bool = False


def short(answer: Recommendation, *, fit_is_last: bool = False) -> list[Line]:
    """What a person must know about an answer: one line of ``MOST_LINES`` is left for a hint.

    Args:
        answer: the recommendation.
        fit_is_last: nobody named the fit: it is the one made last.
    """
    for most in (2, 1):
        parts = _parts(answer, fit_is_last, lines_of_a_reason=most)
        if sum(len(part.lines) for part in parts) < MOST_LINES:
            break
    return _into(MOST_LINES - 1, parts)


def _parts(answer: Recommendation, fit_is_last: bool, lines_of_a_reason: int) -> list[_Part]:
    parts = [
        _Part(_origin(answer, fit_is_last)),
        _Part(_wrong_table(answer)),
        _Part(_validated(answer), rank=2),
        _Part(_far(answer)),
        _Part(_verdict(answer, lines_of_a_reason), apart=True),
        _Part(_numbers(answer)),
        _Part(_of_prior(answer)),
        _Part(_distance(answer)),
        _Part(_other_questions(answer), apart=True),
        _Part(_budgets(answer), rank=4),
        _Part(_assumed(answer), rank=3, apart=True),
        _Part(_doubts(answer), rank=1),
    ]
    return [part for part in parts if part.lines]


def _into(n_lines: int, parts: list[_Part]) -> list[Line]:
    """The parts in so many lines: what is left out first has the highest rank."""
    while sum(len(part.lines) for part in parts) > n_lines:
        least = max(parts, key=lambda part: part.rank)
        if not least.rank:
            break
        parts.remove(least)
    room = n_lines - sum(len(part.lines) for part in parts)
    lines: list[Line] = []
    for part in parts:
        if part.apart and room > 0:
            lines.append(Line(""))
            room -= 1
        lines += part.lines
    return lines


def _lines(text: str, most: int = 1, emphasis: Emphasis = "", indent: str = "") -> list[Line]:
    return [Line(line, emphasis) for line in shortened(text, most, indent)] if text else []


def _origin(answer: Recommendation, is_last: bool) -> list[Line]:
    fit = answer.fit
    name = fit["path"] or "a fit in memory"
    last = " (made last)" if is_last else ""
    table = f"{fit['rows']} rows of {fit['table'] or 'a table in memory'}"
    mark = f" {fit['sha256'][:8]}" if fit["sha256"] else ""
    text = f"{name}{last}: {answer.law} on {table}{mark}"
    if len(text) > WIDTH:
        shorter = f"{fit['rows']} rows of {Path(fit['table']).name}"
        text = f"{name}{last}: {answer.law} on {shorter}{mark}"
    if len(text) > WIDTH:
        text = text.replace(name, f"...{name[len(text) - WIDTH + 3 :]}", 1)
    return [Line(text, "faint")]


def _wrong_table(answer: Recommendation) -> list[Line]:
    wrong = [w.message for w in answer.warnings if w.code in TABLE_ERRORS]
    return _lines(f"WRONG IN THE TABLE: {' '.join(wrong)}" if wrong else "", 2, "bad")


def _validated(answer: Recommendation) -> list[Line]:
    return _lines(answer.validation["line"], 2) if answer.validation else []


def _of_prior(answer: Recommendation) -> list[Line]:
    """How much of the interval is the studies', of a fit of few runs."""
    return [line for text in answer.prior.get("lines", ()) for line in _lines(text, 2)]


def _verdict(answer: Recommendation, lines_of_a_reason: int) -> list[Line]:
    """The answer, the reasons that stand beside it, and what can be done where there is none."""
    emphasis: dict[bool | None, Emphasis] = {True: "good", None: "unsure", False: "bad"}
    reasons = [w.message for w in answer.warnings if is_reason(w) or w.code in _IN_WORDS]
    lines = _lines(head(answer), 2, emphasis[answer.feasible])
    for reason in reasons[:2]:
        lines += _lines(reason, lines_of_a_reason, indent="  ")
    if len(answer.shares) > 2 and answer.recommended is not None:
        lines += _lines(f"Mixture: {_mixture(answer)}.", 2, indent="  ")
    if answer.feasible is None:
        lines += _instead(answer)
    return lines


def _instead(answer: Recommendation) -> list[Line]:
    """Where the data cannot tell: a cautious share, and what to run to know better."""
    texts = []
    if answer.recommended is not None:
        texts.append(f"A cautious share that obeys the risk is {percent(answer.recommended)}.")
    run = answer.next_run
    if "n_params" in run:
        texts.append(
            f"The run to add: {format_quantity(run['n_params'])}, "
            f"{format_quantity(run['tokens'])} tokens, {percent(run['domain_ratio'])}; interval "
            f"{100 * run['width']['now']:.0f} to {100 * run['width']['with_it']:.0f} points."
        )
    elif run:
        texts.append(run["text"])
    return [line for text in texts for line in _lines(text, 1, indent="  ")]


def _mixture(answer: Recommendation) -> str:
    shares = {corpus: share["recommended"] or 0.0 for corpus, share in answer.shares.items()}
    return ", ".join(f"{corpus} {percent(share)}" for corpus, share in shares.items())


def _numbers(answer: Recommendation) -> list[Line]:
    """Ratio, losses and rise, each with its interval."""
    low, high = answer.interval
    estimate = "none" if answer.estimate is None else percent(answer.estimate)
    rows = []
    if low < high or "flops" not in answer.details:
        rows.append((answer.ratio_name, estimate, f"{percent(low)} to {percent(high)}", ""))
    for name, loss in answer.losses.items():
        rows.append((f"{name} loss", *_nats(loss), f"nats per token, at {percent(answer.at)}"))
    rise = answer.general_rise
    if rise is not None:
        bounded = answer.keeps_bound and rise["tolerance"] is not None
        risk = f", risk {rise['risk']:.2g}"
        assumed = " (default)" if any(_BOUND in text for text in answer.assumptions) else ""
        allowed = f"allowed {rise['tolerance']:.3g}{assumed}{risk}" if bounded else ""
        rows.append((f"rise over {answer.reference}", *_nats(rise), allowed))
    rows[0] = (*rows[0][:3], f"{LEVEL:.0%} intervals")
    return [Line(line) for line in columns(rows)]


def _nats(value: object) -> tuple[str, str]:
    assert isinstance(value, dict)
    return nats(value["estimate"], 3), f"{nats(value['low'], 3)} to {nats(value['high'], 3)}"


def _far(answer: Recommendation) -> list[Line]:
    """A target far outside the data: said before anything is believed."""
    if not _is_far(answer):
        return []
    return _lines(f"FAR OUTSIDE: {', '.join(_distances(answer))}.", 1, "bad")


def _distance(answer: Recommendation) -> list[Line]:
    said = _distances(answer)
    if _is_far(answer) or not answer.fit["rows"]:
        return []
    return _lines(f"From the data: {', '.join(said) or 'its size and budget are inside'}.")


def _is_far(answer: Recommendation) -> bool:
    factors = [answer.extrapolation.get(name, 1.0) for name in _AXES]
    return any(not 1 / FAR <= factor <= FAR for factor in factors)


def _distances(answer: Recommendation) -> list[str]:
    """Of size and budget, how far each lies outside what was measured, if it does."""
    said = []
    for name, (what, largest, smallest) in _AXES.items():
        factor = answer.extrapolation.get(name, 1.0)
        if factor > 1:
            said.append(f"{what} {format_factor(factor)} times the {largest}")
        elif factor < 1:
            said.append(f"{what} {format_factor(1 / factor)} times below the {smallest}")
    return said


def _other_questions(answer: Recommendation) -> list[Line]:
    """What the share would be with half and twice the bound, another risk, the other reference."""
    rows = [("with", "share")]
    for case in answer.would_change.get("cases", ()):
        share = "none" if case["recommended"] is None else percent(case["recommended"])
        unit = "" if case["value"].endswith("%") else " nats"
        title = _TITLES[case["flag"]].format(case["value"], unit)
        rows.append((title, share))
    transposed = list(zip(*rows, strict=True))
    return [Line(line) for line in columns(transposed)] if len(rows) > 1 else []


def _budgets(answer: Recommendation) -> list[Line]:
    shares = [
        f"{format_quantity(other.tokens)} "
        f"{'none' if other.recommended is None else percent(other.recommended)}"
        for other in answer.budgets
    ]
    return _lines(f"By tokens: {', '.join(shares)}." if shares else "")


def _assumed(answer: Recommendation) -> list[Line]:
    """What was assumed, but for the bound and the budget, which stand with their numbers."""
    elsewhere = (_BOUND, _BUDGET) if answer.budgets else (_BOUND,)
    texts = [t for t in answer.assumptions if not any(flag in t for flag in elsewhere)]
    return _lines(f"Assumed: {'; '.join(texts)}." if texts else "", 2)


def _doubts(answer: Recommendation) -> list[Line]:
    """The codes of all that is not shown in words."""
    codes = _codes(answer)
    said = f"To doubt: {', '.join(codes)}."
    while len(said) > WIDTH:
        codes.pop()
        said = f"To doubt: {', '.join(codes)} and more."
    return [Line(said, "unsure")] if codes else []


def _codes(answer: Recommendation) -> list[str]:
    shown = [w for w in answer.warnings if not is_reason(w) or w.law]
    in_words = (*TABLE_ERRORS, *_IN_WORDS, *(f"extrapolation.{name}" for name in _AXES))
    return [code for code in dict.fromkeys(w.code for w in shown) if code not in in_words]
