"""The screen for a person: the verdict first, then the numbers, then what to doubt."""

from mixlaw.recommend.recommendation import Recommendation
from mixlaw.recommend.screen.context import costs, details
from mixlaw.recommend.screen.doubts import doubts
from mixlaw.recommend.screen.headline import alarm, validated, verdict
from mixlaw.recommend.screen.numbers import budgets, frontier, numbers


def screen(answer: Recommendation) -> str:
    """One screen about a recommendation."""
    parts = (
        validated(answer),
        alarm(answer),
        verdict(answer),
        numbers(answer),
        costs(answer),
        details(answer),
        budgets(answer),
        frontier(answer),
        doubts(answer),
    )
    return "\n\n".join("\n".join(part) for part in parts if part)
