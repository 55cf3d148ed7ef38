"""The next command to try, as it runs in this folder; None where there is nothing to run it on."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from mixlaw.cli import places
from mixlaw.quantities import format_quantity

if TYPE_CHECKING:
    from mixlaw.result.fit_result import FitResult

#: A trainer for examples: any of ``mixlaw emitters``.
TRAINER = "megatron"


def question_to(fit: "FitResult", folder: Path) -> str:
    """A question that this fit can answer: about its experiment's target, else about 8B."""
    by_name = folder.parent == places.FITS
    named = shlex.quote(folder.name if by_name else str(folder))
    can_answer = {fit.domain_set, fit.general_set} <= set(fit.eval_sets) and fit.domain_corpora
    if not (fit.corpora and can_answer):
        return f"mixlaw plot {named}"
    size = format_quantity(fit.target.get("n_params", 8e9))
    control = "" if fit.has_base_rows else " --reference control"
    return f"mixlaw recommend --model-size {size}{control} --fit {named}"


def question_to_last() -> str | None:
    """The same of the fit made last."""
    from mixlaw.result.fit_result import FitResult

    folder = places.last_fit()
    return None if folder is None else question_to(FitResult.load(folder), folder)


def emit_for(trainer: str = TRAINER) -> str | None:
    """A question to the fit made last, answered in the words of a trainer."""
    question = question_to_last()
    asks = question is not None and question.startswith("mixlaw recommend")
    return f"{question} --emit {trainer}" if asks else None


def fit_of(law: str) -> str | None:
    """A fit of this law to the experiment that changed last."""
    folder = places.last_experiment(with_table=True)
    return None if folder is None else f"mixlaw fit {shlex.quote(folder.name)} --law {law}"
