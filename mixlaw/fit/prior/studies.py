"""What published studies, and this project's own, say of the parameters of the forgetting law.

``studies.csv`` holds one fact a line: study, side (general or domain loss), parameter, value with
its standard error, provenance and source. A line whose ``use`` is not ``yes`` is struck out.
"""

import csv
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from mixlaw.fit.prior.random_effects import Student, predicted
from mixlaw.roles import Side

#: The table of facts, beside this module.
FACTS = "studies.csv"
#: What a cell differs by from the form, within the studies: u in nats, and v, relative. With 1.5
#: thousandths of noise the likelihood up to a share of three quarters is highest at u = 4, 4 and 3
#: thousandths and v = .05 (quickstart, Gu et al., code); v is wider for studies unlike these.
LEFT_OVER = {"general": (3.5e-3, 0.07), "domain": (0.05, 0.1)}
#: S of the domain loss as a part of the tokens of pre-training: of 1, .1, .01 and .001 the first
#: that left about as little of the three own sweeps' domain losses as any (.05 to .09 nats).
DOMAIN_SCALE = 0.01
#: Of each side and parameter, the value without any study and the spread between studies that few
#: of them are drawn towards. They are round numbers, chosen when the studies were known: leaving a
#: study out does not take it out of these. They matter little: the form and the user's own runs
#: carry most of an answer.
GUESSES: dict[str, dict[str, Student]] = {
    "general": {
        "nu": Student(0.25, 0.1, 2),
        "tau": Student(0.35, 0.15, 2),
        "ln_e": Student(-5.5, 1.5, 2),
        "ln_b": Student(-2.7, 1.0, 2),
        "w": Student(0.0, 0.02, 2),
        "q": Student(-0.4, 0.3, 2),
    },
    "domain": {
        "nu": Student(0.05, 0.05, 2),
        "tau": Student(0.05, 0.05, 2),
        "ln_e": Student(-4.5, 1.5, 2),
        "ln_b": Student(-2.0, 1.0, 2),
        "w": Student(-0.5, 0.5, 2),
        "q": Student(-0.3, 0.3, 2),
    },
}


@dataclass(frozen=True)
class Fact:
    """One line of ``studies.csv``.

    Attributes:
        study: whose it is.
        side: of which loss, ``general`` or ``domain``.
        parameter: of the forgetting law; ``ln_b`` and ``ln_e`` are the logs of b and e, b at the
            middle of the study's sizes and budgets.
        value: its estimate.
        error: its standard error.
        provenance: how it was read or made.
        source: where.
        use: ``yes``, or why not.
    """

    study: str
    side: str
    parameter: str
    value: float
    error: float
    provenance: str
    source: str
    use: str


@dataclass(frozen=True)
class Prior:
    """What is known of one side's parameters before a run was made.

    Attributes:
        parameters: by name.
        studies: those that speak.
    """

    parameters: dict[str, Student]
    studies: tuple[str, ...]


@cache
def facts() -> tuple[Fact, ...]:
    """All lines of ``studies.csv``."""
    text = files("mixlaw.fit.prior").joinpath(FACTS).read_text(encoding="utf-8")
    return tuple(
        Fact(**{**line, "value": float(line["value"]), "error": float(line["error"])})  # type: ignore[arg-type]
        for line in csv.DictReader(text.splitlines())
    )


def published(side: Side, without: Collection[str] = ()) -> Prior:
    """The prior of all studies in use, but for those named.

    Args:
        side: ``general`` or ``domain``; an eval set that is neither counts as general.
        without: studies that must not speak.
    """
    side = side or "general"
    speaking = [f for f in facts() if f.side == side and f.use == "yes" and f.study not in without]
    parameters = {}
    for name, guess in GUESSES[side].items():
        told = [f for f in speaking if f.parameter == name]
        values, errors = (np.array([getattr(f, of) for f in told]) for of in ("value", "error"))
        parameters[name] = predicted(values, errors, guess)
    return Prior(parameters, tuple(dict.fromkeys(f.study for f in speaking)))


def vague(side: Side) -> Prior:
    """A prior that no study speaks in: the guesses, three times as wide, but for the offset e."""
    parameters = {
        name: guess if name == "ln_e" else Student(guess.centre, 3 * guess.scale, guess.freedom)
        for name, guess in GUESSES[side or "general"].items()
    }
    return Prior(parameters, ())
