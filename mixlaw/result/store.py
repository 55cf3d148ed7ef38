"""fit.json and draws.npz: a fit as open files, read again by later versions.

Unknown keys are ignored, so a later version may add some; an unknown schema is refused in words.
"""

import hashlib
import io
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from mixlaw import laws
from mixlaw.errors import ConfigError, FitError
from mixlaw.files import write_atomic
from mixlaw.result.kriging import Kriging
from mixlaw.result.screen import comparison
from mixlaw.result.standard_draws import NONE, StandardDraws
from mixlaw.result.types import Array, FitRecord, Member, Status

SCHEMA = "mixlaw.fit/1"
JSON, DRAWS, COMPARE = "fit.json", "draws.npz", "compare.csv"
#: What the fit would have said of runs that were hidden from it; it goes with the next fit.
VALIDATION = "validation.json"
#: Folder of that fit, inside the folder of the fit.
WITHOUT = "validation"

#: Fields of FitRecord that are JSON already.
_PLAIN = (
    "law", "domain_set", "general_set", "general_sets", "own", "levels", "ratio_ranges",
    "highest", "baseline", "held_out_rows", "beyond", "lack_of_fit",
    "rows_used", "rows_left_out", "target", "assumes", "sigma", "seed_std", "prior",
    "about",
)  # fmt: skip
#: Others of them, by the name that they have in the file.
_RENAMED = {"held_out": "scores", "compared": "law_scores"}
#: Fields of StandardDraws that are arrays.
_STANDARD = ("place", "spread", "drift", "misfit")
_TUPLES = ("eval_sets", "corpora", "domain_corpora")


