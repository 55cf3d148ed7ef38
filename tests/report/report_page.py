"""A page with the fit that it shows and the answer that it was written with."""

from dataclasses import dataclass
from pathlib import Path

from mixlaw.recommend.recommendation import Recommendation
from mixlaw.result.fit_result import FitResult


@dataclass(frozen=True)
class Page:
    path: Path
    fit: FitResult
    answer: Recommendation
