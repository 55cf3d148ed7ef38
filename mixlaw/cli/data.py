"""``mixlaw data``: look at corpora before they are trained on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixlaw.cli import output, places
from mixlaw.cli.options import Json

if TYPE_CHECKING:
    from mixlaw.corpora.plan import CorporaPlan
    from mixlaw.corpora.survey import Survey
    from mixlaw.experiment import Experiment


#: Standard error of a held-out loss, nats per token, that is wanted where nobody says: half of the
#: rise that ``recommend`` allows by default (0.02). Conventional; twice as much needs a quarter of
#: the held-out tokens.
PRECISION = 0.01


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
            metavar="EXPERIMENT|PATH",
        ),
    ] = None,
    field: Annotated[
        str, typer.Option("--field", help="Field of the text in formats with fields.")
    ] = "text",
    precision: Annotated[
        float | None,
        typer.Option(
            min=1e-6,
            help="Standard error wanted of a held-out loss, nats per token; by default that of the "
            f"experiment, else {PRECISION}.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Print samples, counts, bytes per token and the fingerprint of every corpus.

    Says too how precisely its held-out set can measure a loss, and what may be wrong.
    """
    from mixlaw.corpora.survey import survey_corpora

    request = _request(sources or [], field)
    surveys = survey_corpora(request.plan)
    wanted = precision or _precision_of(request.experiment)
    notes = [*_precision(surveys, wanted), *_repetition(request.experiment, surveys)]
    if json:
        corpora = [_record(survey) for survey in surveys]
        output.write_json({"cache": str(request.cache), "corpora": corpora, "notes": notes})
        return
    output.write(_page(surveys))
    for note in notes:
        output.say(f"\n{note}")
    output.say(f"\ncache: {request.cache}")


@dataclass(frozen=True)
class _Request:
    """What to look at, and where its files are or will be kept."""

    plan: "CorporaPlan"
    cache: Path
    experiment: "Experiment | None" = None


def _request(sources: Sequence[str], field: str) -> _Request:
    from mixlaw.corpora.plan import BUILTIN_CACHE, BUILTIN_PAIR, CorporaPlan
    from mixlaw.experiment import CorpusSource, Evaluation, TokenizerSource, Training

    if len(sources) == 1 and not _is_corpus(Path(sources[0])):
        return _request_of_experiment(places.find_experiment(sources[0]))
    paths = {_name(path): CorpusSource(path=path, field=field) for path in sources}
    corpora = paths or BUILTIN_PAIR
    held_out = dict.fromkeys(corpora, Evaluation.model_fields["held_out_tokens"].default)
    plan = CorporaPlan(corpora, Training().seq_len, {}, held_out, TokenizerSource())
    return _Request(plan, BUILTIN_CACHE)


def _request_of_experiment(folder: Path) -> _Request:
    from mixlaw.corpora.plan import CorporaPlan
    from mixlaw.experiment import load_experiment
    from mixlaw.sweep.models import resolve_models

    experiment, _ = resolve_models(folder, load_experiment(folder), weights=False)
    seq_len, held_out = experiment.training.seq_len, experiment.held_out_tokens()
    plan = CorporaPlan(experiment.corpora, seq_len, {}, held_out, experiment.tokenizer)
    return _Request(plan, folder / "corpora", experiment)


def _is_corpus(path: Path) -> bool:
    on_hub = path.parts[:1] == ("hf:",)
    is_other = path.exists() and not (path / "experiment.yaml").is_file()
    # What does not exist but looks like a file is reported as a missing file, not as an experiment.
    is_missing = path.suffix and not path.exists() and not (places.EXPERIMENTS / path).exists()
    return on_hub or is_other or bool(is_missing)


def _name(path: str) -> str:
    return Path(path).name or path


def _precision_of(experiment: "Experiment | None") -> float:
    wanted = experiment.evaluation.precision if experiment else None
    return wanted or PRECISION


def _precision(surveys: Sequence["Survey"], precision: float) -> Iterator[str]:
    """How precisely each held-out set measures, and how many tokens would do."""
    from mixlaw.corpora.precision import precision_note

    for survey in surveys:
        size, missing = survey.held_out_set.tokens, survey.held_out_set.missing
        if missing:
            yield (
                f"The held-out documents of '{survey.name}' lack {missing:,} of the {size:,} "
                "tokens of its held-out set; add text or ask for fewer."
            )
        elif size and survey.train.tokens:
            error = survey.held_out_set.standard_error
            yield from precision_note(survey.name, size, error, precision)


def _repetition(experiment: "Experiment | None", surveys: Sequence["Survey"]) -> Iterator[str]:
    """Corpora that proxies and target run would repeat differently, at their largest share."""
    from mixlaw.sweep.data import repetition

    complete = {s.name: s.train.tokens for s in surveys if s.is_complete and s.train.tokens}
    if experiment is not None:
        yield from repetition(experiment, complete)


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
