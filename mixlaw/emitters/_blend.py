"""From token shares to a trainer's weights, with the sentences that must travel with them.

A sampler that draws documents with probability p_i trains on the token shares

    r_i = p_i m_i / sum_j p_j m_j        m_i = mean tokens per document of corpus i

so the probabilities for given shares are p_i = (r_i / m_i) / sum_j (r_j / m_j). A trainer that
keeps a fraction w_i of the documents of corpus i, which holds t_i tokens, trains on r_i
proportional to w_i t_i; the fractions are scaled so that the largest is one.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from mixlaw.errors import ConfigError, unknown_name
from mixlaw.mixture import Mixture
from mixlaw.quantities import format_quantity

Unit = Literal["tokens", "documents", "fraction of the corpus kept"]
TOKENS: Unit = "tokens"
DOCUMENTS: Unit = "documents"
KEPT: Unit = "fraction of the corpus kept"


@dataclass(frozen=True)
class EmitOptions:
    """What the recommendation does not know about the corpora, each by corpus name.

    Attributes:
        tokens_per_doc: mean tokens per document; needed where a trainer samples documents.
        tokens_on_disk: distinct tokens; needed for epochs, and where a trainer keeps fractions.
        paths: where the trainer finds the corpus; a placeholder is written for those not named.
        validation_paths: where it finds the corpus's held-out set; as ``paths``.
    """

    tokens_per_doc: Mapping[str, float] = field(default_factory=dict)
    tokens_on_disk: Mapping[str, float] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)
    validation_paths: Mapping[str, str] = field(default_factory=dict)


#: Weights are written with at least this many decimals, and sum to one as they are written.
#: Conventional: a share is then off by at most 5e-7, a thousandth of what anybody can measure.
DECIMALS = 6


@dataclass(frozen=True)
class Part:
    """One corpus of a blend: its token share, the trainer's weight, and where the data lie.

    ``size`` is its distinct tokens and ``epochs`` the passes over them at the budget, where known.
    """

    corpus: str
    share: float
    weight: float
    path: str
    validation_path: str
    epochs: float | None
    size: float | None = None


@dataclass(frozen=True)
class Blend:
    """The parts of a mixture in a trainer's unit, and the sentences to print with them.

    Attributes:
        parts: one a corpus.
        notes: unit, epochs, validation sets and the like.
        tokens: the budget.
    """

    parts: tuple[Part, ...]
    notes: tuple[str, ...]
    tokens: float

    @property
    def kept_tokens(self) -> float:
        """Tokens in one pass over what a trainer of kept fractions keeps."""
        return sum(part.weight * (part.size or 0.0) for part in self.parts)

    @property
    def passes(self) -> float:
        """How often such a trainer passes over what it keeps within the budget."""
        return self.tokens / self.kept_tokens

    @property
    def until_all_read(self) -> float | None:
        """Tokens until the last corpus was read once; None where a size is not known."""
        lengths = [part.size / part.share for part in self.parts if part.size]
        return max(lengths) if len(lengths) == len(self.parts) else None

    @property
    def corpora(self) -> list[str]:
        """Names of the corpora, in the order of the weights."""
        return [part.corpus for part in self.parts]

    @property
    def weights(self) -> list[float]:
        """Weights in the trainer's unit."""
        return [part.weight for part in self.parts]

    @property
    def paths(self) -> list[str]:
        """Paths of the training data, in the order of the weights."""
        return [part.path for part in self.parts]

    @property
    def validation_paths(self) -> list[str]:
        """Paths of the held-out sets, in the order of the weights."""
        return [part.validation_path for part in self.parts]

    @property
    def interleaved(self) -> list[str]:
        """Weight, path, weight, path, ...: the flat list of the Megatron family."""
        return [word for part in self.parts for word in (f"{part.weight:.12g}", part.path)]


