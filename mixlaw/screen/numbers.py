"""The tables of numbers: ratio, losses and rise; other budgets; the frontier."""

from mixlaw.quantities import format_quantity, percent, percents
from mixlaw.recommend.recommendation import Recommendation
from mixlaw.result.types import LEVEL
from mixlaw.screen.layout import columns, interval_cells


def numbers(answer: Recommendation) -> list[str]:
    """Ratio, losses and rise, each with its interval."""
    low, high = answer.interval
    estimate = "none" if answer.estimate is None else percent(answer.estimate)
    rows = [("", "estimate", f"{LEVEL:.0%} interval", "")]
    # Compute that is allocated at a given ratio has no ratio to estimate.
    if low < high or "flops" not in answer.details:
        rows.append((answer.ratio_name, estimate, " to ".join(percents(low, high)), ""))
    if answer.details.get("n_params", {}).get("low") is not None:
        ends = [format_quantity(answer.details["n_params"][end]) for end in ("low", "high")]
        rows.append(("parameters", format_quantity(answer.n_params), " to ".join(ends), ""))
    where = f"nats, at {percent(answer.at)}"
    rows += [(f"{n} loss", *interval_cells(loss), where) for n, loss in answer.losses.items()]
    rise = answer.general_rise
    if rise is not None:
        bounded = answer.keeps_bound and rise["tolerance"] is not None
        allowed = f"allowed: {rise['tolerance']:.3g}" if bounded else ""
        rows.append(("general rise", *interval_cells(rise), allowed))
    return columns(rows)


def budgets(answer: Recommendation) -> list[str]:
    """The same at other token budgets."""
    if not answer.budgets:
        return []
    rows = [("tokens", "recommended", "critical ratio", f"{LEVEL:.0%} interval")]
    for other in answer.budgets:
        chosen = "none" if other.recommended is None else percent(other.recommended)
        estimate = "none" if other.estimate is None else percent(other.estimate)
        low, high = other.interval
        verdict = {True: "", None: " (cannot tell)", False: " (no feasible ratio)"}[other.feasible]
        interval = f"{percent(low)} to {percent(high)}{verdict}"
        rows.append((format_quantity(other.tokens), chosen, estimate, interval))
    return columns(rows)


def frontier(answer: Recommendation) -> list[str]:
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
    return columns(rows)
