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
    # Epochs of 2B and 40B tokens in a 20B budget; axolotl passes over its subset of both.
    passes = "2.83 passes over all" if name == "axolotl" else "domain 2.83, general 0.358"
    assert passes in comments
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


def test_axolotl_repeats_the_subset_that_it_keeps() -> None:
    """100M domain and 100B general tokens, 4B at 34%: both are passed over 13.6 times."""
    document = {
        "target": {"n_params": 3.2e8, "tokens": 4e9},
        "shares": {"domain": {"recommended": 0.34}, "general": {"recommended": 0.66}},
    }
    sizes = EmitOptions(tokens_on_disk={"domain": 1e8, "general": 1e11})
    text = emitters.emit("axolotl", document, sizes).text
    assert yaml.safe_load(text)["num_epochs"] == 13.6
    assert "domain 100M of 100M, general 194M of 100B distinct tokens" in text
    assert "13.6 passes over all of them" in text
    assert "general 0.0264" not in text
    assert "max_steps" in text


@pytest.mark.parametrize("name", ["hf-datasets", "llama-factory", "ms-swift"])
def test_interleaving_says_when_its_epoch_ends(name: str) -> None:
    options = EmitOptions({"domain": 500, "general": 500}, {"domain": 2e9, "general": 4e10})
    text = emitters.emit(name, emitters.EXAMPLE_DOCUMENT, options).text
    assert "the last corpus was read once (57.1B tokens here)" in text
    assert "budget of 20B tokens with max_steps" in text


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
    epochs = "Epochs at this budget: domain 3, general 0.35"
    assert ("3 passes" if name == "axolotl" else epochs) in notes
    assert "one held-out set per corpus (domain, general)" in notes
