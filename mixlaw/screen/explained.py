"""All there is to say about an answer, by headings."""

from mixlaw.recommend.recommendation import Recommendation
from mixlaw.screen.context import costs, details, otherwise, practice
from mixlaw.screen.doubts import assumed, doubts
from mixlaw.screen.headline import alarm, validated, verdict
from mixlaw.screen.layout import Line, wrap
from mixlaw.screen.numbers import budgets, frontier, numbers


def explained(answer: Recommendation) -> list[Line]:
    """The verdict with its numbers, then every part under its heading."""
    parts = {
        "Ratio, losses and rise": [*numbers(answer), *details(answer)],
        "What would change it": otherwise(answer),
        "Other budgets": budgets(answer),
        "Losses by share": frontier(answer),
        "How well it is known": costs(answer),
        "What others did (an outside view, not from your data)": practice(answer),
        "What was assumed": assumed(answer),
        "What to doubt": doubts(answer),
        "Where it comes from": _origin(answer),
    }
    first = [*validated(answer), *alarm(answer), *verdict(answer)]
    lines = [Line(text) for text in first]
    for heading, part in parts.items():
        if part:
            lines += [Line(""), Line(heading, "heading"), *(Line(text) for text in part)]
    return lines


def _origin(answer: Recommendation) -> list[str]:
    fit = answer.fit
    return [
        *wrap(f"The fit {fit['path'] or 'in memory'}: {answer.law} on {fit['rows']} rows of"),
        *wrap(f"{fit['table'] or 'a table in memory'}, SHA-256 {fit['sha256'] or 'not known'}."),
    ]
