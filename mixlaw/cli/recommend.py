"""``mixlaw recommend``: the ratio for a run that has not happened."""

import inspect
import json as json_format
import shlex
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import asdict, fields, replace
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from mixlaw.cli import completion, output, places
from mixlaw.cli.options import DomainCorpora, DomainSet, GeneralSet, Json, Own
from mixlaw.errors import ConfigError, FitError, unknown_name
from mixlaw.quantities import format_quantity
from mixlaw.recommend.option import Group, parse_numbers
from mixlaw.recommend.options import Options, described
from mixlaw.recommend.rule_names import rule_names

if TYPE_CHECKING:
    from mixlaw.emitters import Emitted
    from mixlaw.recommend.recommendation import Recommendation
    from mixlaw.result.fit_result import FitResult


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="recommend")(_with_options_of_a_question(recommend))


FitName = Annotated[
    str | None,
    typer.Option(
        "--fit",
        metavar="DIR",
        help="Folder or name of a fit; default the last one.",
        autocompletion=completion.fits,
    ),
]
EmitName = Annotated[
    str | None,
    typer.Option(
        "--emit",
        metavar="NAME",
        help="Print the mixture for this trainer.",
        autocompletion=completion.plugins("emitters"),
    ),
]
TokensPerDoc = Annotated[
    dict[str, float] | None,
    typer.Option(
        "--tokens-per-doc",
        metavar="A=..,B=..",
        help="Mean tokens per document, for --emit.",
        parser=partial(parse_numbers, flag="--tokens-per-doc"),
    ),
]
Explain = Annotated[bool, typer.Option("--explain", help="Say all there is to say, by headings.")]

Prior = Annotated[
    str | None,
    typer.Option(
        "--prior", metavar="NAME", help="published: what studies say, without a fit or a run."
    ),
]

#: Parts of the help in which the command's own options stand, beside those of ``Options``.
_GROUPS: dict[str, Group] = {
    "fit": "evidence",
    "domain_set": "evidence",
    "general_set": "evidence",
    "domain_corpora": "evidence",
    "own": "evidence",
    "emit": "trainer",
    "tokens_per_doc": "trainer",
    "prior": "evidence",
}


def recommend(
    context: typer.Context,
    fit: FitName = None,
    domain_set: DomainSet = "",
    general_set: GeneralSet = "",
    domain_corpora: DomainCorpora = "",
    own: Own = [],  # noqa: B006  (typer copies it)
    emit: EmitName = None,
    tokens_per_doc: TokensPerDoc = None,
    prior: Prior = None,
    explain: Explain = False,
    json: Json = False,
    **options: Any,
) -> None:
    """Recommend the domain share for a target run, with its interval and its risk."""
    from mixlaw.recommend.api import recommend_ratio
    from mixlaw.result.fit_result import FitResult

    size, counts_all = options.pop("n_params") or (None, False)
    if prior is not None:
        _outside(prior, fit, emit, json, explain, size, options)
        return
    folder = places.find_fit(fit, quiet=True)  # its screen says which
    questioned = _with_roles(FitResult.load(folder), domain_set, general_set, domain_corpora, own)
    answer = recommend_ratio(questioned, n_params=size, n_params_is_total=counts_all, **options)
    emitted = _emitted(
        answer,
        emit,
        tokens_per_doc=tokens_per_doc
        or (_counted(questioned, to=emit, quiet=json) if emit else {}),
        tokens_on_disk=options["unique_tokens"] or {},
    )
    _save(answer, folder)
    if json:
        extra = {} if emitted is None else {"emit": asdict(emitted)}
        output.write_json({**answer.document(), **extra})
    else:
        _show(answer, explain, fit_is_last=fit is None, to_stderr=emit is not None)
        if emit is None:
            _hint(answer, context.find_root().obj, explain)
    if emitted is not None and not json:
        _write_emitted(emitted)
    if emit is not None and emitted is None:
        output.say(_nothing_emitted(answer, emit))
        raise typer.Exit(3)
    if answer.exit_code:
        raise typer.Exit(answer.exit_code)


def _outside(
    prior: str, fit: str | None, emit: str | None, json: bool, explain: bool, size: float | None,
    options: dict[str, Any],
) -> None:  # fmt: skip
    """The outside view: what studies say without a run."""
    from mixlaw.recommend.outside import without_runs

    if prior != "published" or fit is not None or emit is not None:
        raise ConfigError(
            f"--prior {prior} with recommend gives the outside view, without a fit: the only name "
            "is published, and neither --fit nor --emit goes with it; mixlaw fit --prior NAME "
            "chooses the prior of a fit."
        )
    answer = without_runs(size, options)
    if json:
        output.write_json(answer.document())
    else:
        _show(answer, explain, fit_is_last=False, to_stderr=False)
    if answer.exit_code:
        raise typer.Exit(answer.exit_code)


def _with_options_of_a_question(command: Callable[..., None]) -> Callable[..., None]:
    """The command with a parameter for every option of ``Options`` that has a flag."""
    parameters = inspect.signature(command).parameters
    named = [
        parameter.replace(annotation=_in_group(parameter.annotation, _GROUPS.get(name)))
        for name, parameter in parameters.items()
        if parameter.kind is not parameter.VAR_KEYWORD
    ]

    @wraps(command)
    def with_options(**given: Any) -> None:
        command(**given)

    context, *of_command = named
    signature = inspect.Signature([context, *_question_parameters(), *of_command])
    with_options.__signature__ = signature  # type: ignore[attr-defined]
    return with_options


