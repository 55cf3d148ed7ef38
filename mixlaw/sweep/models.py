"""The existing models that an experiment starts from: where they are, and whether they agree."""

from dataclasses import dataclass
from pathlib import Path

from mixlaw.corpora.tokenizer import load_encoder
from mixlaw.errors import DataError
from mixlaw.experiment import ExistingBase, Experiment, TokenizerSource
from mixlaw.rundir.model_source import KnownModels, Source, find_model
from mixlaw.rundir.shape import ExistingShape
from mixlaw.rundir.spec import ExistingSpec


@dataclass(frozen=True)
class Models:
    """Existing models in the order of the experiment; none where bases are trained.

    Attributes:
        sources: where they are.
        shapes: what they are.
    """

    sources: tuple[Source, ...] = ()
    shapes: tuple[ExistingShape, ...] = ()

    def source(self, spec: ExistingSpec) -> Source:
        """Where the model of a specification is."""
        return self.sources[self.shapes.index(spec.shape)]


def resolve_models(
    folder: Path, experiment: Experiment, *, weights: bool = True
) -> tuple[Experiment, Models]:
    """The experiment with the tokenizer of its models, and the models.

    Args:
        folder: of the experiment.
        experiment: as it was read.
        weights: whether the weights have to be there; a plan does without.

    Raises:
        DataError: a model cannot be used, or does not go with the others or the experiment.
    """
    base = experiment.base
    if not isinstance(base, ExistingBase):
        return experiment, Models()
    sources = tuple(
        find_model(
            name,
            revision=base.revision,
            download=base.download,
            weights=weights,
            trust_remote_code=base.trust_remote_code,
            tokens=base.tokens,
        )
        for name in base.models
    )
    known = KnownModels.of(folder)
    shapes = (known.shape(source) or _counted(source, known) for source in sources)
    models = Models(sources, tuple(shapes))
    _check_sizes(models)
    _check_tokenizers(models, experiment)
    tokenizer = TokenizerSource(
        path=str(sources[0].folder), end_of_text=experiment.tokenizer.end_of_text
    )
    return experiment.model_copy(update={"tokenizer": tokenizer}), models


def _counted(source: Source, known: KnownModels) -> ExistingShape:
    # torch takes seconds to import, which a sweep of models that are known does without.
    from mixlaw.train.pretrained import shape_of

    return shape_of(source, known)


def _check_sizes(models: Models) -> None:
    """Two models of one size would be two different bases at one point of the size axis."""
    for i, shape in enumerate(models.shapes):
        if shape.n_params in [other.n_params for other in models.shapes[:i]]:
            raise DataError(
                f"'{models.sources[i].name}' has {shape.n_params:,} non-embedding parameters, as "
                "another of base.models has; every size stands once."
            )


def _check_tokenizers(models: Models, experiment: Experiment) -> None:
    """One tokenizer for all, whose ids every model has, and sequences that every model can read."""
    end, seq_len = experiment.tokenizer.end_of_text, experiment.training.seq_len
    encoders = [load_encoder(source.folder, end) for source in models.sources]
    for source, shape, encoder in zip(models.sources, models.shapes, encoders, strict=True):
        if encoder.hash != encoders[0].hash:
            raise DataError(
                f"'{source.name}' has another tokenizer than '{models.sources[0].name}'; the "
                "models of one experiment are of one family, since losses per token of different "
                "tokenizers cannot be compared."
            )
        if encoder.vocab_size > shape.vocab_size:
            raise DataError(
                f"The tokenizer of '{source.name}' has ids up to {encoder.vocab_size - 1}, and its "
                f"embedding {shape.vocab_size} rows; extend the model, or mend its tokenizer."
            )
        if shape.max_seq_len is not None and seq_len > shape.max_seq_len:
            raise DataError(
                f"training.seq_len is {seq_len}, and '{source.name}' reads at most "
                f"{shape.max_seq_len} tokens; lower it."
            )
