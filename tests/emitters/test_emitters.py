"""One conformance suite over every emitter: what it wrote means the token shares asked for."""

import ast

import pytest
import yaml
from trainer_grammars import Weights, reader

from mixlaw import emitters, plugins
from mixlaw.emitters import DOCUMENTS, KEPT, TOKENS, EmitOptions
from mixlaw.errors import ConfigError

NAMES = plugins.available("emitters")
BY_UNIT = {
    unit: [name for name in NAMES if unit == plugins.load("emitters", name).UNIT]
    for unit in (TOKENS, DOCUMENTS, KEPT)
}
COMMENTLESS = {"megatron-args-file", "megatron-per-split"}

TWO = {"domain": 0.283, "general": 0.717}
THREE = {"law": 0.0417, "code": 0.2583, "web": 0.7}
TOKENS_PER_DOC = {"domain": 2000, "general": 500, "law": 8123.4, "code": 77.5, "web": 812}
ON_DISK = {"domain": 2e9, "general": 4e10, "law": 3e8, "code": 9e9, "web": 1.5e12}


def recommendation(shares: dict[str, float | None]) -> dict[str, object]:
    return {
        "target": {"n_params": 8e9, "tokens": 2e10},
        "shares": {name: {"recommended": share} for name, share in shares.items()},
    }


def options_for(shares: dict[str, float], paths: dict[str, str] | None = None) -> EmitOptions:
    return EmitOptions(
        tokens_per_doc={name: TOKENS_PER_DOC[name] for name in shares},
        tokens_on_disk={name: ON_DISK[name] for name in shares},
        paths=paths or {name: f"/corpora/{name}" for name in shares},
    )


def trained_shares(unit: str, weights: Weights, paths: dict[str, str]) -> dict[str, float]:
    """Token shares that a trainer with weights of this unit really trains on."""
    size = {TOKENS: dict.fromkeys(paths, 1.0), DOCUMENTS: TOKENS_PER_DOC, KEPT: ON_DISK}[unit]
    tokens = {corpus: weights[path] * size[corpus] for corpus, path in paths.items()}
    return {corpus: count / sum(tokens.values()) for corpus, count in tokens.items()}


@pytest.mark.parametrize("shares", [TWO, THREE], ids=["two corpora", "three corpora"])
@pytest.mark.parametrize("name", NAMES)
def test_output_read_back_gives_the_asked_token_shares(name: str, shares: dict[str, float]) -> None:
    options = options_for(shares)
    emitted = emitters.emit(name, recommendation(shares), options)
    weights = reader(name)(emitted.text)
    assert list(weights) == list(options.paths.values())
    assert trained_shares(emitted.unit, weights, dict(options.paths)) == pytest.approx(
        shares, abs=1e-3
    )


