"""The plan of a sweep: a pure function from an experiment and its corpora to bases and runs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mixlaw.corpora.prepare import Corpora
from mixlaw.errors import ConfigError
from mixlaw.experiment import Experiment, LearningRate, TrainedBase
from mixlaw.mixture import Mixture
from mixlaw.rundir.shape import ExistingShape, Shape, choose_shape
from mixlaw.rundir.spec import (
    AnySpec,
    BaseSpec,
    ComputeSpec,
    DataSpec,
    ExistingSpec,
    OptimSpec,
    RunSpec,
)


@dataclass(frozen=True)
class DataIdentity:
    """What a plan needs to know of prepared corpora.

    Attributes:
        train: fingerprint of the training tokens by corpus.
        held_out: fingerprint of the held-out windows by corpus.
        tokenizer: hash of the tokenizer.
        vocab_size: of the tokenizer.
    """

    train: dict[str, str]
    held_out: dict[str, str]
    tokenizer: str
    vocab_size: int

    @classmethod
    def of(cls, corpora: Corpora) -> "DataIdentity":
        """The identity of prepared corpora."""
        return cls(
            {name: corpus.fingerprint for name, corpus in corpora.train.items()},
            {name: held_out.fingerprint for name, held_out in corpora.held_out.items()},
            corpora.tokenizer_hash,
            corpora.vocab_size,
        )

    @classmethod
    def unprepared(cls, experiment: Experiment, vocab_size: int) -> "DataIdentity":
        """A stand-in before any text is read: enough for counts and costs, not for run ids."""
        nothing = dict.fromkeys(experiment.corpora, "")
        return cls(nothing, nothing, "", vocab_size)

    def knows(self, corpora: Iterable[str]) -> bool:
        """Whether everything is known that runs which train on these corpora depend on."""
        return "" not in (
            self.tokenizer,
            *self.held_out.values(),
            *(self.train[name] for name in corpora),
        )


@dataclass(frozen=True)
class Plan:
    """All bases and runs of a sweep, each once, in the order of the experiment."""

    bases: tuple[BaseSpec | ExistingSpec, ...]
    runs: tuple[RunSpec, ...]

    @property
    def specs(self) -> tuple[AnySpec, ...]:
        """Bases, then runs."""
        return (*self.bases, *self.runs)

    def without_largest(self) -> "Plan":
        """The same without the runs of the largest size; its base stays.

        Raises:
            ConfigError: there is one size only.
        """
        sizes = {run.shape.n_params for run in self.runs}
        if len(sizes) < 2:
            raise ConfigError(
                "There is one size only, so its runs cannot be held back; add a smaller one to "
                "'sizes' in experiment.yaml."
            )
        kept = tuple(run for run in self.runs if run.shape.n_params < max(sizes))
        return replace(self, runs=kept)


def plan_runs(
    experiment: Experiment, data: DataIdentity, models: Sequence[ExistingShape] = ()
) -> Plan:
    """Every base and run of an experiment.

    Args:
        experiment: what to plan.
        data: identity of its corpora.
        models: those of ``base.models``, in their order.

    Raises:
        ConfigError: no model has one of the sizes.
    """
    runs = {run.run_id: run for run in _runs(experiment, data, models)}
    bases = {run.base.run_id: run.base for run in runs.values()}
    return Plan(tuple(bases.values()), tuple(runs.values()))


def train_tokens(experiment: Experiment) -> dict[str, int]:
    """Distinct training tokens worth preparing by corpus: the base's, and a longest run's.

    Whatever the mixtures, and rounded up to a power of two: other mixtures and somewhat longer
    budgets then read the same streams, and the runs that are done stay valid.
    """
    longest, base = max(experiment.token_budgets), experiment.base
    base_tokens = base.tokens if isinstance(base, TrainedBase) else 0
    needed = {
        name: longest + (base_tokens if name in experiment.general_corpora else 0)
        for name in experiment.corpora
    }
    return {name: 2 ** int(np.ceil(np.log2(tokens + 1))) for name, tokens in needed.items()}


def existing_spec(experiment: Experiment, data: DataIdentity, shape: ExistingShape) -> ExistingSpec:
    """An existing model as an experiment measures it."""
    return ExistingSpec(
        shape=shape,
        compute=_compute(experiment),
        held_out=data.held_out,
        tokenizer=data.tokenizer,
        seq_len=experiment.training.seq_len,
    )


def _runs(
    experiment: Experiment, data: DataIdentity, models: Sequence[ExistingShape]
) -> Iterator[RunSpec]:
    for size, shape in _sizes(experiment, data, models):
        for mixture in experiment.all_mixtures:
            for base_seed, order_seed in _seeds(experiment, size, mixture):
                base = _base(experiment, data, shape, base_seed)
                yield _run(experiment, data, base, mixture, order_seed)


def _sizes(
    experiment: Experiment, data: DataIdentity, models: Sequence[ExistingShape]
) -> Iterator[tuple[int | str, Shape]]:
    """Every size as the experiment calls it, and its shape."""
    if isinstance(experiment.base, TrainedBase):
        yield from ((size, choose_shape(size, data.vocab_size)) for size in experiment.sizes)
    else:
        yield from zip(experiment.base.models, models, strict=True)


def _seeds(experiment: Experiment, size: int | str, mixture: Mixture) -> Iterator[tuple[int, int]]:
    """Pairs (base seed, order seed) of a cell: all pairs of the sweep, then its extra ones."""
    seeds = experiment.seeds
    yield from ((base, order) for base in seeds.base for order in seeds.order)
    for extra in seeds.extra:
        if size in (extra.size, extra.model) and experiment.mixture(extra.mixture) == mixture:
            yield from ((seeds.base[0], order) for order in extra.order)
            yield from ((base, seeds.order[0]) for base in extra.base)


def _run(
    experiment: Experiment,
    data: DataIdentity,
    base: BaseSpec | ExistingSpec,
    mixture: Mixture,
    order_seed: int,
) -> RunSpec:
    budgets = tuple(sorted({_steps(experiment, tokens) for tokens in experiment.token_budgets}))
    ratio = experiment.schedule.peak_ratio
    run = RunSpec(
        recipe=experiment.recipe,
        shape=base.shape,
        compute=base.compute,
        data=_data(experiment, data, tuple(experiment.corpora), experiment.max_epochs),
        shares=dict(mixture.shares),
        seed=order_seed,
        optim=_optim(experiment, base.shape, max(budgets), ratio),
        base=base,
        domain_ratio=experiment.domain_ratio(mixture),
        budgets=budgets,
        trunk_points=(),
    )
    points = _log_spaced(run.trunk_steps, experiment.evaluation.trunk_points)
    return run.model_copy(update={"trunk_points": points})


def _base(
    experiment: Experiment, data: DataIdentity, shape: Shape, seed: int
) -> BaseSpec | ExistingSpec:
    if isinstance(shape, ExistingShape):
        return existing_spec(experiment, data, shape)
    assert isinstance(experiment.base, TrainedBase)
    general = experiment.general_corpora
    steps = _steps(experiment, experiment.base.tokens)
    return BaseSpec(
        shape=shape,
        compute=_compute(experiment),
        data=_data(experiment, data, general, {}),
        shares={name: 1 / len(general) for name in general},
        seed=seed,
        optim=_optim(experiment, shape, steps, 1.0),
        steps=steps,
        max_epochs=experiment.base.max_epochs,
    )


def _compute(experiment: Experiment) -> ComputeSpec | None:
    """None for the plain way: it is not part of the identity of runs that go it."""
    training = experiment.training
    compute = ComputeSpec(
        precision=None if training.precision == "float32" else training.precision,
        micro_batch=training.micro_batch,
        gradient_checkpointing=training.gradient_checkpointing or None,
    )
    return None if compute == ComputeSpec() else compute


def _data(
    experiment: Experiment,
    data: DataIdentity,
    corpora: Sequence[str],
    max_epochs: Mapping[str, float],
) -> DataSpec:
    """Only what is read: a base does not change with the domain's text."""
    return DataSpec(
        train={name: data.train[name] for name in corpora},
        held_out=data.held_out,
        tokenizer=data.tokenizer,
        seq_len=experiment.training.seq_len,
        batch_size=experiment.training.batch_size,
        max_epochs=dict(max_epochs),
    )


