"""What every emitter keeps: what it wrote, read as its trainer reads it, is the token shares."""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from mixlaw import plugins
from mixlaw.emitters import (
    DOCUMENTS,
    EXAMPLE_DOCUMENT,
    EXAMPLE_OPTIONS,
    KEPT,
    TOKENS,
    EmitOptions,
    blend,
)
from mixlaw.testing.conformance import attempt, refusal, require

#: How the trainer reads the text: weight by path, in the order of the text.
ReadBack = Callable[[str], Mapping[str, float]]

TWO = {"domain": 0.283, "general": 0.717}
THREE = {"law": 0.0417, "code": 0.2583, "web": 0.7}
TOKENS_PER_DOC = {"domain": 2000, "general": 500, "law": 8123.4, "code": 77.5, "web": 812}
ON_DISK = {"domain": 2e9, "general": 4e10, "law": 3e8, "code": 9e9, "web": 1.5e12}
#: How far a share may be off: four decimals are more than anybody can tell apart.
TOLERANCE = 1e-3


def check_emitter(emitter: ModuleType, read_back: ReadBack) -> None:
    """Check an emitter against a reader of its trainer's format.

    Checked are: that the weights that are read back, in the unit of ``UNIT``, are the token shares
    of the recommendation, for two and three corpora, and for a few long documents; that a corpus
    with share 0 is left out; that a name or path with quotes, spaces and line ends stays data, or
    is refused; that sizes which the unit needs are asked for; that ``EXAMPLE`` is an excerpt.

    Args:
        emitter: the module.
        read_back: reads a text as the trainer documents it: weight by path. It is best written
            without the emitter's own code.

    Raises:
        ConformanceError: the emitter breaks one of these.
    """
    for check in CHECKS:
        check(emitter, read_back)


def recommendation(shares: Mapping[str, float | None]) -> dict[str, object]:
    """The part of a recommendation's document that emitters use."""
    return {
        "target": {"n_params": 8e9, "tokens": 2e10},
        "shares": {name: {"recommended": share} for name, share in shares.items()},
    }


def options_for(shares: Mapping[str, float]) -> EmitOptions:
    """Sizes and paths for these corpora, among those of ``TWO`` and ``THREE``."""
    return EmitOptions(
        tokens_per_doc={name: TOKENS_PER_DOC[name] for name in shares},
        tokens_on_disk={name: ON_DISK[name] for name in shares},
        paths={name: f"/corpora/{name}" for name in shares},
    )


def trained_shares(
    emitter: ModuleType, weights: Mapping[str, float], options: EmitOptions
) -> dict[str, float]:
    """Token shares that a trainer with these weights, by path, really trains on."""
    equal = dict.fromkeys(options.paths, 1.0)
    sizes = {TOKENS: equal, DOCUMENTS: options.tokens_per_doc, KEPT: options.tokens_on_disk}
    size = sizes[emitter.UNIT]
    tokens = {corpus: weights[path] * size[corpus] for corpus, path in options.paths.items()}
    return {corpus: count / sum(tokens.values()) for corpus, count in tokens.items()}


def declares_itself(emitter: ModuleType, read_back: ReadBack) -> None:
    """``UNIT`` is one of three; ``EXAMPLE`` is a line of what is written for the example."""
    name = plugins.name_of(emitter)
    known = (TOKENS, DOCUMENTS, KEPT)
    require(emitter.UNIT in known, f"UNIT of {name} must be TOKENS, DOCUMENTS or KEPT.")
    text = emitter.emit(EXAMPLE_DOCUMENT, EXAMPLE_OPTIONS)
    require(
        emitter.EXAMPLE in text,
        f"EXAMPLE of {name} is not in what it writes for EXAMPLE_DOCUMENT.",
    )


def shares_come_back(emitter: ModuleType, read_back: ReadBack) -> None:
    """The trainer trains on the token shares that were recommended."""
    for shares in (TWO, THREE):
        _require_shares(emitter, read_back, shares, options_for(shares))