@pytest.mark.parametrize("name", BY_UNIT[DOCUMENTS])
def test_a_few_long_documents_keep_their_share(name: str) -> None:
    """Books among one-line messages: a probability of 4e-6 is 0.3 of the tokens."""
    lengths = {"books": 1e7, "messages": 100}
    options = EmitOptions(lengths, paths={corpus: f"/{corpus}" for corpus in lengths})
    text = emitters.emit(name, recommendation({"books": 0.3, "messages": 0.7}), options).text
    weights = reader(name)(text)
    tokens = {corpus: weights[f"/{corpus}"] * length for corpus, length in lengths.items()}
    assert tokens["books"] / sum(tokens.values()) == pytest.approx(0.3, abs=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_example_line_is_an_excerpt_of_real_output(name: str) -> None:
    emitted = emitters.emit(name, emitters.EXAMPLE_DOCUMENT, emitters.EXAMPLE_OPTIONS)
    assert plugins.load("emitters", name).EXAMPLE in emitted.text


@pytest.mark.parametrize("name", sorted(set(NAMES) - COMMENTLESS))
def test_comments_say_unit_epochs_and_validation(name: str) -> None:
    text = emitters.emit(name, recommendation(TWO), options_for(TWO)).text
    said = " ".join(line for line in text.splitlines() if line.startswith("# "))
    assert "domain 0.283, general 0.717 of the tokens" in said
    assert "Weights" in said
    assert "domain 2.83, general 0.358" in said  # epochs of 2B and 40B tokens in a 20B budget
    assert "one held-out set per corpus (domain, general)" in said


@pytest.mark.parametrize("name", NAMES)
def test_hostile_names_and_paths_stay_data(name: str) -> None:
    hostile = {
        "domain\n--evil: '\"": '/d a/it\'s "x": #1 {y} $(rm -rf .) `id` \\n é日\t[z]',
        "general": "/data/ok",
    }
    shares = dict(zip(hostile, (0.3, 0.7), strict=True))
    options = EmitOptions(dict.fromkeys(shares, 500), dict.fromkeys(shares, 1e9), hostile)
    if name == "megatron-args-file":  # split on whitespace, and has no quoting
        with pytest.raises(ConfigError, match="cannot hold"):
            emitters.emit(name, recommendation(shares), options)
        return
    text = emitters.emit(name, recommendation(shares), options).text
    assert list(reader(name)(text)) == list(hostile.values())


def test_a_format_split_at_commas_refuses_a_comma() -> None:
    options = EmitOptions({"domain": 500, "general": 500}, paths={"domain": "a,b"})
    with pytest.raises(ConfigError, match="','"):
        emitters.emit("llama-factory", recommendation(TWO), options)


@pytest.mark.parametrize("name", ["megatron", "megatron-args-file", "ms-swift"])
def test_a_path_that_would_be_read_as_an_option_is_refused(name: str) -> None:
    options = EmitOptions({"domain": 500, "general": 500}, paths={"domain": "--load=/x"})
    with pytest.raises(ConfigError, match="leading '-'"):
        emitters.emit(name, recommendation(TWO), options)


@pytest.mark.parametrize("name", BY_UNIT[DOCUMENTS])
def test_document_samplers_are_refused_without_document_lengths(name: str) -> None:
    with pytest.raises(ConfigError, match=r"0\.30 becomes 0\.63") as refusal:
        emitters.emit(name, recommendation({"domain": 0.3, "general": 0.7}))
    assert refusal.value.exit_code == 2
    assert "--tokens-per-doc domain=N,general=N" in str(refusal.value)


@pytest.mark.parametrize("name", BY_UNIT[KEPT])
def test_kept_fractions_are_refused_without_corpus_sizes(name: str) -> None:
    with pytest.raises(ConfigError, match="size of general is not known"):
        emitters.emit(name, recommendation(TWO), EmitOptions(tokens_on_disk={"domain": 2e9}))


def test_kept_fractions_are_those_of_the_worked_example() -> None:
    """2B domain and 40B general tokens at 0.30: all of the domain, 11.7 % of the general data."""
    emitted = emitters.emit("axolotl", emitters.EXAMPLE_DOCUMENT, emitters.EXAMPLE_OPTIONS)
    weights = [dataset["weight"] for dataset in yaml.safe_load(emitted.text)["datasets"]]
    assert weights == pytest.approx([1.0, 0.117], abs=5e-4)


@pytest.mark.parametrize("name", NAMES)
def test_a_corpus_without_share_is_left_out(name: str) -> None:
    shares = {"domain": 0.0, "general": 1.0}
    text = emitters.emit(name, recommendation(shares), options_for(shares)).text
    assert list(reader(name)(text)) == ["/corpora/general"]
    if name not in COMMENTLESS:
        assert "Left out, because its share is 0: domain." in text


def test_an_option_for_an_unknown_corpus_is_refused() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'general'"):
        emitters.emit("megatron", recommendation(TWO), EmitOptions(paths={"genral": "/x"}))


def test_a_recommendation_without_a_ratio_is_refused() -> None:
    with pytest.raises(ConfigError, match="no ratio"):
        emitters.emit("megatron", recommendation({"domain": None, "general": None}))


def test_python_output_compiles() -> None:
    for name in ("megatron-bridge", "nemo2", "litgpt", "torchtitan", "hf-datasets"):
        ast.parse(emitters.emit(name, recommendation(THREE), options_for(THREE)).text)


@pytest.mark.parametrize("name", plugins.available("emitters"))
def test_unit_epochs_and_validation_sets_come_with_every_text(name: str) -> None:
    emitted = emitters.emit(name, emitters.EXAMPLE_DOCUMENT, emitters.EXAMPLE_OPTIONS)
    told = "\n".join(emitted.notes)
    assert "Epochs at this budget: domain 3, general 0.35" in told
    assert "one held-out set per corpus (domain, general)" in told