def save(fit: FitRecord, folder: Path) -> None:
    """Write all files, ``fit.json`` last: a folder that has it is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Array] = {}
    text = json.dumps(document(fit, arrays), indent=2, allow_nan=False, ensure_ascii=False)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    write_atomic(folder / DRAWS, buffer.getvalue())
    write_atomic(folder / COMPARE, comparison(fit))
    _drop_stale_validation(fit, folder)
    write_atomic(folder / JSON, text + "\n")


def validation_key(fit: FitRecord) -> str:
    """Names what a validation of a fit depends on: two fits with one key have the same."""
    about = {name: fit.about.get(name) for name in ("data_sha256", "options", "versions")}
    roles = [fit.domain_set, fit.general_set, dict(fit.general_sets), fit.domain_corpora]
    text = json.dumps(_jsonable([about, roles, dict(fit.own)]), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def save_validation(document: Mapping[str, Any], folder: Path, without: FitRecord | None) -> None:
    """Keep a validation beside its fit, with the fit without the hidden runs.

    Recommendations then begin with its line, for the bound that they are asked.
    """
    text = json.dumps(_jsonable(document), indent=2, allow_nan=False, ensure_ascii=False)
    (folder / VALIDATION).unlink(missing_ok=True)
    if without is not None:
        save(without, folder / WITHOUT)
    write_atomic(folder / VALIDATION, text + "\n")


def _drop_stale_validation(fit: FitRecord, folder: Path) -> None:
    """Remove the validation of another fit."""
    path = folder / VALIDATION
    try:
        key = json.loads(path.read_text(encoding="utf-8"))["key"]
    except (OSError, ValueError, KeyError, TypeError):
        key = None  # none there, one of an earlier version, or a damaged one
    if key != validation_key(fit):
        path.unlink(missing_ok=True)


def _validation(folder: Path) -> dict[str, Any]:
    """What ``save_validation`` wrote; empty where none was made."""
    path = folder / VALIDATION
    if not path.is_file():
        return {}
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        kept = {**kept, "line": str(kept["line"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FitError(
            f"'{path}' is no validation: {error!r}; run 'mixlaw validate' again, or remove it."
        ) from None
    without = folder / WITHOUT
    return {**kept, "without": str(without)} if (without / JSON).is_file() else kept


def document(fit: FitRecord, arrays: dict[str, Array] | None = None) -> dict[str, Any]:
    """The content of ``fit.json``; draws are added to ``arrays`` under the names it mentions."""
    arrays = {} if arrays is None else arrays
    plain = {name: _jsonable(getattr(fit, name)) for name in (*_TUPLES, *_PLAIN)}
    plain |= {key: _jsonable(getattr(fit, name)) for key, name in _RENAMED.items()}
    return {
        "schema": SCHEMA,
        **plain,
        "ranges": {name: list(ends) for name, ends in fit.ranges.items()},
        "statuses": [asdict(status) for status in fit.statuses],
        "members": _members(fit.stack, "member", arrays),
        "base_members": _members(fit.base_stack, "base", arrays),
        "members_without_prior": _members(fit.without_prior, "without_prior", arrays),
        "kriging": _processes(fit.kriging, "kriging", arrays),
        "base_kriging": _processes(fit.base_kriging, "base_kriging", arrays),
        "standard_draws": _standard(fit.standard, arrays),
    }


def load(folder: Path) -> dict[str, Any]:
    """Fields of ``FitRecord``; see ``FitResult.load``."""
    path = folder / JSON
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        schema = content["schema"]
    except FileNotFoundError:
        raise FitError(f"There is no fit in '{folder}'; make one with 'mixlaw fit'.") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FitError(f"'{path}' is not a fit: {error!r}; run 'mixlaw fit' again.") from None
    if schema != SCHEMA:
        raise FitError(
            f"'{path}' has schema '{schema}', and this version of mixlaw reads '{SCHEMA}'; "
            "update mixlaw or run 'mixlaw fit' again."
        )
    try:
        with (folder / DRAWS).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            fields = _fields(content, {name: arrays[name] for name in arrays.files})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, BadZipFile) as error:
        raise FitError(f"The fit in '{folder}' is damaged: {error!r}; make it again.") from None
    _check_laws(folder, fields)
    return {**fields, "validation": _validation(folder), "folder": str(folder)}


def _check_laws(folder: Path, fields: Mapping[str, Any]) -> None:
    """Refuse a fit whose laws are not here: it holds their parameters, not their formulas."""
    stacks = (*fields["stack"].values(), *fields["base_stack"].values())
    for name in dict.fromkeys(member.law for members in stacks for member in members):
        try:
            laws.load(name)
        except ConfigError as error:
            raise FitError(
                f"The fit in '{folder}' is of the law '{name}', which is not installed here; "
                "install the package that brings it, or hand the law over with "
                f"mixlaw.laws.provide(LAW) first. ({error})"
            ) from error


def _fields(content: Mapping[str, Any], arrays: Mapping[str, Array]) -> dict[str, Any]:
    return dict(
        **{name: content[name] for name in _PLAIN if name in content},
        **{name: content[key] for key, name in _RENAMED.items() if key in content},
        eval_sets=tuple(content["eval_sets"]),
        corpora=tuple(content["corpora"]),
        domain_corpora=tuple(content["domain_corpora"]),
        ranges={name: (ends[0], ends[1]) for name, ends in content["ranges"].items()},
        statuses=tuple(
            Status(s["code"], s["message"], s.get("eval_set", ""), s.get("law", ""))
            for s in content["statuses"]
        ),
        stack=_restore(content["members"], arrays),
        base_stack=_restore(content["base_members"], arrays),
        without_prior=_restore(content.get("members_without_prior", {}), arrays),
        kriging=_restore_processes(content.get("kriging", {}), arrays),
        base_kriging=_restore_processes(content.get("base_kriging", {}), arrays),
        standard=_restore_standard(content.get("standard_draws"), arrays),
    )


def _members(
    stack: Mapping[str, tuple[Member, ...]], stem: str, arrays: dict[str, Array]
) -> dict[str, list[dict[str, Any]]]:
    written: dict[str, list[dict[str, Any]]] = {name: [] for name in stack}
    for eval_set, members in stack.items():
        for member in members:
            key = f"{stem}_{sum(map(len, written.values()))}"
            arrays[key] = member.draws
            values = dict(zip(member.params, map(float, member.estimate), strict=True))
            written[eval_set].append(
                {
                    "law": member.law,
                    "weight": member.weight,
                    "n_params": member.size,
                    "tokens": member.tokens,
                    "parameters": values,
                    "draws": key,
                }
            )
    return written


def _processes(
    processes: Mapping[str, Kriging], stem: str, arrays: dict[str, Array]
) -> dict[str, dict[str, Any]]:
    written = {}
    for i, (eval_set, kriging) in enumerate(processes.items()):
        keys = {name: f"{stem}_{i}_{name}" for name in kriging.arrays()}
        arrays.update({keys[name]: array for name, array in kriging.arrays().items()})
        written[eval_set] = {"variance": kriging.variance, "arrays": keys}
    return written


def _restore_processes(
    written: Mapping[str, Mapping[str, Any]], arrays: Mapping[str, Array]
) -> dict[str, Kriging]:
    return {
        eval_set: Kriging(
            variance=process["variance"],
            **{name: arrays[key].astype(float) for name, key in process["arrays"].items()},
        )
        for eval_set, process in written.items()
    }


def _restore(
    written: Mapping[str, list[Mapping[str, Any]]], arrays: Mapping[str, Array]
) -> dict[str, tuple[Member, ...]]:
    return {
        eval_set: tuple(
            Member(
                member["law"],
                tuple(member["parameters"]),
                np.array(list(member["parameters"].values()), dtype=float),
                arrays[member["draws"]],
                member["n_params"],
                member["tokens"],
                member["weight"],
            )
            for member in members
        )
        for eval_set, members in written.items()
    }


def _standard(standard: StandardDraws, arrays: dict[str, Array]) -> dict[str, Any]:
    """Names of the arrays that hold the standard draws."""
    names = {name: f"standard_{name}" for name in _STANDARD}
    arrays.update({key: getattr(standard, name) for name, key in names.items()})
    weights = {name: f"weights_{i}" for i, name in enumerate(standard.weights)}
    arrays.update({key: standard.weights[name] for name, key in weights.items()})
    return {**names, "weights": weights}


def _restore_standard(
    written: Mapping[str, Any] | None, arrays: Mapping[str, Array]
) -> StandardDraws:
    if written is None:
        return NONE
    weights = {name: arrays[key] for name, key in written["weights"].items()}
    return StandardDraws(**{name: arrays[written[name]] for name in _STANDARD}, weights=weights)


def _jsonable(value: Any) -> Any:
    """Plain JSON values; a number that is not finite has no spelling in JSON and becomes null."""
    if isinstance(value, Mapping):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
