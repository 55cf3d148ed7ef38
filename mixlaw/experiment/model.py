"""The whole experiment, and the checks that need more than one of its sections."""

from collections.abc import Callable, Iterator, Mapping, Set
from typing import Annotated, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from mixlaw.errors import ConfigError, unknown_name
from mixlaw.experiment.executor import ExecutorChoice
from mixlaw.experiment.sections import (
    Base,
    CorpusSource,
    Count,
    Evaluation,
    ExistingBase,
    MixtureEntry,
    RolesSection,
    Schedule,
    Section,
    Seeds,
    Target,
    TokenizerSource,
    TrainedBase,
    Training,
    distinct,
    plugin,
)
from mixlaw.mixture import Mixture

#: Larger proxies than this are not trained by this package; the value is a slip of the pen.
LARGEST_PROXY = 20_000_000_000


def _proxy_size(size: int) -> int:
    if not 1000 <= size <= LARGEST_PROXY:
        raise ValueError(f"a proxy has from 1k to 20B non-embedding parameters, not {size}")
    return size


#: Checked by itself, so that it is reported beside mistakes in other keys.
Size = Annotated[Count, AfterValidator(_proxy_size)]


class Sections(Section):
    """All sections of an experiment, each right by itself."""

    corpora: Annotated[dict[str, CorpusSource], Field(min_length=1)]
    tokenizer: TokenizerSource = TokenizerSource()
    evaluation: Evaluation = Evaluation()
    base: Base
    sizes: Annotated[tuple[Size, ...], AfterValidator(distinct)] = Field((), validate_default=True)
    mixtures: Annotated[tuple[MixtureEntry, ...], Field(min_length=1), AfterValidator(distinct)]
    token_budgets: Annotated[tuple[Count, ...], Field(min_length=1), AfterValidator(distinct)]
    seeds: Seeds = Seeds()
    schedule: Schedule = Schedule()
    training: Training = Training()
    recipe: Annotated[str, plugin("recipes")] = "cpt"
    max_epochs: dict[str, Annotated[float, Field(ge=1, le=1000)]] = Field(default_factory=dict)
    target: Target = Target()
    roles: RolesSection = RolesSection()
    executor: ExecutorChoice = ExecutorChoice()
    #: Like ``executor`` no part of what runs are; None tracks nothing.
    track: Annotated[str, plugin("trackers")] | None = None

    @field_validator("sizes", mode="after")
    @classmethod
    def _size_axis(cls, sizes: tuple[int, ...], checked: ValidationInfo) -> tuple[int, ...]:
        """Checked here, so that it is reported beside mistakes in other keys."""
        existing = isinstance(checked.data.get("base"), ExistingBase)
        if existing and sizes:
            raise ValueError("the models under 'base' are the sizes; leave 'sizes' out")
        if not existing and not sizes:
            raise ValueError("at least one is needed, or existing models under base.models")
        return sizes

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


class Experiment(Sections):
    """One experiment: everything that decides which proxies are trained, and on what."""

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if mistakes := list(mistakes_between(self)):
            raise ValueError("\n".join(mistakes))
        return self


def mistakes_between(sections: Sections, wrong: Set[str] = frozenset()) -> Iterator[str]:
    """Mistakes that only show when sections are held against each other.

    Args:
        sections: of an experiment.
        wrong: keys that are wrong by themselves; what is in their place here says nothing.
    """
    for check, keys in _CHECKS.items():
        if not keys & wrong:
            yield from check(sections)


def _wrong_names(experiment: Sections) -> Iterator[str]:
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


def _wrong_counts(experiment: Sections) -> Iterator[str]:
    step = experiment.training.batch_size * experiment.training.seq_len
    for budget in experiment.token_budgets:
        if budget * experiment.schedule.decay < step:
            yield (
                f"token_budgets: {budget} tokens decay for less than one step of {step} tokens; "
                f"at least {-(-step // experiment.schedule.decay):.0f} are needed"
            )
    base = experiment.base
    if isinstance(base, TrainedBase) and base.tokens < 10 * step:
        yield f"base.tokens: {base.tokens} is less than 10 steps of {step} tokens"


def _wrong_mixtures(experiment: Sections) -> Iterator[str]:
    for entry in experiment.mixtures:
        try:
            experiment.mixture(entry)
        except ConfigError as error:
            yield f"mixtures: {error}"


def _wrong_cells(experiment: Sections) -> Iterator[str]:
    """Replicates in cells that the sweep does not have."""
    base = experiment.base
    for cell in experiment.seeds.extra:
        if cell.mixture not in experiment.mixtures:
            yield f"seeds.extra: the mixture {cell.mixture} is none of the sweep's mixtures"
        if isinstance(base, TrainedBase) and cell.size not in experiment.sizes:
            yield f"seeds.extra: the size {cell.size} is none of the sweep's sizes"
        elif isinstance(base, ExistingBase) and cell.model not in base.models:
            yield f"seeds.extra: the model {cell.model} is none of base.models"


def _wrong_together(experiment: Sections) -> Iterator[str]:
    """What is for models too large to be batched with others."""
    if experiment.executor.together == 1:
        return
    large = {
        "existing models under 'base'": isinstance(experiment.base, ExistingBase),
        "training.micro_batch": experiment.training.micro_batch is not None,
        "training.gradient_checkpointing": experiment.training.gradient_checkpointing,
        "more than one of executor.gpus_per_run": experiment.executor.gpus_per_run > 1,
    }
    for what in (what for what, is_used in large.items() if is_used):
        yield f"executor.together: runs go together only without {what}; leave one of the two out"


def _wrong_beside_models(experiment: Sections) -> Iterator[str]:
    """What means nothing, or something else than it seems, where the bases are existing models."""
    if not isinstance(experiment.base, ExistingBase):
        return
    if {"path", "vocab_size"} & experiment.tokenizer.model_fields_set:
        yield "tokenizer: the models' own tokenizer is used; only 'end_of_text' can be given"
    if experiment.seeds.base != (0,) or any(cell.base for cell in experiment.seeds.extra):
        yield "seeds: existing models have no seeds of their base; leave 'base' out of 'seeds'"
    if "lr" not in experiment.schedule.model_fields_set:
        yield (
            "schedule.lr: give the peak learning rate, such as 1e-4; the rule by width that is "
            "used without it was measured on proxies that are trained from scratch"
        )


#: Every check, and the keys that it reads.
_CHECKS: dict[Callable[[Sections], Iterator[str]], set[str]] = {
    _wrong_names: {"corpora", "roles", "max_epochs", "evaluation", "mixtures"},
    _wrong_counts: {"training", "token_budgets", "schedule", "base"},
    _wrong_mixtures: {"corpora", "roles", "mixtures"},
    _wrong_cells: {"base", "sizes", "mixtures", "seeds"},
    _wrong_together: {"executor", "base", "training"},
    _wrong_beside_models: {"base", "tokenizer", "seeds", "schedule"},
}
