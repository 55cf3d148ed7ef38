"""What can be said of an experiment's corpora before they are prepared."""

from pathlib import Path

from mixlaw.corpora.manifest import read_manifest
from mixlaw.corpora.plan import Plan as CorporaPlan
from mixlaw.corpora.prepare import load_corpora
from mixlaw.corpora.tokenizer import load_encoder
from mixlaw.experiment import Experiment
from mixlaw.sweep.plan import DataIdentity, train_tokens


def _corpora_plan(experiment: Experiment) -> CorporaPlan:
    """What an experiment asks of its corpora."""
    return CorporaPlan(
        experiment.corpora,
        experiment.training.seq_len,
        train_tokens(experiment),
        experiment.held_out_tokens(),
        experiment.tokenizer,
    )


def expected_identity(folder: Path, experiment: Experiment) -> DataIdentity:
    """The identity of an experiment's data as far as it is known without preparing anything.

    What has still to be made, because it was never made or experiment.yaml or a file has changed,
    has an empty fingerprint.

    Raises:
        DataError: a corpus or tokenizer is not where experiment.yaml says.
    """
    cache, asked = folder / "corpora", _corpora_plan(experiment)
    manifest = read_manifest(cache)
    if manifest is None or manifest["keys"]["tokenizer"] != asked.tokenizer_key:
        return DataIdentity.unprepared(experiment, _vocab_size(experiment))
    prepared = DataIdentity.of(load_corpora(cache))
    made = manifest["keys"]
    train, held_out = {}, {}
    for name in experiment.corpora:
        train_key, held_out_key = asked.side_keys(name)
        train[name] = prepared.train[name] if made["train"].get(name) == train_key else ""
        is_made = made["held_out"].get(name) == held_out_key
        held_out[name] = prepared.held_out[name] if is_made else ""
    return DataIdentity(train, held_out, prepared.tokenizer, prepared.vocab_size)


def _vocab_size(experiment: Experiment) -> int:
    tokenizer = experiment.tokenizer
    if tokenizer.path is None:
        return tokenizer.vocab_size
    return load_encoder(Path(tokenizer.path), tokenizer.end_of_text).vocab_size
