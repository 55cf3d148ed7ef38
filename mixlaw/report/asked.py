"""Which question the figures and the page of a fit answer, where nobody asks one."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mixlaw.errors import DataError
from mixlaw.quantities import format_quantity
from mixlaw.recommend.options import Options
from mixlaw.recommend.recommendation import SCHEMA
from mixlaw.result.fit_result import FitResult

#: The only rule whose answer is a bound that a figure can show as a line.
RULE = "tolerance"


def last_recommendation(folder: Path) -> dict[str, Any] | None:
    """The document that ``mixlaw recommend`` left beside a fit; None where it left none.

    Raises:
        DataError: the file there is no such document.
    """
    path = folder / "recommendation.json"
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        document = None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise DataError(f"'{path}' is no '{SCHEMA}'; run 'mixlaw recommend' again, or delete it.")
    return document


def asked(fit: FitResult, last: Mapping[str, Any] | None, **given: Any) -> tuple[Options, str]:
    """The question to show, and in words where its target comes from.

    Args:
        fit: the fit that is asked.
        last: the recommendation made last of it, where there is one.
        given: options that are not None win over everything.

    A target that is not given is that of the last recommendation, else the experiment's, else the
    largest size and the longest budget of the table.
    """
    known = {name: value for name, value in given.items() if value is not None}
    if known.get("n_params") is not None:
        return Options(**known), "as asked"
    if last is not None and last["rule"] == RULE and last["general_rise"] is not None:
        rise = last["general_rise"]
        before = {
            **last["target"],
            "max_general_rise": rise["tolerance"],
            "risk": rise["risk"],
            "reference": last["reference"],
        }
        return Options(**{**before, **known}), "the question asked last (recommendation.json)"
    if fit.target.get("n_params"):
        return Options(**{**fit.target, **known}), "the experiment's target"
    largest = {name: fit.ranges[name][1] for name in ("n_params", "tokens")}
    size, tokens = (format_quantity(count) for count in largest.values())
    return (
        Options(**{**largest, **known}),
        f"the largest size and the longest budget of the table, {size} and {tokens}",
    )
