"""The whole demonstration: what was foretold once, what is foretold now, and what can be answered.

1. A fit that is shipped, asked about the model whose runs were trained after it.
2. The smaller sizes are trained and fitted, the largest is foretold, trained, and compared.
3. A target within reach, as ``mixlaw recommend`` answers it.
4. An 8B model: what cannot be said, what others did, and what an answer needs.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from mixlaw.demo import blind
from mixlaw.demo.needs import needed_for
from mixlaw.fit.api import fit_laws
from mixlaw.quantities import format_factor, format_quantity, percent
from mixlaw.recommend.api import recommend_ratio
from mixlaw.recommend.context.practice import domain_band
from mixlaw.report.cells import cells_of
from mixlaw.result.fit_result import FitResult
from mixlaw.runs.cells import Cell
from mixlaw.runs.table import read_runs
from mixlaw.screen.layout import Line, columns, wrap
from mixlaw.screen.short import short
from mixlaw.sweep.api import run_sweep
from mixlaw.sweep.dry_run import describe_sweep
from mixlaw.sweep.progress import Say, duration
from mixlaw.sweep.quickstart import write_quickstart

#: The reference fit and its table, from the root of the repository, and the bound that its
#: prediction was committed with.
REFERENCE = Path("prose-to-code-forward/auto")
REFERENCE_TABLE = Path("prose-to-code/runs.csv")
REFERENCE_BOUND = 0.05
#: Allowed rise of part 2: what ``recommend`` allows where nobody says.
BOUND = 0.02
#: The model that everybody asks about.
LARGE_SIZE, LARGE_TOKENS = 8e9, 2e10
_HEAD = ("", "predicted", "90% of runs", "measured", "one size smaller")


@dataclass(frozen=True)
class Stage:
    """Where the demonstration plays, and how it speaks.

    Attributes:
        experiments: folder of all experiments.
        fits: folder of all fits.
        show: takes lines of a screen.
        say: takes sentences on the progress.
        live: whether runs in progress are shown on a terminal.
    """

    experiments: Path
    fits: Path
    show: Callable[[Iterable[Line]], None]
    say: Say
    live: bool = False

    def heading(self, text: str) -> None:
        """A part begins."""
        self.show([Line(""), Line(text, "heading")])

    def tell(self, text: str) -> None:
        """A paragraph."""
        self.show(Line(line) for line in wrap(text))


def demonstrate(stage: Stage) -> None:
    """Tell all four parts."""
    folder = write_quickstart(stage.experiments)
    plan = describe_sweep(folder)
    n_left = sum(not run["done"] for run in plan["runs"])
    stage.tell(
        f"Training {n_left} small models, about {duration(plan['seconds'])} here. First, "
        "something that takes no training."
    )
    _foretold_once(stage)
    table = _blind_test(stage, folder)
    _within_reach(stage, folder, table)
    _out_of_reach(stage, folder)


def _foretold_once(stage: Stage) -> None:
    stage.heading("1. A fit made before the model that it was asked about")
    folder, table = stage.fits / REFERENCE, stage.experiments / REFERENCE_TABLE
    if not (folder.is_dir() and table.is_file()):
        stage.tell(f"(Left out: '{folder}' and '{table}' are in the repository, not here.)")
        return
    fit = FitResult.load(folder)
    cells = cells_of(fit, read_runs(table), "base")
    largest, longest = fit.ranges["n_params"][1], fit.ranges["tokens"][1]
    shown = [cell for cell in cells if cell.n_params <= largest and cell.tokens <= longest]
    cell = max(cells, key=lambda cell: (cell.n_params, cell.tokens))
    stage.tell(
        f"{folder} knows models up to {format_quantity(largest)} and {format_quantity(longest)} "
        f"tokens. Its prediction for {format_quantity(cell.n_params)} and "
        f"{format_quantity(cell.tokens)} tokens was committed before those runs were trained."
    )
    lines = blind.predicted(fit, shown, cell, REFERENCE_BOUND)
    _compare(stage, blind.measured(lines, cell, REFERENCE_BOUND), REFERENCE_BOUND)


def _blind_test(stage: Stage, folder: Path) -> Path:
    stage.heading("2. The same before your eyes")
    table = run_sweep(folder, hold_back=True, say=stage.say, live=stage.live).table
    fit = fit_laws(table)
    fit.save(stage.fits / f"{folder.name}-blind")
    shown = cells_of(fit, read_runs(table), "base")
    planned = describe_sweep(folder)["runs"]
    largest = max(run["n_params"] for run in planned)
    known = max(shown, key=lambda cell: (cell.n_params, cell.tokens))
    asked = Cell(largest, known.tokens, known.ratios, known.general, known.domain, known.base)
    lines = blind.predicted(fit, shown, asked, BOUND)
    is_blind = not any(
        run["done"] for run in planned if run["n_params"] == largest and run["kind"] != "base"
    )
    stage.tell(
        f"Trained so far: {', '.join(format_quantity(n) for n in _sizes(shown))}. Predicted for "
        f"{format_quantity(largest)} and {format_quantity(asked.tokens)} tokens, "
        + ("none of whose runs is trained yet:" if is_blind else "whose runs this fit did not see:")
    )
    stage.show(Line(line) for line in columns(_rows(lines, before=True)))
    table = run_sweep(folder, say=stage.say, live=stage.live).table
    cells = cells_of(fit, read_runs(table), "base")
    cell = max(cells, key=lambda cell: (cell.n_params, cell.tokens))
    stage.tell("Now it is trained:")
    _compare(stage, blind.measured(lines, cell, BOUND), BOUND)
    return table


def _within_reach(stage: Stage, folder: Path, table: Path) -> None:
    stage.heading("3. What these runs can answer")
    fit = fit_laws(table)
    fit.save(stage.fits / folder.name)
    fit = FitResult.load(stage.fits / folder.name)
    n_params, tokens = 2 * fit.ranges["n_params"][1], 2 * fit.ranges["tokens"][1]
    stage.show(short(recommend_ratio(fit, n_params=n_params, tokens=tokens)))


def _out_of_reach(stage: Stage, folder: Path) -> None:
    stage.heading("4. And an 8B model?")
    fit = FitResult.load(stage.fits / folder.name)
    answer = recommend_ratio(fit, n_params=LARGE_SIZE, tokens=LARGE_TOKENS)
    far = format_factor(answer.extrapolation["n_params"])
    band = domain_band()
    stage.tell(
        f"Not from these runs: 8B is {far} times their largest model, and "
        + ("the data cannot tell any share." if answer.feasible is None else "that is a guess.")
    )
    stage.tell(
        f"An outside view, not from these runs: {band['runs']} published runs used "
        f"{percent(band['low'])} to {percent(band['high'])} domain (quartiles; median "
        f"{percent(band['median'])})."
    )
    needed = needed_for(LARGE_SIZE, LARGE_TOKENS).sentence()
    stage.tell(f"What an answer needs: {needed} (H100s at 35%; docs/plan-qwen.md).")


def _compare(stage: Stage, lines: tuple[blind.Line, ...], bound: float) -> None:
    stage.show(Line(line) for line in columns(_rows(lines)))
    law, copied = blind.errors(lines)
    n_right = sum(line.is_right for line in lines)
    stage.tell(
        f"Inside their interval: {n_right} of all {len(lines)}. Mean error of the losses "
        f"{law:.1%}; of those of the next smaller size, {copied:.1%}. (Critical share: the largest "
        f"whose general loss rises by no more than {bound:g} nats over the base.)"
    )


def _rows(lines: tuple[blind.Line, ...], before: bool = False) -> list[tuple[str, ...]]:
    """The critical share, and the losses at every other share."""
    head = tuple(name for name in _HEAD if not (before and name == "measured"))
    share, *losses = lines
    n_ratios = len(losses) // 2
    chosen = [share, *losses[1:n_ratios:2], *losses[n_ratios + 1 :: 2]]
    return [head, *(line.cells() for line in chosen)]


def _sizes(cells: list[Cell]) -> list[float]:
    return sorted({cell.n_params for cell in cells})
