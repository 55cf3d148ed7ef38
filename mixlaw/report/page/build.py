"""``write_page``: the report of a fit as one HTML file."""

import base64
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mixlaw import __version__
from mixlaw.doctor import examine
from mixlaw.errors import FitError
from mixlaw.files import write_atomic
from mixlaw.quantities import format_quantity
from mixlaw.recommend.api import recommend
from mixlaw.recommend.options import Options
from mixlaw.recommend.question import Question
from mixlaw.recommend.recommendation import Recommendation
from mixlaw.recommend.target import question_of
from mixlaw.report.asked import asked, last_recommendation
from mixlaw.report.cells import cells_of, nearest, roles_of
from mixlaw.report.critical import critical
from mixlaw.report.decision import decision
from mixlaw.report.held_out import has_held_out, held_out
from mixlaw.report.page import sentences, tables, trainers
from mixlaw.report.page.what_if import WhatIf
from mixlaw.report.points import fitted_table
from mixlaw.result.fit_result import FitResult
from mixlaw.runs.cells import Cell

#: What a rise can be measured against, in the words of the page.
_REFERENCES = {"base": "the base model", "control": "an equally long general-only run"}
#: Labels of the sliders.
_SLIDERS = {
    "n_params": "Model size",
    "tokens": "Tokens",
    "bound": "Allowed rise of the general loss",
    "risk": "Allowed probability of more",
}


@dataclass(frozen=True)
class Subject:
    """What a page is about.

    Attributes:
        fit: the fit.
        folder: where it lies.
        frame: the runs table that it was made from.
        options: the question.
        source: where the question's target comes from, in words.
    """

    fit: FitResult
    folder: Path
    frame: pd.DataFrame
    options: Options
    source: str


def write_page(
    fit_folder: str | Path,
    out: str | Path,
    runs: Path | None = None,
    say: Callable[[str], None] = lambda message: None,
    **question: Any,
) -> Recommendation:
    """Write the page of a fit.

    Args:
        fit_folder: folder of the fit.
        out: the HTML file.
        runs: the runs table that it was made from; None for where it lay then.
        say: called with a sentence about the table or the question.
        question: fields of ``Options``; those that are None are as asked last, or as the
            experiment says.

    Returns:
        The recommendation that the page shows.

    Raises:
        DataError: the table is not there, or is none of this fit.
        ConfigError: an option is out of its range.
        FitError: the fit cannot answer the question.
    """
    folder = Path(fit_folder)
    fit = FitResult.load(folder)
    frame = fitted_table(fit, runs, say)
    options, source = asked(fit, last_recommendation(folder), **question)
    answer = recommend(fit, options)
    subject = Subject(fit, folder, frame, options, source)
    write_atomic(Path(out), page(subject, answer))
    return answer


