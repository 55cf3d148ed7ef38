"""``mixlaw fit``: a runs table in, laws with intervals out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mixlaw.cli import completion, hints, output, places
from mixlaw.cli.options import DomainCorpora, DomainSet, GeneralSet, Json, Own

if TYPE_CHECKING:
    from mixlaw.fit.selection import GivenTable
    from mixlaw.result.fit_result import FitResult
    from mixlaw.roles import Roles


Source = Annotated[
    str | None,
    typer.Argument(
        help="Experiment or runs table; default the experiment that changed last.",
        autocompletion=completion.experiments,
    ),
]
LawName = Annotated[
    str | None,
    typer.Option(
        "--law",
        help="Law to fit (mixlaw laws), several (A,B) to compare and stack, or auto, the default: "
        "all that suit the table.",
        metavar="NAME",
        autocompletion=completion.plugins("laws"),
    ),
]
Out = Annotated[Path | None, typer.Option("--out", help="Folder of the fit; default fits/NAME.")]
EvalSets = Annotated[
    str | None,
    typer.Option("--eval-set", help="Eval sets to fit (comma separated).", metavar="A,B"),
]
Where = Annotated[
    list[str],
    typer.Option(
        "--where",
        help="Only rows with this value, or that compare so (tokens/n_params>=10).",
        metavar="COLUMN=VALUE",
    ),
]
Mix = Annotated[
    list[str],
    typer.Option(
        "--mix",
        help="Let definitions in this column differ (recipe, schedule, lr_peak, ...).",
        metavar="COLUMN",
    ),
]
Constraints = Annotated[
    list[str],
    typer.Option("--constrain", help="Impose or lift a constraint of the law.", metavar="eta>1"),
]
Profile = Annotated[
    list[str], typer.Option("--profile", help="Profile interval of a parameter.", metavar="NAME")
]
Prior = Annotated[
    str | None,
    typer.Option(
        "--prior",
        help="published: with what studies say, the default where runs are few; none: without.",
        metavar="NAME",
    ),
]
Draws = Annotated[int, typer.Option("--draws", min=20, help="Resampled sweeps.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the resampling.")]
Validate = Annotated[
    bool,
    typer.Option(
        "--validate/--no-validate",
        help="Hide the largest size, fit the rest, and keep what that would have recommended.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="fit")(fit)


def fit(
    source: Source = None,
    law: LawName = None,
    out: Out = None,
    eval_set: EvalSets = None,
    domain_set: DomainSet = "domain",
    general_set: GeneralSet = "general",
    domain_corpora: DomainCorpora = "domain",
    own: Own = [],  # noqa: B006 (typer copies it)
    where: Where = [],  # noqa: B006
    mix: Mix = [],  # noqa: B006
    constrain: Constraints = [],  # noqa: B006
    profile: Profile = [],  # noqa: B006
    prior: Prior = None,
    draws: Draws = 500,
    seed: Seed = 0,
    validate: Validate = True,
    json: Json = False,
) -> None:
    """Fit scaling laws to a runs table, with intervals and held-out errors."""
    from mixlaw.files import check_writable
    from mixlaw.fit.api import fit_laws
    from mixlaw.fit.selection import GivenTable
    from mixlaw.roles import Roles

    path = places.find_runs(source, quiet=json)
    folder = out or places.FITS / _name(path)
    check_writable(folder)
    given = Roles.parse(domain_set, general_set, domain_corpora, own)
    roles, target = _experiment(path, given)
    table = GivenTable.of(path)
    result = fit_laws(
        table,
        law,
        roles,
        [name.strip() for name in eval_set.split(",")] if eval_set else None,
        where=where,
        mix=mix,
        constraints=constrain,
        profile=profile,
        n_draws=draws,
        seed=seed,
        target=target,
        prior=prior,  # type: ignore[arg-type]  # refused in words if it is another
    )
    _show_worst(table, where, roles, result)
    result.save(folder)
    _show(result, folder, json)
    if validate and result.corpora:
        _validate(folder)
    output.hint(hints.question_to(result, folder))


def _show_worst(table: "GivenTable", where: list[str], roles: "Roles", result: "FitResult") -> None:
    """What the doctor finds wrong with the rows that were fitted, as far as the answer needs it."""
    from mixlaw.cli.doctor import show_worst
    from mixlaw.doctor import examine, for_answer
    from mixlaw.runs.views import only_where

    findings = examine(only_where(table.frame, where), roles, result.target)
    fitted = [*result.eval_sets, *roles.general_sets]
    show_worst(for_answer(findings, fitted, result.target), len(findings), Path(table.source))


def _experiment(table: Path, given: "Roles") -> tuple["Roles", dict[str, float]]:
    """Roles and target of the experiment that the table lies in; roles given by flags win."""
    from mixlaw.roles import Roles

    if not (table.parent / "experiment.yaml").is_file():
        return given, {}
    from mixlaw.experiment import load_experiment

    experiment = load_experiment(table.parent)
    wanted = {"n_params": experiment.target.n_params, "tokens": experiment.target.tokens}
    target = {name: float(value) for name, value in wanted.items() if value}
    return (experiment.roles.roles() if given == Roles() else given), target


def _name(table: Path) -> str:
    """Name of a fit: the experiment's, or that of a table outside of one."""
    inside = (table.parent / "experiment.yaml").is_file()
    return table.parent.resolve().name if inside else table.stem


def _show(result: "FitResult", folder: Path, as_json: bool) -> None:
    from mixlaw.result.screen import page
    from mixlaw.result.store import document

    if as_json:
        output.write_json(document(result))
    else:
        output.write(page(result))
        output.point_to_glossary()
    output.say(f"\nwritten to {folder}: fit.json, draws.npz, compare.csv")


def _validate(folder: Path) -> None:
    """What the same fit without the largest size would have recommended for it."""
    from mixlaw.recommend.validation import validate_saved
    from mixlaw.result.fit_result import FitResult

    output.say(validate_saved(FitResult.load(folder), folder).line())
