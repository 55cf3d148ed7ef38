"""The shipped conformance checks over every emitter, and what single emitters keep beyond them."""

import ast
from types import ModuleType

import pytest
import yaml
from trainer_grammars import reader

from mixlaw import emitters, plugins
from mixlaw.emitters import DOCUMENTS, EmitOptions
from mixlaw.errors import ConfigError
from mixlaw.testing import ConformanceError, check_emitter
from mixlaw.testing.emitter import CHECKS, THREE, TWO, options_for, recommendation

NAMES = plugins.available("emitters")
OF_DOCUMENTS = [name for name in NAMES if plugins.load("emitters", name).UNIT == DOCUMENTS]
COMMENTLESS = {"megatron-args-file", "megatron-per-split"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_emitter(check, name: str) -> None:
    check(plugins.load("emitters", name), reader(name))


def changed(**changes: object) -> ModuleType:
    """An emitter that is megatron's but for this."""
    module = ModuleType("changed")
    vars(module).update({**vars(plugins.load("emitters", "megatron")), **changes})
    return module


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"UNIT": "shares"}, "UNIT"),
        ({"EXAMPLE": "--data-path 1 /data"}, "EXAMPLE"),
        ({"UNIT": DOCUMENTS}, "of the tokens are domain, instead of"),
        ({"emit": lambda document, options: "--data-path 1 --data-path"}, "EXAMPLE"),
    ],
)
def test_an_emitter_that_breaks_a_promise_is_named(changes, complaint: str) -> None:
    with pytest.raises(ConformanceError, match=complaint):
        check_emitter(changed(**changes), reader("megatron"))


@pytest.mark.parametrize("name", sorted(set(NAMES) - COMMENTLESS))
def test_comments_state_unit_epochs_and_validation(name: str) -> None:
    text = emitters.emit(name, recommendation(TWO), options_for(TWO)).text
    comments = " ".join(line for line in text.splitlines() if line.startswith("# "))
    assert "domain 0.283, general 0.717 of the tokens" in comments
    assert "Weights" in comments
    assert "domain 2.83, general 0.358" in comments  # epochs of 2B and 40B tokens in a 20B budget
    assert "one held-out set per corpus (domain, general)" in comments


def test_a_format_without_quoting_refuses_what_it_would_split() -> None:
    options = EmitOptions(paths={"domain": "/d a"})
    with pytest.raises(ConfigError, match="cannot hold"):
        emitters.emit("megatron-args-file", recommendation(TWO), options)


def test_a_format_split_at_commas_refuses_a_comma() -> None:
    options = EmitOptions({"domain": 500, "general": 500}, paths={"domain": "a,b"})
    with pytest.raises(ConfigError, match="','"):
        emitters.emit("llama-factory", recommendation(TWO), options)


@pytest.mark.parametrize("name", ["megatron", "megatron-args-file", "ms-swift"])
def test_a_path_that_would_be_read_as_an_option_is_refused(name: str) -> None:
    options = EmitOptions({"domain": 500, "general": 500}, paths={"domain": "--load=/x"})
    with pytest.raises(ConfigError, match="leading '-'"):
        emitters.emit(name, recommendation(TWO), options)


@pytest.mark.parametrize("name", OF_DOCUMENTS)
def test_the_refusal_without_document_lengths_says_what_would_be_trained(name: str) -> None:
    with pytest.raises(ConfigError, match=r"0\.30 becomes 0\.63") as refusal:
        emitters.emit(name, recommendation({"domain": 0.3, "general": 0.7}))
    assert "--tokens-per-doc domain=N,general=N" in str(refusal.value)


def test_the_refusal_without_corpus_sizes_names_the_corpus() -> None:
    with pytest.raises(ConfigError, match="size of general is not known"):
        emitters.emit("axolotl", recommendation(TWO), EmitOptions(tokens_on_disk={"domain": 2e9}))


def test_kept_fractions_are_those_of_the_worked_example() -> None:
    """2B domain and 40B general tokens at 0.30: all of the domain, 11.7 % of the general data."""
    emitted = emitters.emit("axolotl", emitters.EXAMPLE_DOCUMENT, emitters.EXAMPLE_OPTIONS)
    weights = [dataset["weight"] for dataset in yaml.safe_load(emitted.text)["datasets"]]
    assert weights == pytest.approx([1.0, 0.117], abs=5e-4)


@pytest.mark.parametrize("name", sorted(set(NAMES) - COMMENTLESS))
def test_a_corpus_without_share_is_named_as_left_out(name: str) -> None:
    shares = {"domain": 0.0, "general": 1.0}
    text = emitters.emit(name, recommendation(shares), options_for(shares)).text
    assert "Left out, because its share is 0: domain." in text


def test_an_option_for_an_unknown_corpus_is_refused() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'general'"):
        emitters.emit("megatron", recommendation(TWO), EmitOptions(paths={"genral": "/x"}))


def test_python_output_compiles() -> None:
    for name in ("megatron-bridge", "nemo2", "litgpt", "torchtitan", "hf-datasets"):
        ast.parse(emitters.emit(name, recommendation(THREE), options_for(THREE)).text)


@pytest.mark.parametrize("name", NAMES)
def test_unit_epochs_and_validation_sets_come_with_every_text(name: str) -> None:
    emitted = emitters.emit(name, emitters.EXAMPLE_DOCUMENT, emitters.EXAMPLE_OPTIONS)
    notes = "\n".join(emitted.notes)
    assert "Epochs at this budget: domain 3, general 0.35" in notes
    assert "one held-out set per corpus (domain, general)" in notes
