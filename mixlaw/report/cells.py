"""Measured cells beside a question: the nearest ones, and the critical shares that they show."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mixlaw.recommend.question import Question
from mixlaw.result.fit_result import FitResult
from mixlaw.roles import Roles
from mixlaw.runs.cells import Cell, measured_cells

#: As many nearest cells are drawn beside a curve; more hide it.
NEAREST = 2


def roles_of(fit: FitResult) -> Roles:
    """The roles that a fit was made with."""
    return Roles(
        fit.domain_set,
        fit.general_sets or {fit.general_set: 1.0},
        tuple(fit.domain_corpora),
        dict(fit.own),
    )


def cells_of(fit: FitResult, frame: pd.DataFrame, reference: str) -> list[Cell]:
    """The cells of a fit's table that show a critical share themselves."""
    cells = measured_cells(frame, roles_of(fit))
    return [cell for cell in cells if cell.can_answer(reference)]


def nearest(question: Question, cells: Sequence[Cell]) -> list[Cell]:
    """The cells nearest to the target in log size and log tokens, the nearest first."""

    def distance(cell: Cell) -> float:
        size, tokens = (
            np.log(cell.n_params / question.n_params),
            np.log(cell.tokens / question.tokens),
        )
        return float(np.hypot(size, tokens))

    return sorted(cells, key=distance)[:NEAREST]