def page(subject: Subject, answer: Recommendation) -> str:
    """The page as text.

    Raises:
        FitError: the fit knows no rise of a general loss, which every part of the page is about.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    question = question_of(subject.fit, subject.options)
    if not question.knows_rise:
        raise FitError(
            "The page is about the rise of the general loss, which this fit does not know; add "
            "base rows (tokens = 0), or compare with --reference control."
        )
    here = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(here),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    contents = {
        **_texts(subject, answer),
        **_figures(subject, answer, question),
        **_of_table(subject, answer),
        "recommendation": _json(answer.document()),
    }
    return environment.get_template("page.html.j2").render(contents)


def _texts(subject: Subject, answer: Recommendation) -> dict[str, Any]:
    fit = subject.fit
    emitted = trainers.of_tokens(answer.document())
    others = ", ".join(trainers.others())
    return {
        "version": __version__,
        "title": f"mixlaw: {sentences.target(answer)}",
        "headline": sentences.headline(answer),
        "lead": list(sentences.lead(answer)),
        "origin": sentences.origin(fit, answer, subject.source, str(subject.folder)),
        "trust": list(sentences.trust(fit, answer)),
        "caveats": sentences.caveats(fit, answer),
        "next_run": sentences.next_run(answer),
        "changes": tables.changes(answer),
        "validation": tables.validation(answer.validation),
        "errors": tables.errors(fit),
        "warnings": [
            {"code": w.code, "where": w.eval_set, "message": w.message} for w in answer.warnings
        ],
        "commands": "\n".join(_commands(subject)),
        "trainers": emitted,
        "others": f"For trainers that count documents, give --tokens-per-doc: {others}."
        if emitted and others
        else "",
    }


def _figures(subject: Subject, answer: Recommendation, question: Question) -> dict[str, Any]:
    """The sliders with their data, and the figures that stand still."""
    from markupsafe import Markup

    fit, options = subject.fit, subject.options
    cells = cells_of(fit, subject.frame, options.reference)
    what_if = WhatIf.of(question, options)
    shown = nearest(question, cells)
    here = Path(__file__).parent
    document = {**what_if.document(), "measured": [_measured(cell) for cell in shown]}
    several = len(fit.levels["tokens"]) > 1
    return {
        "css": Markup((here / "page.css").read_text(encoding="utf-8")),
        "script": Markup((here / "what_if.js").read_text(encoding="utf-8")),
        "what_if": _json(document),
        "has_domain": question.has_domain,
        "cells": list(_named(shown)),
        "sliders": [{"name": name, "label": label} for name, label in _SLIDERS.items()],
        "references": [{"name": n, "label": _REFERENCES[n]} for n in what_if.references],
        "decision": _picture(
            decision(question, options, cells),
            f"The rise of the general loss and the domain loss against the domain share: "
            f"{sentences.headline(answer)}",
        ),
        "critical": _picture(
            critical(question, options, cells),
            "The critical domain share against model size and against tokens, fitted lines and "
            "measured marks",
        )
        if several
        else None,
        "held_out": _picture(
            held_out(fit), "Losses hidden from the fit: predicted against measured"
        )
        if has_held_out(fit)
        else None,
    }


def _of_table(subject: Subject, answer: Recommendation) -> dict[str, Any]:
    target = {"n_params": answer.n_params, "tokens": answer.tokens}
    return {
        "plan": tables.plan(subject.fit, subject.frame),
        "findings": examine(subject.frame, roles_of(subject.fit), target),
    }


def _commands(subject: Subject) -> Iterator[str]:
    """What makes the fit, the answer and the page again."""
    about, options = subject.fit.about, subject.options
    made = about.get("options", {})
    laws = f" --law {made['law']}" if made.get("law") else ""
    rise = (
        ""
        if options.max_general_rise is None
        else f" --max-general-rise {options.max_general_rise}"
    )
    tokens = "" if options.tokens is None else f" --tokens {options.tokens:.10g}"
    question = (
        f"--model-size {options.n_params:.10g}{tokens}{rise} --risk {options.risk:g} "
        f"--reference {options.reference}"
    )
    yield f"pip install mixlaw=={__version__}"
    yield f"mixlaw fit {about.get('source') or 'RUNS.csv'}{laws} --out {subject.folder}"
    yield f"mixlaw recommend --fit {subject.folder} {question}"
    yield f"mixlaw report {subject.folder} {question} --out report.html"


def _named(shown: Sequence[Cell]) -> Iterator[str]:
    for words, cell in zip(("Circles", "Squares"), shown, strict=False):
        yield (
            f"{words}: measured at {format_quantity(cell.n_params)} parameters, "
            f"{format_quantity(cell.tokens)} tokens"
        )


def _measured(cell: Cell) -> dict[str, Any]:
    known = [name for name in _REFERENCES if cell.can_answer(name)]
    return {
        "ratios": cell.ratios.tolist(),
        "rise": {name: np.round(cell.rise(name), 6).tolist() for name in known},
    }


def _picture(figure: Figure, alt: str) -> dict[str, str]:
    """A figure as an image within the page: SVG whose bytes depend on its content alone."""
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "mixlaw"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    content = base64.b64encode(buffer.getvalue()).decode("ascii")
    return {"alt": alt, "source": f"data:image/svg+xml;base64,{content}"}


def _json(document: Any) -> Any:
    """JSON for a script element, in which no tag can begin."""
    from markupsafe import Markup

    text = json.dumps(document, allow_nan=False, ensure_ascii=False)
    return Markup(text.replace("<", "\\u003c"))
