"""What an edit of experiment.yaml, or of the text, does to a sweep that has been begun.

Every sweep writes down what it was a sweep of (``runs/swept.json``). What differs from that now is
named key by key; which bases and runs are outdated by it follows from their identities alone.
"""

import json
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mixlaw.experiment import FILE_NAME, Experiment
from mixlaw.files import write_atomic
from mixlaw.quantities import format_quantity, parse_quantity
from mixlaw.rundir.folder import RunFolder
from mixlaw.sweep.jobs import run_folder
from mixlaw.sweep.plan import DataIdentity, Plan

#: File with what the last sweep was a sweep of, in the experiment's folder, and its format.
NOTE = "runs/swept.json"
SCHEMA = "mixlaw.swept/1"
#: From here on counts are printed short: 50k, 1.5M.
_LARGE = 10_000


@dataclass(frozen=True)
class Change:
    """One key of experiment.yaml that has another value than at the last sweep; None: not there."""

    key: str
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{self.key}: {_shown(self.old)} -> {_shown(self.new)}"


@dataclass(frozen=True)
class Edit:
    """What has changed since the last sweep, and what follows.

    Attributes:
        changes: of experiment.yaml.
        corpora: corpora whose tokens are others than before, or not known before they are made.
        is_sure: whether the tokens of all of them are known.
        outdated: bases and runs that are trained anew under the same size, mixture and seeds.
        dropped: bases and runs that are in the plan no longer.
        kept: bases and runs that stay valid.
        n_added: planned bases and runs that take the place of none.
    """

    changes: tuple[Change, ...]
    corpora: tuple[str, ...]
    is_sure: bool
    outdated: tuple[str, ...]
    dropped: tuple[str, ...]
    kept: tuple[str, ...]
    n_added: int

    def document(self) -> dict[str, Any]:
        """The same as plain data."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}

    def sentences(self) -> Iterator[str]:
        """The same for a person."""
        if self.changes:
            listing = "".join(f"\n  {change}" for change in self.changes)
            yield f"{FILE_NAME} was edited since the last sweep:{listing}"
        if self.corpora:
            yield self._about_corpora()
        if self.outdated:
            yield f"Outdated, and to be trained again: {_listed(self.outdated)}."
        if self.dropped:
            yield f"No longer asked for: {_listed(self.dropped)}."
        if self.outdated or self.dropped:
            yield "Their folders stay where they are, but their rows are not in runs.csv."
        everything = "everything that was trained, " if not self.outdated + self.dropped else ""
        yield f"Kept: {everything}{_listed(self.kept)}." if self.kept else "Nothing can be kept."
        if self.n_added:
            yield f"Added: {self.n_added} base(s) or run(s)."

    def _about_corpora(self) -> str:
        names = " and ".join(f"'{name}'" for name in self.corpora)
        if self.is_sure:
            return f"The tokens of {names} are others than at the last sweep."
        return (
            f"The tokens of {names} have to be made again; what follows holds unless they come out "
            "as they were."
        )


def remember(folder: Path, experiment: Experiment, plan: Plan, data: DataIdentity) -> None:
    """Write down what is being swept; ``edit_since`` compares with it."""
    note = {
        "schema": SCHEMA,
        "experiment": experiment.model_dump(mode="json"),
        "data": asdict(data),
        "runs": [_folder_name(folder, spec) for spec in plan.specs],
    }
    write_atomic(folder / NOTE, json.dumps(note, indent=1) + "\n")


def edit_since(folder: Path, experiment: Experiment, plan: Plan, data: DataIdentity) -> Edit | None:
    """What has changed since the last sweep of a folder.

    Args:
        folder: of the experiment.
        experiment: as it is now.
        plan: of it.
        data: identity of the corpora, empty where it is not known yet.

    Returns:
        None if nothing has, or nothing was swept.
    """
    note = _read_note(folder)
    if note is None:
        return None
    changes = tuple(_changes(note["experiment"], experiment.model_dump(mode="json")))
    corpora = tuple(name for name in data.train if _differs(name, note["data"], data))
    if not changes and not corpora:
        return None
    planned = {_folder_name(folder, spec): _cell(spec) for spec in plan.specs}
    begun = {name: _cell(run.spec()) for name in note["runs"] if (run := _begun(folder, name))}
    unplanned = {name: cell for name, cell in begun.items() if name not in planned}
    outdated = {name: cell for name, cell in unplanned.items() if cell in planned.values()}
    valid = [name for name in planned if _begun(folder, name)]
    new = {name: cell for name, cell in planned.items() if name not in note["runs"]}
    before = {*begun.values()}
    return Edit(
        changes=changes,
        corpora=corpora,
        is_sure=data.knows(data.train),
        outdated=tuple(outdated),
        dropped=tuple(name for name in unplanned if name not in outdated),
        kept=tuple(valid),
        n_added=sum(name not in valid and cell not in before for name, cell in new.items()),
    )


def swept_runs(folder: Path) -> list[str] | None:
    """Folders of the bases and runs of the last sweep's plan; None if that is not known."""
    note = _read_note(folder)
    return None if note is None else list(note["runs"])


