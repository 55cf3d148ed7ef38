"""What experiment.yaml may say: frozen models, checked when built, all mistakes in one message.

An experiment is science only: corpora, sizes, mixtures, budgets, seeds, schedule, target. Where it
runs (``executor``) is in the file too, but never part of a run's identity.
"""

import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, Union, get_args, get_origin

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from mixlaw import plugins
from mixlaw.errors import ConfigError, unknown_name
from mixlaw.mixture import Mixture, parse_ratio
from mixlaw.quantities import parse_quantity
from mixlaw.roles import Roles

FILE_NAME = "experiment.yaml"

#: Larger proxies than this are not trained by this package; the value is a slip of the pen.
LARGEST_PROXY = 20_000_000_000


def _count(value: Any) -> int:
    """A whole count from text such as 200k; pydantic collects ValueErrors, not our own."""
    try:
        return round(parse_quantity(value))
    except ConfigError as error:
        raise ValueError(str(error)) from None


def _mixture_entry(value: Any) -> float | dict[str, float]:
    """A domain ratio (0.3, 30%, 3:7) or a map of shares by corpus."""
    try:
        if isinstance(value, Mapping):
            return {str(name): parse_ratio(share) for name, share in value.items()}
        return parse_ratio(value)
    except ConfigError as error:
        raise ValueError(str(error)) from None


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    twice = [value for i, value in enumerate(values) if value in values[:i]]
    if twice:
        raise ValueError(f"{twice[0]} stands twice; every value stands once")
    return values


def _plugin(kind: str) -> AfterValidator:
    def check(name: str) -> str:
        if name not in plugins.available(kind):
            raise ValueError(unknown_name(kind.removesuffix("s"), name, plugins.available(kind)))
        return name

    return AfterValidator(check)


class _Loader(yaml.SafeLoader):
    """YAML without the base-60 numbers of YAML 1.1, which read the ratio 3:7 as 187."""

    def construct_yaml_int(self, node: yaml.ScalarNode) -> Any:
        """A whole number, or the text as it stands if it has a colon."""
        text = str(self.construct_scalar(node))
        return text if ":" in text else int(super().construct_yaml_int(node))


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


Count = Annotated[int, BeforeValidator(_count)]
Fraction = Annotated[float, Field(ge=0, le=1)]
MixtureEntry = Annotated[float | dict[str, float], BeforeValidator(_mixture_entry)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]


