"""The sections of experiment.yaml, and the values they are made of."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from mixlaw import plugins
from mixlaw.errors import ConfigError, unknown_name
from mixlaw.mixture import parse_ratio
from mixlaw.quantities import parse_quantity
from mixlaw.roles import Roles

#: The largest count: arrays of 64-bit integers hold no larger numbers.
_MOST = 9 * 10**18


def _count(value: Any) -> int:
    """A whole count from text such as 200k; pydantic collects ValueErrors, not our own."""
    try:
        count = round(parse_quantity(value))
    except ConfigError as error:
        raise ValueError(str(error)) from None
    if count > _MOST:
        raise ValueError(f"'{value}' is beyond {_MOST:.0e}, the largest count of an experiment")
    return count


def _mixture_entry(value: Any) -> float | dict[str, float]:
    """A domain ratio (0.3, 30%, 3:7) or a map of shares by corpus."""
    try:
        if isinstance(value, Mapping):
            return {str(name): parse_ratio(share) for name, share in value.items()}
        return parse_ratio(value)
    except ConfigError as error:
        raise ValueError(str(error)) from None


def distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Refuse a list in which a value stands twice."""
    twice = [value for i, value in enumerate(values) if value in values[:i]]
    if twice:
        raise ValueError(f"{twice[0]} stands twice; every value stands once")
    return values


def plugin(kind: str) -> AfterValidator:
    """A check that a name is a plugin of this kind."""

    def check(name: str) -> str:
        if name not in plugins.available(kind):
            raise ValueError(unknown_name(kind.removesuffix("s"), name, plugins.available(kind)))
        return name

    return AfterValidator(check)


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
        precision: standard error wanted of a loss, in nats; a set that is too small for it is
            reported, with the size that would do. None checks nothing.
    """

    held_out_tokens: Count | dict[str, Count] = 24_000
    precision: Annotated[float, Field(gt=0, le=10)] | None = None
    trunk_points: Annotated[int, Field(ge=1, le=1000)] = 12


class ExtraSeeds(Section):
    """More seeds in one cell: replicates that measure the spread between seeds.

    Attributes:
        size: of the cell, one of the sweep's sizes.
        model: of the cell, where the bases are existing models.
        mixture: of the cell.
        order: further seeds of the data order.
        base: further seeds of the base.
    """

    size: Count | None = None
    model: str | None = None
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

    order: Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(distinct)] = (0,)
    base: Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(distinct)] = (0,)
    extra: tuple[ExtraSeeds, ...] = ()


class TrainedBase(Section):
    """Base models that are pre-trained here on the general corpora, then decayed.

    Attributes:
        tokens: pre-training tokens of every base.
        max_epochs: how often the base may repeat its text; the epochs it took are recorded.
    """

    tokens: Count
    max_epochs: Annotated[float, Field(ge=1, le=1000)] = 8.0


class ExistingBase(Section):
    """Base models that exist: one family with one tokenizer, whose sizes are the size axis.

    Attributes:
        models: a folder or a name on the Hugging Face hub each; ``model: X`` is short for one.
        tokens: pre-training tokens of each, as its card says; only noted in the table.
        revision: branch, tag or commit on the hub.
        download: whether files that are not in the local hub cache may be fetched.
        trust_remote_code: whether Python code that comes with a model may run.
    """

    models: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(distinct)]
    tokens: Count | None = None
    revision: str = "main"
    download: bool = False
    trust_remote_code: bool = False

    @model_validator(mode="before")
    @classmethod
    def _one_model(cls, value: Any) -> Any:
        if not isinstance(value, Mapping) or "model" not in value:
            return value
        if "models" in value:
            raise ValueError("give either 'model' or 'models', and not both")
        return {**{k: v for k, v in value.items() if k != "model"}, "models": (value["model"],)}


def _kind_of_base(value: Any) -> str:
    existing = isinstance(value, ExistingBase) or (
        isinstance(value, Mapping) and not {"model", "models"}.isdisjoint(value)
    )
    return "[existing]" if existing else "[trained]"


#: In brackets, since messages leave the kind out of the place that they name.
Base = Annotated[
    Annotated[TrainedBase, Tag("[trained]")] | Annotated[ExistingBase, Tag("[existing]")],
    Discriminator(_kind_of_base),
]


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
        retry: a base or run whose loss stops being a number is trained once more at this multiple
            of its learning rate, and its rows say so; None flags it at once.
    """

    lr: LearningRate | Annotated[float, Field(gt=0, lt=1)] = LearningRate()
    peak_ratio: Annotated[float, Field(gt=0, le=10)] = 1.0
    warmup: Annotated[float, Field(ge=0, le=0.5)] = 0.02
    decay: Annotated[float, Field(gt=0, le=1)] = 0.2
    final_ratio: Fraction = 0.0
    retry: Annotated[float, Field(gt=0, lt=1)] | None = None


class Training(Section):
    """Sequence length, batch, regularisation and arithmetic, the same for every proxy.

    Attributes:
        seq_len: tokens a sequence.
        batch_tokens: tokens a step; rounded to whole sequences.
        weight_decay: AdamW's, on matrices only.
        clip: largest norm of the gradient.
        precision: of matrix products; weights and optimiser are float32 either way.
        micro_batch: sequences that go through the model at once; the gradients of a step are
            accumulated over as many passes as it takes. None for all at once.
        gradient_checkpointing: whether activations are computed again in the backward pass, for a
            third more FLOPs and much less memory.
    """

    seq_len: Annotated[int, Field(ge=8, le=65_536)] = 128
    batch_tokens: Count = 1024
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.1
    clip: Annotated[float, Field(gt=0)] = 1.0
    precision: Literal["float32", "bfloat16"] = "float32"
    micro_batch: Annotated[int, Field(ge=1)] | None = None
    gradient_checkpointing: bool = False

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