def blend(
    document: Mapping[str, Any],
    options: EmitOptions,
    unit: Unit,
    path: str = "/data/{}",
    validation_path: str = "/data/{}_val",
) -> Blend:
    """The mixture of a recommendation as weights in a trainer's unit.

    Args:
        document: a recommendation's JSON document.
        options: sizes and paths of the corpora.
        unit: what the trainer's weights count.
        path: placeholder for the training data of a corpus whose path is not given.
        validation_path: the same for its held-out set.

    Raises:
        ConfigError: the recommendation has no ratio, an option names an unknown corpus, or a size
            that the unit needs is missing or not positive.
    """
    shares = _shares(document)
    _check_names(options, shares)
    trained = {corpus: share for corpus, share in shares.items() if share > 0}
    weights = _weights(trained, options, unit)
    tokens = document["target"]["tokens"]
    parts = tuple(
        Part(
            corpus,
            share,
            weights[corpus],
            options.paths.get(corpus, path.format(corpus)),
            options.validation_paths.get(corpus, validation_path.format(corpus)),
            _epochs(corpus, share * tokens, options),
            options.tokens_on_disk.get(corpus),
        )
        for corpus, share in trained.items()
    )
    mix = Blend(parts, (), tokens)
    return replace(mix, notes=tuple(_notes(document, options, unit, shares, mix)))


def _shares(document: Mapping[str, Any]) -> dict[str, float]:
    shares = {corpus: share["recommended"] for corpus, share in document["shares"].items()}
    if not shares or None in shares.values():
        raise ConfigError(
            "The recommendation holds no ratio to write down; relax its rule or tolerance first."
        )
    return _rounded(Mixture(shares).shares)


def _check_names(options: EmitOptions, shares: Mapping[str, float]) -> None:
    for given in vars(options).values():
        for corpus in given:
            if corpus not in shares:
                raise ConfigError(unknown_name("corpus in the recommendation", corpus, shares))


def _weights(shares: Mapping[str, float], options: EmitOptions, unit: Unit) -> Mapping[str, float]:
    if unit == DOCUMENTS:
        return document_probabilities(shares, options.tokens_per_doc)
    if unit == KEPT:
        return kept_fractions(shares, options.tokens_on_disk)
    return shares


def document_probabilities(
    shares: Mapping[str, float], tokens_per_doc: Mapping[str, float]
) -> dict[str, float]:
    """Probabilities of drawing a document of each corpus that give these token shares.

    Raises:
        ConfigError: a corpus has no positive mean document length.
    """
    missing = [corpus for corpus in shares if not tokens_per_doc.get(corpus, 0) > 0]
    if missing:
        share = next(iter(shares.values()))
        wrong = share * 2000 / (share * 2000 + (1 - share) * 500)
        raise ConfigError(
            f"This trainer samples documents, not tokens, and the tokens per document of "
            f"{', '.join(missing)} are not known; pass them as --tokens-per-doc "
            f"{','.join(f'{corpus}=N' for corpus in shares)}. Taken as it is, a token share of "
            f"{share:.2f} becomes {wrong:.2f} with 2000-token documents against 500-token ones."
        )
    rates = {corpus: share / tokens_per_doc[corpus] for corpus, share in shares.items()}
    total = sum(rates.values())
    return _rounded({corpus: rate / total for corpus, rate in rates.items()})


def kept_fractions(
    shares: Mapping[str, float], tokens_on_disk: Mapping[str, float]
) -> dict[str, float]:
    """Fraction of each corpus to keep for these token shares; the largest is one.

    Raises:
        ConfigError: a corpus has no positive size.
    """
    missing = [corpus for corpus in shares if not tokens_on_disk.get(corpus, 0) > 0]
    if missing:
        raise ConfigError(
            f"This trainer's weight is the fraction of a corpus to keep, not its share, and the "
            f"size of {', '.join(missing)} is not known; pass the tokens on disk as "
            f"--unique-tokens {','.join(f'{corpus}=N' for corpus in shares)}."
        )
    rates = {corpus: share / tokens_on_disk[corpus] for corpus, share in shares.items()}
    largest = max(rates.values())
    return {corpus: float(f"{rate / largest:.{DECIMALS}g}") for corpus, rate in rates.items()}


