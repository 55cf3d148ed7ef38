"""``mixlaw recommend``: the ratio for a run that has not happened."""

import json as json_format
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from functools import partial
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixlaw.cli import output, places
from mixlaw.cli.options import DomainCorpora, DomainSet, GeneralSet, Json, Own
from mixlaw.errors import ConfigError, FitError, unknown_name
from mixlaw.mixture import parse_ratio
from mixlaw.quantities import format_quantity, parse_quantity

if TYPE_CHECKING:
    from mixlaw.emitters import Emitted
    from mixlaw.recommend.answer import Recommendation
    from mixlaw.result.fit_result import FitResult


def _text(flag: str, metavar: str, help_text: str) -> Any:
    return typer.Option(flag, metavar=metavar, help=help_text)


def _parsed(flag: str, metavar: str, help_text: str, parser: Callable[[str], Any]) -> Any:
    return typer.Option(flag, metavar=metavar, help=help_text, parser=parser)


def _count(flag: str, metavar: str, what: str, help_text: str) -> Any:
    return _parsed(flag, metavar, help_text, partial(parse_quantity, what=what))


def _number(flag: str, metavar: str, help_text: str) -> Any:
    return _parsed(flag, metavar, help_text, partial(_a_number, flag=flag))


def _a_number(text: str | float, flag: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{flag} is '{text}', which is no number.") from None


def _numbers(text: str, flag: str) -> dict[str, float]:
    """``A=1,B=2`` as a mapping."""
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, separator, value = part.partition("=")
        if not separator:
            raise ConfigError(f"'{part}' in {flag} must have the form NAME=NUMBER.")
        try:
            number = float(value)
        except ValueError:
            number = parse_quantity(value, f"value of '{name.strip()}' in {flag}")
        if not isfinite(number):
            raise ConfigError(f"The value of '{name.strip()}' in {flag} is {value}, not a number.")
        found[name.strip()] = number
    return found


def _named(flag: str, metavar: str, help_text: str) -> Any:
    return _parsed(flag, metavar, help_text, partial(_numbers, flag=flag))


def _bounds(text: str) -> dict[str, tuple[float, float]]:
    """``A=0.1:0.5`` as a mapping to pairs."""
    pairs = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, ends = part.partition("=")
        try:
            low, high = (float(end) for end in ends.split(":"))
        except ValueError:
            raise ConfigError(f"'{part}' in --bounds must have the form NAME=LOW:HIGH.") from None
        pairs[name.strip()] = (low, high)
    return pairs


ModelSize = Annotated[
    str | None,
    _text("--model-size", "8B", "Non-embedding parameters of the target; 8B:total counts all."),
]
Tokens = Annotated[
    float | None,
    _count("--tokens", "20B", "token budget", "CPT tokens of the target; default a table."),
]
Rule = Annotated[
    str,
    _text("--rule", "NAME", "tolerance, turning-point, limited-domain, allocation or balance."),
]
MaxGeneralRise = Annotated[
    str | None,
    _text(
        "--max-general-rise",
        "0.02|3%",
        "Allowed rise of the general loss, nats or %; default 0.02.",
    ),
]
Risk = Annotated[float, _number("--risk", "0.1", "Allowed probability of breaking that bound.")]
ReferenceName = Annotated[
    str, _text("--reference", "base|control", "What the rise is measured against.")
]
BaseGeneralLoss = Annotated[
    str | None,
    _text("--base-general-loss", "2.31|0.61bpb", "Measured general loss of the target's base."),
]
BaseDomainLoss = Annotated[
    str | None,
    _text("--base-domain-loss", "2.31|0.61bpb", "Measured domain loss of the target's base."),
]
BaseTokenizer = Annotated[
    str | None,
    _text("--base-tokenizer", "NAME", "Tokenizer of the target's base, if not the table's."),
]
DomainTokens = Annotated[
    float | None,
    _count("--domain-tokens", "5B", "number of domain tokens", "Distinct domain tokens there are."),
]
MaxEpochs = Annotated[float, _number("--max-epochs", "4", "How often a token may be repeated.")]
Flops = Annotated[
    float | None, _count("--flops", "5e19", "compute", "Compute to spend (rule allocation).")
]
Ratio = Annotated[
    float | None, _parsed("--ratio", "30%|3:7", "Ask about this domain share.", parse_ratio)
]
Lambda = Annotated[
    float, _number("--lambda", "10", "Weight of the general loss (rule turning-point).")
]
Weights = Annotated[
    dict[str, float] | None,
    _named("--weights", "A=1,B=2", "Weights of the losses (rule balance)."),
]
Natural = Annotated[
    dict[str, float] | None,
    _named("--natural", "A=.7,B=.3", "Natural shares of the corpora within their part."),
]
ShiftKind = Annotated[
    str | None,
    _text("--shift", "KIND", "Compare with runs of: same-language, new-language, anneal."),
]
ReachDomainLoss = Annotated[
    float | None,
    _number("--reach-domain-loss", "1.9", "Ask how many tokens reach this domain loss."),
]
UniqueTokens = Annotated[
    dict[str, float] | None,
    _named(
        "--unique-tokens",
        "A=5B,B=9B",
        "Distinct tokens by corpus, for --rule balance and --emit.",
    ),
]
Bounds = Annotated[
    dict[str, tuple[float, float]] | None,
    _parsed("--bounds", "A=0:.5", "Share bounds by corpus (rule balance).", _bounds),
]
Kl = Annotated[
    float, _number("--kl", "0.1", "Price of leaving the natural mixture (rule balance).")
]
Observed = Annotated[
    Path | None, _text("--observed", "RUNS", "First rows of the target run: recalibrate.")
]
FitName = Annotated[
    str | None, _text("--fit", "DIR", "Folder or name of a fit; default the last one.")
]
EmitName = Annotated[str | None, _text("--emit", "NAME", "Print the mixture for this trainer.")]
TokensPerDoc = Annotated[
    dict[str, float] | None,
    _named("--tokens-per-doc", "A=..,B=..", "Mean tokens per document, for --emit."),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="recommend")(recommend)


def recommend(
    context: typer.Context,
    model_size: ModelSize = None,
    tokens: Tokens = None,
    rule: Rule = "tolerance",
    max_general_rise: MaxGeneralRise = None,
    risk: Risk = 0.1,
    reference: ReferenceName = "base",
    base_general_loss: BaseGeneralLoss = None,
    base_domain_loss: BaseDomainLoss = None,
    base_tokenizer: BaseTokenizer = None,
    domain_tokens: DomainTokens = None,
    max_epochs: MaxEpochs = 1.0,
    flops: Flops = None,
    ratio: Ratio = None,
    lambda_: Lambda = float("inf"),
    weights: Weights = None,
    natural: Natural = None,
    shift: ShiftKind = None,
    reach_domain_loss: ReachDomainLoss = None,
    unique_tokens: UniqueTokens = None,
    bounds: Bounds = None,
    kl: Kl = 0.0,
    observed: Observed = None,
    fit: FitName = None,
    emit: EmitName = None,
    tokens_per_doc: TokensPerDoc = None,
    domain_set: DomainSet = "",
    general_set: GeneralSet = "",
    domain_corpora: DomainCorpora = "",
    own: Own = [],  # noqa: B006  (typer copies it)
    json: Json = False,
) -> None:
    """Recommend the domain share for a target run, with its interval and its risk."""
    from mixlaw.recommend.api import recommend_ratio
    from mixlaw.result.fit_result import FitResult

    folder = places.find_fit(fit)
    asked_of = _with_roles(FitResult.load(folder), domain_set, general_set, domain_corpora, own)
    answer = recommend_ratio(asked_of, **_asked(context.params))
    emitted = _emitted(
        answer, emit, tokens_per_doc=tokens_per_doc or {}, tokens_on_disk=unique_tokens or {}
    )
    _save(answer, folder)
    _show(answer, emitted, json, quiet=emit is not None)
    if answer.recommended is not None and emit is None and not json:
        names = [format_quantity(count) for count in (answer.n_params, answer.tokens)]
        target = "--model-size {} --tokens {}".format(*names)
        output.hint(f"mixlaw recommend {target} --emit NAME   (names: mixlaw emitters)")
    if emit is not None and emitted is None:
        output.say(_nothing_emitted(answer, emit))
        raise typer.Exit(3)
    if answer.exit_code:
        raise typer.Exit(answer.exit_code)


def _asked(params: dict[str, Any]) -> dict[str, Any]:
    """What ``recommend_ratio`` is asked: the options of the command that bear its names."""
    from mixlaw.recommend.options import Options

    size, counts_all = _model_size(params["model_size"])
    same = {field.name: params[field.name] for field in fields(Options) if field.name in params}
    return {**same, "n_params": size, "n_params_is_total": counts_all}


def _model_size(text: str | None) -> tuple[float | None, bool]:
    """The size, and whether it counts the embeddings too (``8B:total``)."""
    if text is None:
        return None, False
    number, separator, convention = text.partition(":")
    if separator and convention.strip().lower() != "total":
        raise ConfigError(f"The model size '{text}' is neither 8B (non-embedding) nor 8B:total.")
    return parse_quantity(number, "model size"), bool(separator)


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
    except OSError as error:  # somebody else's fit can be asked, and not written to
        output.say(f"The answer was not saved beside the fit: {error}.")


def _show(answer: "Recommendation", emitted: "Emitted | None", as_json: bool, quiet: bool) -> None:
    """The document, or the trainer's text, on stdout; the screen where stdout leaves room."""
    from mixlaw.recommend.screen import screen

    if as_json:
        extra = {} if emitted is None else {"emit": asdict(emitted)}
        output.write_json({**answer.document(), **extra})
    elif quiet:
        output.say(screen(answer))
    else:
        output.write(screen(answer))
    if not as_json:
        output.point_to_glossary()
    if emitted is not None and not as_json:
        output.write(emitted.text.rstrip("\n"))
        # JSON and argument files have no comments; what they cannot say is said beside them.
        for note in emitted.notes:
            if note not in emitted.text:
                output.say(note)
