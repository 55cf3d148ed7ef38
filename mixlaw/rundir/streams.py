"""Which tokens a base and a CPT run read: the same order for every ratio, replay after the base."""

from collections.abc import Mapping

from mixlaw.corpora.mixing import MixtureStream
from mixlaw.corpora.prepare import Corpora
from mixlaw.rundir.spec import BaseSpec, ExistingSpec, RunSpec, Spec


def base_stream(spec: BaseSpec, corpora: Corpora) -> MixtureStream:
    """What a base reads: general text, up to ``max_epochs`` times."""
    return _stream(spec, corpora, max_epochs=dict.fromkeys(spec.shares, spec.max_epochs))


def run_stream(spec: RunSpec, corpora: Corpora) -> MixtureStream:
    """What a CPT run reads: replay begins where its base stopped, with unseen text.

    A corpus that the base has read may be read ``base.max_epochs`` times in all, and more where
    ``max_epochs`` names it; any other corpus once, unless ``max_epochs`` names it. What an existing
    model has read is not known.
    """
    named = spec.data.max_epochs
    if isinstance(spec.base, ExistingSpec):
        limits = {name: named.get(name, 1.0) for name in spec.shares}
        return _stream(spec, corpora, max_epochs=limits)
    base = base_stream(spec.base, corpora)
    used = base.counts(spec.base.steps * spec.data.batch_size)
    limits = {
        name: spec.base.max_epochs + named.get(name, 0.0) if name in used else named.get(name, 1.0)
        for name in spec.shares
    }
    return _stream(spec, corpora, start=used, start_seed=spec.base.seed, max_epochs=limits)


def check_lengths(spec: RunSpec, corpora: Corpora) -> None:
    """Refuse a run for which a corpus is too small, before anything is trained.

    Raises:
        DataError: naming the corpus, the missing tokens and what to do.
    """
    size = spec.data.batch_size
    if isinstance(spec.base, BaseSpec):
        base_stream(spec.base, corpora).check(spec.base.steps * size)
    run_stream(spec, corpora).check(max(spec.budgets) * size)


def _stream(
    spec: Spec,
    corpora: Corpora,
    *,
    max_epochs: Mapping[str, float],
    start: Mapping[str, int] | None = None,
    start_seed: int | None = None,
) -> MixtureStream:
    return MixtureStream(
        {name: corpus.tokens() for name, corpus in corpora.train.items()},
        spec.shares,
        seq_len=spec.data.seq_len,
        block=spec.data.batch_size,
        seed=spec.seed,
        start=start,
        start_seed=start_seed,
        max_epochs=max_epochs,
    )