def messages(folder: Path, plan: Plan, edit: Edit | None) -> list[str]:
    """All there is to say of an edit, and of folders of runs that the plan does not ask for."""
    in_edit = {*edit.outdated, *edit.dropped} if edit else set()
    return [*(edit.sentences() if edit else ()), *_strays(folder, plan, in_edit)]


def _strays(folder: Path, plan: Plan, in_edit: Set[str]) -> Iterator[str]:
    """Sentences on folders that are neither planned nor mentioned by the edit."""
    known = {_folder_name(folder, spec) for spec in plan.specs} | in_edit
    paths = sorted(path.parent for path in folder.glob("*/*/spec.json"))
    others = [RunFolder(path) for path in paths if path.relative_to(folder).as_posix() not in known]
    copies = [run for run in others if run.origin != run.run_id]
    for copy in copies:
        yield (
            f"'{copy.path}' is a copy of '{copy.origin}', or that run under another name; a run's "
            "folder has its name, so it is not used: delete it, or give it its name back."
        )
    if earlier := [run for run in others if run not in copies]:
        yield (
            f"{len(earlier)} earlier base(s) and run(s) belong to another state of {FILE_NAME} or "
            f"its text, such as {earlier[0].run_id}; they are kept, but not in runs.csv."
        )


def _read_note(folder: Path) -> dict[str, Any] | None:
    try:
        note = json.loads((folder / NOTE).read_text())
    except (FileNotFoundError, ValueError):  # damaged: a note is a help, and is written anew
        return None
    return note if isinstance(note, dict) and note.get("schema") == SCHEMA else None


def _changes(old: Any, new: Any, key: str = "") -> Iterator[Change]:
    """The leaves at which two documents differ; lists are leaves."""
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        if old != new:
            yield Change(key, old, new)
        return
    for part in dict.fromkeys((*old, *new)):
        place = f"{key}.{part}" if key else str(part)
        yield from _changes(old.get(part), new.get(part), place)


def _differs(name: str, before: Mapping[str, Any], data: DataIdentity) -> bool:
    """Whether the tokens of a corpus, or what they were made with, are others."""
    now = data.train[name], data.held_out[name], data.tokenizer
    then = before["train"].get(name), before["held_out"].get(name), before["tokenizer"]
    return now != then


def _folder_name(folder: Path, spec: Any) -> str:
    return run_folder(folder, spec).path.relative_to(folder).as_posix()


def _begun(folder: Path, name: str) -> RunFolder | None:
    """The folder of a base or run in which something was trained."""
    run = RunFolder(folder / name)
    return run if run.is_done or run.log.exists() else None


def _cell(spec: Any) -> tuple[Any, ...]:
    """Place of a base or run in the sweep's grid: size, mixture and seeds, not its data."""
    base = getattr(spec, "base", None)
    shares = tuple(sorted(getattr(spec, "shares", {}).items())) if base else ()
    seeds = getattr(spec, "seed", None), getattr(base, "seed", None)
    return base is None, spec.shape.n_params, shares, seeds


def _listed(names: Sequence[str]) -> str:
    """How many bases and runs these are, and one of them."""
    n_bases = sum(name.startswith("bases/") for name in names)
    counts = ((n_bases, "base"), (len(names) - n_bases, "run"))
    parts = [f"{n} {what}{'s' if n > 1 else ''}" for n, what in counts if n]
    return f"{' and '.join(parts)} (such as {names[-1].split('/')[1]})"


def _shown(value: Any) -> str:
    """A value as it stands in experiment.yaml, or nearly so."""
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_shown(v)}' for key, v in value.items())}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, int) and value >= _LARGE:
        short = format_quantity(value)
        return short if parse_quantity(short) == value else str(value)
    return str(value)
