"""``mixlaw sweep``: train the proxies of an experiment."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mixlaw.cli import completion, output
from mixlaw.cli.options import Json
from mixlaw.cli.places import EXPERIMENTS, find_experiment

#: Bytes of a unit, decimal as disks are sold.
_UNITS = {"MB": 1e6, "GB": 1e9, "TB": 1e12}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(sweep)


def sweep(
    experiment: Annotated[
        str | None,
        typer.Argument(
            help="Folder or name of an experiment; the built-in quickstart if absent.",
            autocompletion=completion.experiments,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print runs, tokens, FLOPs, time and disk; train nothing."),
    ] = False,
    executor: Annotated[
        str | None,
        typer.Option(help="Where runs execute: inline, local or another plugin.", metavar="NAME"),
    ] = None,
    track: Annotated[
        str | None,
        typer.Option(help="Show runs in tensorboard, wandb or mlflow.", metavar="NAME"),
    ] = None,
    hold_back: Annotated[
        bool,
        typer.Option(
            "--hold-back", help="Leave the largest size for later: fit, ask, sweep on, compare."
        ),
    ] = False,
    detach: Annotated[
        bool,
        typer.Option("--detach", help="Go on in the background; see 'status' and 'cancel'."),
    ] = False,
    json: Json = False,
) -> None:
    """Train proxies at several ratios and token budgets; their losses go to runs.csv."""
    from mixlaw import plugins
    from mixlaw.sweep.api import run_sweep

    if executor:
        plugins.load("executors", executor)  # before anything is written
    if track:
        plugins.load("trackers", track)
    folder = _folder_of(experiment, quiet=json)
    if dry_run:
        _show_plan(folder, executor, json)
        return
    if detach:
        _detach(folder, executor, track, hold_back, json)
        return
    result = run_sweep(
        folder,
        executor=executor,
        track=track,
        hold_back=hold_back,
        say=output.say,
        live=sys.stderr.isatty(),
    )
    if json:
        output.write_json(result.document())
        return
    output.write(str(result.table))
    output.hint(f"mixlaw fit {shlex.quote(experiment or folder.name)}")


def _folder_of(experiment: str | None, *, quiet: bool) -> Path:
    """The folder of an experiment; the built-in one is written where none is named."""
    from mixlaw.sweep.quickstart import write_quickstart

    if experiment is not None:
        return find_experiment(experiment)
    folder = write_quickstart(EXPERIMENTS)
    if not quiet:
        output.say(f"{folder}, the built-in experiment:")
    return folder


def _detach(
    folder: Path, executor: str | None, track: str | None, hold_back: bool, as_json: bool
) -> None:
    from mixlaw.sweep.background import detach_sweep

    chosen = {"--executor": executor, "--track": track}
    options = [f"{option}={name}" for option, name in chosen.items() if name]
    options += ["--hold-back"] if hold_back else []
    detached = detach_sweep(folder, options)
    if as_json:
        output.write_json(detached.document())
        return
    output.write(str(detached.log))
    output.hint(f"mixlaw status {shlex.quote(str(folder))} --watch")
    output.say(f"to stop it: mixlaw cancel {shlex.quote(str(folder))}")


def _show_plan(folder: Path, executor: str | None, as_json: bool) -> None:
    from mixlaw.quantities import format_quantity
    from mixlaw.sweep.dry_run import describe_sweep
    from mixlaw.sweep.progress import duration

    plan = describe_sweep(folder, executor)
    if as_json:
        output.write_json(plan)
        return
    header = ("run", "size", "mixture", "seed", "tokens", "FLOPs", "time", "")
    output.write(output.table(header, [_plan_line(run) for run in plan["runs"]]))
    n_left = sum(not run["done"] for run in plan["runs"])
    gpu_hours = f"{plan['gpu_hours']:,.0f} GPU hours, " if plan["gpu_hours"] is not None else ""
    output.write(
        f"\n{n_left} of {len(plan['runs'])} to train: {format_quantity(plan['tokens'])} tokens, "
        f"{plan['flops']:.2g} FLOPs, about {duration(plan['seconds'])} here, {gpu_hours}"
        f"{_bytes(plan['disk'])} and, while it runs, {_bytes(plan['disk_running'])} of checkpoints"
    )
    for note in plan["notes"]:
        output.say(note)


def _bytes(size: float) -> str:
    """A number of bytes in the largest unit of which it has one."""
    unit = next((unit for unit in ("TB", "GB") if size >= _UNITS[unit]), "MB")
    return f"{size / _UNITS[unit]:.1f} {unit}"


def _plan_line(run: dict[str, Any]) -> tuple[str, ...]:
    from mixlaw.quantities import format_quantity
    from mixlaw.sweep.progress import duration

    shares = ", ".join(f"{name} {share:.3g}" for name, share in run["shares"].items())
    return (
        run["run_id"] or run["kind"],
        format_quantity(run["n_params"]),
        shares,
        "" if run["seed"] is None else str(run["seed"]),
        format_quantity(run["tokens"]),
        f"{run['flops']:.2g}",
        duration(run["seconds"]),
        "done" if run["done"] else "",
    )