def _in_group(annotation: Any, group: Group | None) -> Any:
    """An annotated option, which other commands may share, shown in this part of the help."""
    if group is None:
        return annotation
    base, option = get_args(annotation)
    option = copy(option)
    option.rich_help_panel = _panel(group)
    return Annotated[base, option]


def _panel(group: Group) -> str:
    return group.capitalize()


def _question_parameters() -> Iterator[inspect.Parameter]:
    defaults = {field.name: field.default for field in fields(Options)}
    for name, option in described().items():
        if not option.flag:
            continue
        text = option.help
        if name == "rule":
            *names, last = rule_names()
            text = f"{text.rstrip('.')}: {', '.join(names)} or {last}."
        flag = typer.Option(
            option.flag,
            metavar=option.example,
            help=text,
            parser=option.parse,
            autocompletion=completion.rules if name == "rule" else None,
            rich_help_panel=_panel(option.group),
        )
        yield inspect.Parameter(
            name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=defaults[name],
            annotation=Annotated[Any, flag],
        )


def _with_roles(
    fit: "FitResult", domain_set: str, general_set: str, domain_corpora: str, own: list[str]
) -> "FitResult":
    """The fit with other eval sets as domain and general, where the options name some."""
    from mixlaw.roles import Roles

    roles = Roles.parse(domain_set, general_set or "general", domain_corpora, own)
    changes: dict[str, Any] = {}
    if domain_set:
        changes["domain_set"] = _known("fitted eval set", domain_set, fit.eval_sets)
    if general_set:
        changes["general_set"] = _known("fitted eval set", roles.general_set, fit.eval_sets)
    if domain_corpora:
        changes["domain_corpora"] = tuple(
            _known("corpus", corpus, fit.corpora) for corpus in roles.domain_corpora
        )
    if own:
        changes["own"] = {**fit.own, **roles.own}
    return replace(fit, **changes)


def _known(what: str, name: str, known: tuple[str, ...]) -> str:
    if name not in known:
        raise FitError(unknown_name(what, name, known))
    return name


def _counted(fit: "FitResult", *, to: str, quiet: bool) -> dict[str, float]:
    """Mean tokens per document of the corpora of the fit's experiment, where a trainer needs them.

    They are what the sweep counted when it encoded its training documents.
    """
    from mixlaw import emitters, plugins
    from mixlaw.corpora.prepare import load_corpora

    cache = Path(str(fit.about.get("source") or "")).parent / "corpora"
    needed = plugins.load("emitters", to).UNIT == emitters.DOCUMENTS
    if not needed or not (cache / "corpora.json").is_file():
        return {}
    counts = {
        name: corpus.n_tokens / corpus.n_documents
        for name, corpus in load_corpora(cache).train.items()
        if corpus.n_documents
    }
    if not quiet:
        means = ", ".join(f"{name} {count:.0f}" for name, count in counts.items())
        output.say(f"Tokens per document, as {cache} counts them: {means} (--tokens-per-doc).")
    return counts


def _emitted(answer: "Recommendation", name: str | None, **sizes: Any) -> "Emitted | None":
    if name is None:
        return None
    from mixlaw import emitters, plugins

    plugins.load("emitters", name)
    if answer.recommended is None:
        return None
    return emitters.emit(name, answer.document(), emitters.EmitOptions(**sizes))


def _nothing_emitted(answer: "Recommendation", name: str) -> str:
    if answer.feasible is False:
        why = "no share keeps what was asked; allow more (--max-general-rise, --risk) or train on"
    else:
        why = "the data cannot tell a ratio; mend or extend the sweep as said above and fit again"
    return f"\nNothing was emitted for '{name}': {why}."


def _save(answer: "Recommendation", folder: Path) -> None:
    from mixlaw.files import write_atomic

    text = json_format.dumps(answer.document(), indent=2, allow_nan=False, ensure_ascii=False)
    try:
        write_atomic(folder / "recommendation.json", text + "\n")
    except OSError as error:  # another's fit may be read, and not written to
        output.say(f"The answer was not saved beside the fit: {error}.")


def _show(answer: "Recommendation", explain: bool, *, fit_is_last: bool, to_stderr: bool) -> None:
    """The screen, on stdout unless that is the trainer's."""
    from mixlaw.screen.explained import explained
    from mixlaw.screen.short import short

    lines = explained(answer) if explain else short(answer, fit_is_last=fit_is_last)
    output.show(lines, to_stderr=to_stderr)
    if explain:
        output.point_to_glossary()


def _hint(answer: "Recommendation", typed: list[str] | None, explained: bool) -> None:
    """What to ask next: the trainer's text, a question that has an answer, or for the reasons.

    Called by another program than a shell, nothing was typed, and there is nothing to repeat.
    """
    if typed is None:
        return
    command = shlex.join(["mixlaw", *(word for word in typed if word != "--explain")])
    other = next((c for c in answer.would_change.get("cases", ()) if c["recommended"]), None)
    if answer.feasible:
        tokens = f" --tokens {format_quantity(answer.tokens)}" if answer.budgets else ""
        output.hint(f"{command}{tokens} --emit megatron", apart=explained)
    elif answer.feasible is False and other:
        output.hint(f"{command} {other['flag']} {other['value']}", apart=explained)
    elif not explained:
        output.hint(f"{command} --explain", apart=False)
    elif answer.fit["table"]:
        output.hint(shlex.join(["mixlaw", "doctor", answer.fit["table"]]))


def _write_emitted(emitted: "Emitted") -> None:
    output.write(emitted.text.rstrip("\n"))
    # JSON and argument files have no comments; their notes go to stderr.
    for note in emitted.notes:
        if note not in emitted.text:
            output.say(note)