def _rounded(shares: Mapping[str, float]) -> dict[str, float]:
    """Shares with a few decimals that still sum to one: the largest takes what rounding leaves.

    A small probability of long documents can be a large share of the tokens, so the smallest
    share keeps four significant digits.
    """
    smallest = min(share for share in shares.values() if share > 0)
    decimals = max(DECIMALS, 3 - math.floor(math.log10(smallest)))
    rounded = {corpus: round(share, decimals) for corpus, share in shares.items()}
    largest = max(rounded, key=lambda corpus: rounded[corpus])
    rounded[largest] = round(rounded[largest] + 1 - sum(rounded.values()), decimals)
    return rounded


def _epochs(corpus: str, tokens: float, options: EmitOptions) -> float | None:
    size = options.tokens_on_disk.get(corpus)
    return tokens / size if size else None


def _notes(
    document: Mapping[str, Any],
    options: EmitOptions,
    unit: Unit,
    shares: Mapping[str, float],
    mix: Blend,
) -> list[str]:
    """What the config cannot say: shares and target, unit, epochs, validation, placeholders."""
    target = document["target"]
    notes = [
        f"mixlaw: train on {_listed(shares, '.4g')} of the tokens "
        f"({format_quantity(target['n_params'])} parameters, "
        f"{format_quantity(target['tokens'])} tokens).",
        _unit_note(unit, options),
    ]
    absent = [plain(corpus) for corpus, share in shares.items() if share == 0]
    if absent:
        notes.append(f"Left out, because its share is 0: {', '.join(absent)}.")
    epochs = {part.corpus: part.epochs for part in mix.parts if part.epochs is not None}
    if unit == KEPT:
        notes.append(_passes_note(mix))
    elif epochs:
        notes.append(f"Epochs at this budget: {_listed(epochs, '.3g')}.")
    notes.append(
        f"Validation: keep one held-out set per corpus ({', '.join(map(plain, shares))}) and log "
        "their losses apart; a blended loss cannot show which of them moves."
    )
    if any(part.corpus not in options.paths for part in mix.parts):
        notes.append("Paths are placeholders where none was given: write your own.")
    return notes


def _passes_note(mix: Blend) -> str:
    """What a trainer that keeps one fixed subset of each corpus really passes over."""
    kept = ", ".join(
        f"{plain(part.corpus)} {format_quantity(part.weight * (part.size or 0.0))} of "
        f"{format_quantity(part.size or 0.0)}"
        for part in mix.parts
    )
    return (
        f"One fixed subset of each corpus is kept and read again and again: {kept} distinct "
        f"tokens, {format_quantity(mix.kept_tokens)} a pass, {mix.passes:.3g} passes over all of "
        "them at this budget."
    )


def all_exhausted_note(mix: Blend) -> str:
    """What the strategy ``all_exhausted`` of Hugging Face datasets makes of an epoch."""
    length = mix.until_all_read
    lasts = f" ({format_quantity(length)} tokens here)" if length else ""
    return (
        f"One epoch ends when the last corpus was read once{lasts}, and smaller ones begin again: "
        f"stop at the budget of {format_quantity(mix.tokens)} tokens with max_steps."
    )


def _unit_note(unit: Unit, options: EmitOptions) -> str:
    if unit == DOCUMENTS:
        return (
            "Weights are probabilities of drawing a document: share / tokens per document "
            f"({_listed(options.tokens_per_doc, '.4g')}), normalised."
        )
    if unit == KEPT:
        return (
            "Weights are the fraction of each corpus that is kept: share / tokens on disk "
            f"({_listed(options.tokens_on_disk, '.4g')}), the largest scaled to 1."
        )
    return "Weights count tokens (fixed-length samples), so they are the token shares."


def _listed(values: Mapping[str, float], spec: str) -> str:
    return ", ".join(f"{plain(corpus)} {value:{spec}}" for corpus, value in values.items())


def plain(name: str) -> str:
    """A name that is safe inside a one-line comment."""
    return name if name.isprintable() else ascii(name)