class Section(BaseModel):
    """Base of all parts of an experiment: frozen, and no key that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CorpusSource(Section):
    """Where a corpus's text is: exactly one of a built-in name and a path.

    Attributes:
        builtin: ``general`` (English prose) or ``domain`` (Python code) of the built-in pair.
        path: a file, a folder of files, or ``hf://NAME`` of a data set on the Hugging Face hub.
        field: the text's field in formats that have fields.
        dtype: integers of files that hold raw token ids (``.bin``).
    """

    builtin: Literal["general", "domain"] | None = None
    path: str | None = None
    field: str = "text"
    dtype: Literal["uint16", "uint32", "int32", "int64"] = "uint16"

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.builtin is None) == (self.path is None):
            raise ValueError("give either 'path' or 'builtin' (general or domain), and not both")
        return self

    def __str__(self) -> str:
        return f"built-in {self.builtin}" if self.builtin else str(self.path)


class TokenizerSource(Section):
    """A tokenizer to load, or the size of one to train on the corpora.

    Attributes:
        path: a Hugging Face tokenizer: its folder or its tokenizer.json; None to train one.
        vocab_size: entries of the byte-level BPE to train. 1024 makes small proxies 12% slower
            than 256 where 4096 makes them 43% slower, and nearly equalises the bytes per token of
            prose and code (measured on the built-in pair with 200k-parameter proxies).
        end_of_text: token that ends a document; None to find it in the tokenizer's own files.
    """

    path: str | None = None
    vocab_size: Annotated[int, Field(ge=257, le=1_000_000)] = 1024
    end_of_text: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value


class Evaluation(Section):
    """Held-out sets, one per corpus, and how often a trunk is evaluated.

    Attributes:
        held_out_tokens: size of the held-out set, one number or one per corpus.
        trunk_points: number of log-spaced evaluations along a trunk.
    """

    held_out_tokens: Count | dict[str, Count] = 24_000
    trunk_points: Annotated[int, Field(ge=1, le=1000)] = 12


class ExtraSeeds(Section):
    """More seeds in one cell (size, mixture): replicates that measure the spread between seeds."""

    size: Count
    mixture: MixtureEntry
    order: tuple[Seed, ...] = ()
    base: tuple[Seed, ...] = ()


class Seeds(Section):
    """Seeds of the order of the training data and of the base models.

    Attributes:
        order: seeds of the order within each corpus during CPT; each is one run per cell.
        base: seeds of initialisation and data order of the base; each is one base per size.
        extra: further seeds in named cells, on top of these.
    """

    order: Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(_distinct)] = (0,)
    base: Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(_distinct)] = (0,)
    extra: tuple[ExtraSeeds, ...] = ()


class Base(Section):
    """The base models: pre-trained here on the general corpora, then decayed.

    Attributes:
        tokens: pre-training tokens of every base.
        max_epochs: how often the base may repeat its text; the epochs it took are recorded.
    """

    tokens: Count
    max_epochs: Annotated[float, Field(ge=1, le=1000)] = 8.0


class LearningRate(Section):
    """Peak learning rate by width: ``coefficient * width ** exponent``.

    About 0.65/width was best for short runs of these proxies on a factor-2 grid, flat around the
    optimum; longer runs want less.
    """

    coefficient: Annotated[float, Field(gt=0)] = 0.5
    exponent: Annotated[float, Field(ge=-2, le=0)] = -1.0

    def peak(self, width: int) -> float:
        """The peak learning rate of a model of this width."""
        return float(self.coefficient * width**self.exponent)

    def __str__(self) -> str:
        return f"{self.coefficient:g}*width^{self.exponent:g}"


class Schedule(Section):
    """Warm-up, trunk at constant learning rate, linear decay in a branch per budget.

    Attributes:
        lr: rule of the base's peak by width, or one peak for all sizes.
        peak_ratio: re-warmed CPT peak as a multiple of the base's peak.
        warmup: warm-up as a fraction of the longest budget (of the base tokens for a base).
        decay: decay as a fraction of each budget.
        final_ratio: final learning rate as a multiple of the peak.
    """

    lr: LearningRate | Annotated[float, Field(gt=0, lt=1)] = LearningRate()
    peak_ratio: Annotated[float, Field(gt=0, le=10)] = 1.0
    warmup: Annotated[float, Field(ge=0, le=0.5)] = 0.02
    decay: Annotated[float, Field(gt=0, le=1)] = 0.2
    final_ratio: Fraction = 0.0


class Training(Section):
    """Sequence length, batch and regularisation, the same for every proxy.

    Attributes:
        seq_len: tokens a sequence.
        batch_tokens: tokens a step; rounded to whole sequences.
        weight_decay: AdamW's, on matrices only.
        clip: largest norm of the gradient.
    """

    seq_len: Annotated[int, Field(ge=8, le=65_536)] = 128
    batch_tokens: Count = 1024
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.1
    clip: Annotated[float, Field(gt=0)] = 1.0

    @property
    def batch_size(self) -> int:
        """Sequences a step."""
        return max(1, round(self.batch_tokens / self.seq_len))


class Target(Section):
    """The run that the recommendation is for."""

    n_params: Count | None = None
    tokens: Count | None = None


class RolesSection(Section):
    """Which corpora and eval sets are the domain and which the general ones."""

    domain_corpora: Annotated[tuple[str, ...], Field(min_length=1)] = ("domain",)
    domain_set: str = "domain"
    general_sets: dict[str, Annotated[float, Field(gt=0)]] = {"general": 1.0}

    def roles(self) -> Roles:
        """The same for readers of a runs table."""
        return Roles(self.domain_set, dict(self.general_sets), self.domain_corpora)


class ExecutorChoice(Section):
    """Where runs execute; no part of what they are.

    Attributes:
        name: an executor plugin.
        workers: runs at the same time; None means one per core.
    """

    name: Annotated[str, _plugin("executors")] = "local"
    workers: Annotated[int, Field(ge=1)] | None = None


class Experiment(Section):
    """One experiment: everything that decides which proxies are trained, and on what."""

    corpora: Annotated[dict[str, CorpusSource], Field(min_length=1)]
    tokenizer: TokenizerSource = TokenizerSource()
    evaluation: Evaluation = Evaluation()
    sizes: Annotated[tuple[Count, ...], Field(min_length=1), AfterValidator(_distinct)]
    mixtures: Annotated[tuple[MixtureEntry, ...], Field(min_length=1), AfterValidator(_distinct)]
    token_budgets: Annotated[tuple[Count, ...], Field(min_length=1), AfterValidator(_distinct)]
    seeds: Seeds = Seeds()
    base: Base
    schedule: Schedule = Schedule()
    training: Training = Training()
    recipe: Annotated[str, _plugin("recipes")] = "cpt"
    max_epochs: dict[str, Annotated[float, Field(ge=1, le=1000)]] = {}
    target: Target = Target()
    roles: RolesSection = RolesSection()
    executor: ExecutorChoice = ExecutorChoice()

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        mistakes = [*_wrong_names(self), *_wrong_counts(self), *_wrong_mixtures(self)]
        if mistakes:
            raise ValueError("\n".join(mistakes))
        return self

    @property
    def general_corpora(self) -> tuple[str, ...]:
        """Corpora that are not of the domain; the base is pre-trained on them."""
        return tuple(name for name in self.corpora if name not in self.roles.domain_corpora)

    def mixture(self, entry: float | Mapping[str, float]) -> Mixture:
        """The mixture over all corpora that an entry of the file stands for.

        Raises:
            ConfigError: a ratio among more than two corpora, or shares that do not sum to one.
        """
        if isinstance(entry, Mapping):
            return Mixture({name: entry.get(name, 0.0) for name in self.corpora})
        domain, general = self.roles.domain_corpora, self.general_corpora
        if entry not in (0, 1) and (len(domain) != 1 or len(general) != 1):
            raise ConfigError(
                f"the ratio {entry:g} is not enough to share among the corpora "
                f"{', '.join(self.corpora)}; write a share for each of them"
            )
        shares = dict.fromkeys(domain, entry / len(domain))
        return Mixture({n: shares.get(n, (1 - entry) / max(len(general), 1)) for n in self.corpora})

    @property
    def all_mixtures(self) -> tuple[Mixture, ...]:
        """The mixtures of the sweep; the general-only control is always among them."""
        mixtures = tuple(self.mixture(entry) for entry in self.mixtures)
        if any(self.domain_ratio(mixture) == 0 for mixture in mixtures):
            return mixtures
        return (self.mixture(0.0), *mixtures)

    def domain_ratio(self, mixture: Mixture) -> float:
        """The share of all domain corpora together."""
        return sum(mixture[name] for name in self.roles.domain_corpora)

    def held_out_tokens(self) -> dict[str, int]:
        """Size of the held-out set of every corpus."""
        wanted = self.evaluation.held_out_tokens
        if isinstance(wanted, int):
            return dict.fromkeys(self.corpora, wanted)
        return {name: wanted[name] for name in self.corpora}


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
        mistakes = [line for detail in error.errors() for line in _mistakes(detail)]
        listing = "\n".join(f"  - {mistake}" for mistake in dict.fromkeys(mistakes))
        raise ConfigError(f"'{source}' cannot be used:\n{listing}") from None
    sources = {
        name: source.model_copy(update={"path": str((folder / source.path).resolve())})
        if source.path and "://" not in source.path
        else source
        for name, source in experiment.corpora.items()
    }
    return experiment.model_copy(update={"corpora": sources})


def _wrong_names(experiment: Experiment) -> Iterator[str]:
    """Corpora that are named somewhere and not defined, or the other way round."""
    known = tuple(experiment.corpora)
    named = {
        "roles.domain_corpora": experiment.roles.domain_corpora,
        "roles.domain_set": (experiment.roles.domain_set,),
        "roles.general_sets": tuple(experiment.roles.general_sets),
        "max_epochs": tuple(experiment.max_epochs),
    }
    held_out = experiment.evaluation.held_out_tokens
    if not isinstance(held_out, int):
        named["evaluation.held_out_tokens"] = tuple(held_out)
        for name in set(known) - set(held_out):
            yield f"evaluation.held_out_tokens: '{name}' is missing"
    for entry in experiment.mixtures:
        if isinstance(entry, Mapping):
            named["mixtures"] = (*named.get("mixtures", ()), *entry)
    for key, names in named.items():
        for name in names:
            if name not in known:
                yield f"{key}: {unknown_name('corpus', name, known)}"
    if not experiment.general_corpora:
        yield "roles.domain_corpora: every corpus is of the domain; a general one is needed"


def _wrong_counts(experiment: Experiment) -> Iterator[str]:
    step = experiment.training.batch_size * experiment.training.seq_len
    for size in experiment.sizes:
        if not 1000 <= size <= LARGEST_PROXY:
            yield f"sizes: a proxy has from 1k to 20B non-embedding parameters, not {size}"
    for budget in experiment.token_budgets:
        if budget * experiment.schedule.decay < step:
            yield (
                f"token_budgets: {budget} tokens decay for less than one step of {step} tokens; "
                f"at least {-(-step // experiment.schedule.decay):.0f} are needed"
            )
    if experiment.base.tokens < 10 * step:
        yield f"base.tokens: {experiment.base.tokens} is less than 10 steps of {step} tokens"


def _wrong_mixtures(experiment: Experiment) -> Iterator[str]:
    for entry in experiment.mixtures:
        try:
            experiment.mixture(entry)
        except ConfigError as error:
            yield f"mixtures: {error}"
    for cell in experiment.seeds.extra:
        if cell.size not in experiment.sizes:
            yield f"seeds.extra: the size {cell.size} is none of the sweep's sizes"
        if cell.mixture not in experiment.mixtures:
            yield f"seeds.extra: the mixture {cell.mixture} is none of the sweep's mixtures"


def _mistakes(detail: Any) -> list[str]:
    """One line per mistake, led by the place in the file."""
    place = [part for part in detail["loc"] if not str(part).endswith("]")]
    message = str(detail["msg"]).removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        key = str(place.pop())
        message = unknown_name("key", key, _keys_at(place))
    path = ".".join(str(part) for part in place)
    return [f"{path}: {line}" if path else line for line in message.splitlines()]


def _keys_at(place: list[Any]) -> tuple[str, ...]:
    """The keys that the section at this place of the file knows."""
    section: Any = Experiment
    for part in place:
        if isinstance(part, str) and part in getattr(section, "model_fields", {}):
            section = _section_of(section.model_fields[part].annotation)
    return tuple(getattr(section, "model_fields", {}))


def _section_of(annotation: Any) -> Any:
    """The model inside an annotation such as ``dict[str, CorpusSource]`` or ``Base | None``."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation
    candidates = [_section_of(argument) for argument in get_args(annotation)]
    models = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
    known_origins = (Union, types.UnionType, dict, tuple, Annotated)
    return models[0] if models and get_origin(annotation) in known_origins else None