def _optim(experiment: Experiment, shape: Shape, steps: int, ratio: float) -> OptimSpec:
    schedule = experiment.schedule
    if isinstance(schedule.lr, LearningRate):
        peak, rule = schedule.lr.peak(shape.width), str(schedule.lr)
    else:
        peak, rule = schedule.lr, "fixed"
    return OptimSpec(
        lr_peak=peak * ratio,
        lr_rule=rule if ratio == 1 else f"{ratio:g}*{rule}",
        lr_final=peak * ratio * schedule.final_ratio,
        warmup=round(schedule.warmup * steps),
        decay=schedule.decay,
        weight_decay=experiment.training.weight_decay,
        clip=experiment.training.clip,
        retry=schedule.retry,
    )


def _steps(experiment: Experiment, tokens: int) -> int:
    """Whole steps nearest to a number of tokens."""
    return max(1, round(tokens / (experiment.training.batch_size * experiment.training.seq_len)))


def _log_spaced(last: int, n_points: int) -> tuple[int, ...]:
    """About ``n_points`` distinct steps up to ``last``, evenly spaced in the logarithm.

    The first is a sixty-fourth of the last: earlier, warm-up is most of what is seen.
    """
    points = np.geomspace(max(1.0, last / 64), last, n_points)
    return tuple(sorted({max(1, round(point)) for point in points.tolist()}))