def long_documents_keep_their_share(emitter: ModuleType, read_back: ReadBack) -> None:
    """Books among one-line messages: a probability of 4e-6 can be 0.3 of the tokens."""
    shares, lengths = {"books": 0.3, "messages": 0.7}, {"books": 1e7, "messages": 100.0}
    paths = {corpus: f"/{corpus}" for corpus in shares}
    sizes = {"books": 1e12, "messages": 1e9}
    _require_shares(emitter, read_back, shares, EmitOptions(lengths, sizes, paths))


def _require_shares(
    emitter: ModuleType, read_back: ReadBack, shares: Mapping[str, float], options: EmitOptions
) -> None:
    name = plugins.name_of(emitter)
    weights = read_back(emitter.emit(recommendation(shares), options))
    require(
        list(weights) == list(options.paths.values()),
        f"{name} writes the paths {list(weights)} for {list(options.paths.values())}.",
    )
    for corpus, share in trained_shares(emitter, weights, options).items():
        require(
            abs(share - shares[corpus]) <= TOLERANCE,
            f"With what {name} writes, {share:.4f} of the tokens are {corpus}, instead of "
            f"{shares[corpus]:.4f}; its weights are {emitter.UNIT}.",
        )


def a_share_of_zero_is_left_out(emitter: ModuleType, read_back: ReadBack) -> None:
    """A corpus with share 0 is not in the text; trainers refuse, or sample, a weight of 0."""
    shares = {"domain": 0.0, "general": 1.0}
    paths = list(read_back(emitter.emit(recommendation(shares), options_for(shares))))
    require(
        paths == ["/corpora/general"],
        f"{plugins.name_of(emitter)} writes {paths} where the domain's share is 0.",
    )


def hostile_names_stay_data(emitter: ModuleType, read_back: ReadBack) -> None:
    """Names and paths with quotes, line ends and options come back as they are, or are refused."""
    hostile = {
        "domain\n--evil: '\"": '/d a/it\'s "x": #1 {y} $(rm -rf .) `id` \\n é日\t[z]',
        "general": "/data/ok",
    }
    shares = dict(zip(hostile, (0.3, 0.7), strict=True))
    options = EmitOptions(dict.fromkeys(shares, 500), dict.fromkeys(shares, 1e9), hostile)
    name = plugins.name_of(emitter)
    text = attempt(lambda: emitter.emit(recommendation(shares), options), f"{name}: a hostile path")
    if text is not None:
        paths = list(read_back(text))
        require(
            paths == list(hostile.values()),
            f"A path with quotes and a line end is read as {paths}; {name} has to quote or refuse "
            "it.",
        )


def sizes_are_needed(emitter: ModuleType, read_back: ReadBack) -> None:
    """Weights that are no token shares are refused where the sizes they need are not known."""
    name = plugins.name_of(emitter)
    needed = {DOCUMENTS: "--tokens-per-doc", KEPT: "--unique-tokens"}
    if emitter.UNIT in needed:
        with refusal(f"To {name}, a recommendation without sizes", needed[emitter.UNIT]):
            emitter.emit(recommendation(TWO), EmitOptions())


def no_ratio_is_refused(emitter: ModuleType, read_back: ReadBack) -> None:
    """A recommendation without a ratio gives no text."""
    with refusal(f"To {plugins.name_of(emitter)}, a recommendation without a ratio", "no ratio"):
        emitter.emit(recommendation({"domain": None, "general": None}), EmitOptions())


def notes_travel_with_the_text(emitter: ModuleType, read_back: ReadBack) -> None:
    """Where the format has comments, unit, epochs and validation sets are among them."""
    document: Mapping[str, Any] = recommendation(TWO)
    text = emitter.emit(document, options_for(TWO))
    comments = [line for line in text.splitlines() if line.startswith("# ")]
    missing = [
        note
        for note in blend(document, options_for(TWO), emitter.UNIT).notes
        if f"# {note}" not in comments
    ]
    require(
        not comments or not missing,
        f"{plugins.name_of(emitter)} writes comments, and not this one of blend(): {missing[:1]}.",
    )


CHECKS: tuple[Callable[[ModuleType, ReadBack], None], ...] = (
    declares_itself,
    shares_come_back,
    long_documents_keep_their_share,
    a_share_of_zero_is_left_out,
    hostile_names_stay_data,
    sizes_are_needed,
    no_ratio_is_refused,
    notes_travel_with_the_text,
)
