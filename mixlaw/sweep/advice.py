"""What a person should know of prepared corpora before runs are trained on them."""

from collections.abc import Iterator

from mixlaw.corpora.notes import repetition_note
from mixlaw.corpora.precision import precision_note
from mixlaw.corpora.prepare import Corpora
from mixlaw.experiment import Experiment
from mixlaw.sweep.plan import train_tokens


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


def _complete(experiment: Experiment, corpora: Corpora) -> dict[str, int]:
    """Sizes of the corpora that hold fewer tokens than were asked for: those were read whole."""
    asked = train_tokens(experiment)
    sizes = {name: corpus.n_tokens for name, corpus in corpora.train.items()}
    return {name: n for name, n in sizes.items() if 0 < n < asked[name]}
