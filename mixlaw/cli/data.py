"""``mixlaw data``: look at corpora before they are trained on."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixlaw.cli import output, places
from mixlaw.cli.options import Json

if TYPE_CHECKING:
    from mixlaw.corpora.plan import Plan
    from mixlaw.corpora.survey import Survey


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(help="Look at corpora before they are trained on.", no_args_is_help=True)
    group.command(name="show")(show)
    app.add_typer(group, name="data")


def show(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            help="An experiment, or files and folders of text; default the built-in pair.",
            metavar="[EXPERIMENT | PATH...]",
        ),
    ] = None,
    field: Annotated[
        str, typer.Option("--field", help="Field of the text in formats with fields.")
    ] = "text",
    json: Json = False,
) -> None:
    """Print samples, counts, bytes per token and the fingerprint of every corpus."""
    from mixlaw.corpora.survey import survey_corpora

    plan, cache = _plan(sources or [], field)
    surveys = survey_corpora(plan)
    if json:
        output.write_json({"cache": str(cache), "corpora": [_record(survey) for survey in surveys]})
        return
    output.write(_page(surveys))
    output.say(f"\ncache: {cache}")


def _plan(sources: Sequence[str], field: str) -> tuple["Plan", Path]:
    """What to look at, and where its files are or will be kept."""
    from mixlaw.corpora.plan import BUILTIN_CACHE, Plan
    from mixlaw.experiment import CorpusSource, TokenizerSource, load_experiment

    if not sources:
        pair = {name: CorpusSource(builtin=name) for name in ("general", "domain")}
        return Plan(pair, 1, {}, {}, TokenizerSource()), BUILTIN_CACHE
    if len(sources) == 1 and not _is_corpus(Path(sources[0])):
        folder = places.find_experiment(sources[0])
        experiment = load_experiment(folder)
        plan = Plan(experiment.corpora, 1, {}, {}, experiment.tokenizer)
        return plan, folder / "corpora"
    paths = {_name(path): CorpusSource(path=path, field=field) for path in sources}
    return Plan(paths, 1, {}, {}, TokenizerSource()), BUILTIN_CACHE


def _is_corpus(path: Path) -> bool:
    return path.exists() and not (path / "experiment.yaml").is_file()


def _name(path: str) -> str:
    return Path(path).name or path


def _page(surveys: Sequence["Survey"]) -> str:
    header = ("corpus", "documents", "bytes", "tokens", "bytes/token", "fingerprint")
    rows = []
    for survey in surveys:
        for side, counts in (("train", survey.train), ("held out", survey.held_out)):
            numbers = (f"{n:,}" for n in (counts.documents, counts.bytes, counts.tokens))
            ratio = f"{counts.bytes_per_token:.2f}"
            mark = survey.fingerprint if side == "train" else ""
            rows.append((f"{survey.name}, {side}", *numbers, ratio, mark))
    parts = [*(_samples(survey) for survey in surveys), output.table(header, rows)]
    parts += [
        f"Of '{survey.name}' only the beginning was read; the counts are of that part."
        for survey in surveys
        if not survey.is_complete
    ]
    return "\n\n".join(parts)


def _samples(survey: "Survey") -> str:
    title = f"{survey.name}: {survey.source}"
    return "\n".join([title, "-" * len(title), "\n[...]\n".join(survey.samples)])


def _record(survey: "Survey") -> dict[str, Any]:
    from dataclasses import asdict

    record = asdict(survey)
    for side, counts in (("train", survey.train), ("held_out", survey.held_out)):
        record[side]["bytes_per_token"] = counts.bytes_per_token
    return record
