"""Reading experiment.yaml: one experiment, or one message that names every mistake."""

from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from mixlaw.errors import ConfigError, unknown_name
from mixlaw.experiment.model import Experiment, Sections, mistakes_between
from mixlaw.experiment.sections import ExistingBase

#: The file of an experiment, in its folder.
FILE_NAME = "experiment.yaml"
#: Values for required keys that are wrong, so that the other keys can be checked together.
_PLACEHOLDERS: dict[str, Any] = {
    "corpora": {"domain": {"builtin": "domain"}, "general": {"builtin": "general"}},
    "base": {"tokens": 1_000_000},
    "sizes": [50_000],
    "mixtures": [0],
    "token_budgets": [1_000_000],
}
#: Messages for mistakes that pydantic describes by Python's names of types.
_PLAIN = {
    "tuple_type": "must be a list, such as [a, b]",
    "dict_type": "must hold keys of its own",
    "model_type": "must hold keys of its own",
    "too_short": "must have an entry",
}


def load_experiment(folder: Path) -> Experiment:
    """Read ``experiment.yaml`` of a folder; relative paths in it start at that folder.

    Raises:
        ConfigError: the file is missing or wrong; the message lists every mistake.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise ConfigError(f"There is no '{path}'; 'mixlaw init NAME' writes one.")
    return parse_experiment(path.read_text(errors="replace"), source=str(path), folder=folder)


def parse_experiment(text: str, *, source: str = FILE_NAME, folder: Path = Path()) -> Experiment:
    """An experiment from the text of its file.

    Args:
        text: YAML.
        source: how messages name the file.
        folder: where relative corpus paths start.

    Raises:
        ConfigError: it is no YAML map, or says something wrong; the message lists every mistake.
    """
    try:
        document = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ConfigError(f"'{source}' is not YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(document, dict):
        raise ConfigError(f"'{source}' must hold keys such as corpora, sizes and mixtures.")
    try:
        experiment = Experiment.model_validate(document)
    except ValidationError as error:
        mistakes = [line for detail in _causes(error) for line in _mistakes(detail)]
        mistakes += _beside(
            document, {str(place[0]) for e in error.errors() if (place := e["loc"])}
        )
        listing = "\n".join(f"  - {mistake}" for mistake in dict.fromkeys(mistakes))
        raise ConfigError(f"'{source}' cannot be used:\n{listing}") from None
    sources = {
        name: source.model_copy(update={"path": str((folder / source.path).resolve())})
        if source.path and "://" not in source.path
        else source
        for name, source in experiment.corpora.items()
    }
    experiment = experiment.model_copy(update={"corpora": sources})
    if isinstance(experiment.base, ExistingBase):
        return _with_models_beside(experiment, experiment.base, folder)
    return experiment


def _with_models_beside(experiment: Experiment, base: ExistingBase, folder: Path) -> Experiment:
    """The experiment with the models that exist relative to a folder as absolute paths."""
    paths = {model: folder / Path(model).expanduser() for model in base.models}
    local = {model: str(path.resolve()) for model, path in paths.items() if path.exists()}
    models = tuple(local.get(model, model) for model in base.models)
    extra = tuple(
        cell.model_copy(update={"model": local.get(str(cell.model), cell.model)})
        for cell in experiment.seeds.extra
    )
    return experiment.model_copy(
        update={
            "base": base.model_copy(update={"models": models}),
            "seeds": experiment.seeds.model_copy(update={"extra": extra}),
        }
    )


class _Loader(yaml.SafeLoader):
    """YAML without the base-60 numbers of YAML 1.1, which read the ratio 3:7 as 187."""

    def construct_yaml_int(self, node: yaml.ScalarNode) -> Any:
        """A whole number, or the text as it stands if it has a colon."""
        text = str(self.construct_scalar(node))
        return text if ":" in text else int(super().construct_yaml_int(node))


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


def _causes(error: ValidationError) -> list[Any]:
    """The mistakes without lists that are too short because their entries are wrong."""
    details = error.errors()
    inside = {detail["loc"][:end] for detail in details for end in range(len(detail["loc"]))}
    return [d for d in details if not (d["type"] == "too_short" and d["loc"] in inside)]


def _mistakes(detail: Any) -> list[str]:
    """One line per mistake, led by the place in the file."""
    place = [part for part in detail["loc"] if not str(part).endswith("]")]
    message = str(_PLAIN.get(detail["type"], detail["msg"])).removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        key = str(place.pop())
        message = unknown_name("key", key, _keys_at(place))
    path = ".".join(str(part) for part in place)
    return [f"{path}: {line}" if path else line for line in message.splitlines()]


def _beside(document: dict[str, Any], wrong: set[str]) -> list[str]:
    """Mistakes between the sections that are right by themselves, where others are wrong."""
    sound = {key: value for key, value in document.items() if key not in wrong}
    placeholders = {key: value for key, value in _PLACEHOLDERS.items() if key in wrong}
    try:
        sections = Sections.model_validate({**sound, **placeholders})
    except ValidationError:  # what is right depends on what is wrong
        return []
    return list(mistakes_between(sections, wrong)) if wrong else []


def _keys_at(place: list[Any]) -> tuple[str, ...]:
    """The keys that the section at this place of the file knows."""
    sections: list[type[BaseModel]] = [Experiment]
    for part in (part for part in place if isinstance(part, str)):
        fields = [s.model_fields[part] for s in sections if part in s.model_fields]
        sections = [s for field in fields for s in _sections_of(field.annotation)] or sections
    return tuple(dict.fromkeys(key for section in sections for key in section.model_fields))


def _sections_of(annotation: Any) -> list[type[BaseModel]]:
    """The models inside an annotation such as ``dict[str, CorpusSource]`` or ``A | B``."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [model for argument in get_args(annotation) for model in _sections_of(argument)]
