"""An experiment's corpora: their identity before they are prepared, and advice on them after."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mixlaw.corpora.capacity import LEAST_BYTES, most_tokens
from mixlaw.corpora.manifest import read_manifest
from mixlaw.corpora.notes import repetition_note
from mixlaw.corpora.plan import CorporaPlan
from mixlaw.corpora.precision import precision_note
from mixlaw.corpora.prepare import Corpora, load_corpora
from mixlaw.corpora.tokenizer import load_encoder
from mixlaw.errors import DataError
from mixlaw.experiment import Experiment
from mixlaw.quantities import format_quantity
from mixlaw.rundir.spec import BaseSpec
from mixlaw.sweep.plan import DataIdentity, Plan, train_tokens


@dataclass(frozen=True)
class Shortage:
    """A corpus that is too small, or looks so.

    Attributes:
        corpus: its name.
        needed: tokens that it must hold.
        most: tokens that its files can hold, a token a byte.
    """

    corpus: str
    needed: float
    most: int

    @property
    def is_certain(self) -> bool:
        """Whether no tokenizer could make so many tokens of it."""
        return self.needed > self.most

    def sentence(self) -> str:
        """What is missing, and what to do."""
        verb = "cannot" if self.is_certain else "will hardly"
        return (
            f"'{self.corpus}' is {self.most / 1e6:,.2f} MB, which {verb} make the "
            f"{format_quantity(self.needed)} tokens that the longest run reads of it; add text, "
            "lower 'token_budgets' or 'base.tokens', or raise 'max_epochs'."
        )


def expected_identity(folder: Path, experiment: Experiment) -> DataIdentity:
    """The identity of an experiment's data as far as it is known without preparing anything.

    What has still to be made, because it was never made or experiment.yaml or a file has changed,
    has an empty fingerprint.

    Raises:
        DataError: a corpus or tokenizer is not where experiment.yaml says.
    """
    cache, plan = folder / "corpora", _corpora_plan(experiment)
    manifest = read_manifest(cache)
    if manifest is None or manifest["keys"]["tokenizer"] != plan.tokenizer_key:
        return DataIdentity.unprepared(experiment, _vocab_size(experiment))
    prepared = DataIdentity.of(load_corpora(cache))
    made = manifest["keys"]
    train, held_out = {}, {}
    for name in experiment.corpora:
        train_key, held_out_key = plan.side_keys(name)
        train[name] = prepared.train[name] if made["train"].get(name) == train_key else ""
        is_made = made["held_out"].get(name) == held_out_key
        held_out[name] = prepared.held_out[name] if is_made else ""
    return DataIdentity(train, held_out, prepared.tokenizer, prepared.vocab_size)


def advice(experiment: Experiment, corpora: Corpora) -> Iterator[str]:
    """Sentences on the precision of held-out sets and on repetition, where something is amiss."""
    precision = experiment.evaluation.precision
    for name, held_out in corpora.held_out.items():
        if precision is not None and held_out.n_tokens:
            error = corpora.standard_errors[name]
            yield from precision_note(name, held_out.n_tokens, error, precision)
    yield from repetition(experiment, _complete(experiment, corpora))


def repetition(experiment: Experiment, unique_tokens: dict[str, int]) -> Iterator[str]:
    """Corpora that proxies and target run would repeat differently, at their largest share.

    Args:
        experiment: whose budgets and target are compared.
        unique_tokens: training tokens of every corpus that was read to its end.
    """
    target = experiment.target.tokens
    if target is None:
        return
    for name, n_tokens in unique_tokens.items():
        share = max(mixture[name] for mixture in experiment.all_mixtures)
        passes = share / n_tokens
        longest = max(experiment.token_budgets)
        yield from repetition_note(name, share, passes * longest, passes * target)


def shortages(experiment: Experiment, plan: Plan) -> Iterator[Shortage]:
    """Corpora whose files can hardly hold what the longest runs read of them, by their sizes.

    Args:
        experiment: whose corpora are looked at.
        plan: its runs; their data need not be prepared.
    """
    needed = _distinct_tokens(plan)
    for name, source in experiment.corpora.items():
        most = most_tokens(source)
        if most is not None and needed.get(name, 0.0) > most / LEAST_BYTES:
            yield Shortage(name, needed[name], most)


def _distinct_tokens(plan: Plan) -> dict[str, float]:
    """Tokens that a corpus must hold for the run that reads most of it, by corpus."""
    needed: dict[str, float] = {}
    for run in plan.runs:
        base = run.base if isinstance(run.base, BaseSpec) else None
        tokens = max(run.budgets) * run.data.step_tokens
        for name, share in run.shares.items():
            read, passes = share * tokens, run.data.max_epochs.get(name, 1.0)
            if base is not None and name in base.shares:
                read += base.shares[name] * base.tokens
                passes = base.max_epochs + run.data.max_epochs.get(name, 0.0)
            needed[name] = max(needed.get(name, 0.0), read / passes)
    return needed


def refuse_shortages(experiment: Experiment, plan: Plan) -> None:
    """Refuse corpora that are too small before they are encoded, which may take long.

    Raises:
        DataError: naming the first.
    """
    for shortage in shortages(experiment, plan):
        if shortage.is_certain:
            raise DataError(shortage.sentence())


def _corpora_plan(experiment: Experiment) -> CorporaPlan:
    """What an experiment asks of its corpora."""
    return CorporaPlan(
        experiment.corpora,
        experiment.training.seq_len,
        train_tokens(experiment),
        experiment.held_out_tokens(),
        experiment.tokenizer,
    )


def _vocab_size(experiment: Experiment) -> int:
    tokenizer = experiment.tokenizer
    if tokenizer.path is None:
        return tokenizer.vocab_size
    return load_encoder(Path(tokenizer.path), tokenizer.end_of_text).vocab_size


def _complete(experiment: Experiment, corpora: Corpora) -> dict[str, int]:
    """Sizes of the corpora that hold fewer tokens than were wanted: those were read whole."""
    wanted = train_tokens(experiment)
    sizes = {name: corpus.n_tokens for name, corpus in corpora.train.items()}
    return {name: n for name, n in sizes.items() if 0 < n < wanted[name]}
