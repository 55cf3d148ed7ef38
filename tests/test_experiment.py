"""experiment.yaml: what it may say, and that every mistake is named in one message."""

from pathlib import Path

import pytest

from mixlaw.errors import ConfigError
from mixlaw.experiment import load_experiment, parse_experiment

GOOD = """
corpora:
  domain: {path: code}
  general: {builtin: general}
sizes: [50k, 100k]
mixtures: [0.1, 30%, 3:1, {domain: 0.5, general: 0.5}]
token_budgets: [32k, 64k]
base: {tokens: 500k}
target: {n_params: 8B, tokens: 20B}
"""


def test_ratios_are_read_in_every_spelling_and_the_control_is_added():
    experiment = parse_experiment(GOOD)
    ratios = [experiment.domain_ratio(mixture) for mixture in experiment.all_mixtures]
    assert ratios == [0, 0.1, 0.3, 0.75, 0.5]


def test_a_control_that_is_given_is_not_added_again():
    experiment = parse_experiment(GOOD.replace("[0.1,", "[0.1, 0,"))
    assert [m["domain"] for m in experiment.all_mixtures] == [0.1, 0, 0.3, 0.75, 0.5]


def test_counts_target_and_roles():
    experiment = parse_experiment(GOOD)
    assert experiment.sizes == (50_000, 100_000)
    assert (experiment.target.n_params, experiment.target.tokens) == (8e9, 2e10)
    assert experiment.roles.roles().general_set == "general"
    assert experiment.held_out_tokens() == {"domain": 24_000, "general": 24_000}


def test_relative_paths_start_at_the_experiment(tmp_path: Path):
    (tmp_path / "experiment.yaml").write_text(GOOD)
    experiment = load_experiment(tmp_path)
    assert experiment.corpora["domain"].path == str(tmp_path / "code")
    assert experiment.corpora["general"].path is None


def test_shares_by_corpus_with_three_corpora():
    text = GOOD.replace("corpora:", "corpora:\n  web: {path: web}").replace(
        "[0.1, 30%, 3:1, {domain: 0.5, general: 0.5}]", "[{domain: 0.5, web: 0.2, general: 0.3}]"
    )
    experiment = parse_experiment(text)
    control, mixed = experiment.all_mixtures
    assert dict(control.shares) == {"web": 0.5, "domain": 0, "general": 0.5}
    assert mixed["web"] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("right", "wrong", "messages"),
    [
        ("[0.1, 30%, 3:1, {domain: 0.5, general: 0.5}]", "[1.5]", ["mixtures.0: '1.5' is not a"]),
        ("[0.1, 30%, 3:1, {domain: 0.5, general: 0.5}]", "[]", ["mixtures: must have an entry"]),
        ("[50k, 100k]", "8B", ["sizes: must be a list, such as [a, b]"]),
        ("{path: code}", "5", ["corpora.domain: must hold keys of its own"]),
        ("[32k, 64k]", "[1e30]", ["token_budgets.0: '1e30' is beyond 9e+18"]),
    ],
)
def test_a_mistake_is_one_line_without_words_of_python(right: str, wrong: str, messages: list[str]):
    with pytest.raises(ConfigError) as refused:
        parse_experiment(GOOD.replace(right, wrong))
    lines = str(refused.value).splitlines()[1:]
    assert len(lines) == len(messages)
    assert all(line.startswith(f"  - {start}") for line, start in zip(lines, messages, strict=True))


def test_an_experiment_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        parse_experiment(GOOD).sizes = (1,)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("sizes:", "szes:"), r"no key named 'szes'. Did you mean 'sizes'"),
        (("{tokens: 500k}", "{tokens: 500k, max_epoch: 3}"), r"base: .*Did you mean 'max_epochs'"),
        (("{path: code}", "{path: code, feld: x}"), r"corpora.domain: .*Did you mean 'field'"),
        (("{path: code}", "{}"), "give either 'path' or 'builtin'"),
        (("{builtin: general}", "{builtin: generl}"), "corpora.general.builtin"),
        (("[50k, 100k]", "[50k, fifty]"), r"sizes.1: .*'fifty' is not a count"),
        (("[50k, 100k]", "[50k, 50k]"), "sizes: 50000 stands twice"),
        (("[50k, 100k]", "[]"), "sizes: "),
        (("[50k, 100k]", "[50k, 100]"), "a proxy has from 1k to 20B"),
        (("[50k, 100k]", "[50k, 70B]"), "a proxy has from 1k to 20B"),
        (("30%", "130%"), r"mixtures.1: .*'130%' is not a domain ratio"),
        (("general: 0.5}", "general: 0.6}"), r"mixtures: .*sum to 1.1"),
        (("general: 0.5}", "genral: 0.5}"), r"mixtures: .*no corpus named 'genral'"),
        (("[32k, 64k]", "[32k, 100]"), r"token_budgets: 100 tokens .*at least 5120"),
        (("500k}", "100}"), r"base.tokens: 100 is less than 10 steps"),
        (("target:", "recipe: ctp\ntarget:"), r"recipe: .*Did you mean 'cpt'"),
        (("target:", "executor: {name: locl}\ntarget:"), r"executor.name: .*'local'"),
        (("target:", "max_epochs: {dom: 3}\ntarget:"), r"max_epochs: .*Did you mean 'domain'"),
        (("target:", "roles: {domain_set: code}\ntarget:"), "roles.domain_set: .*'code'"),
        (
            ("target:", "seeds: {extra: [{size: 60k, mixture: 0.1, order: [1]}]}\ntarget:"),
            "the size 60000 is none of the sweep's",
        ),
        (
            ("target:", "evaluation: {held_out_tokens: {domain: 2k}}\ntarget:"),
            "held_out_tokens: 'general' is missing",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(change: tuple[str, str], message: str):
    assert change[0] in GOOD
    with pytest.raises(ConfigError, match=message):
        parse_experiment(GOOD.replace(*change))


def test_all_mistakes_are_in_one_message():
    text = GOOD.replace("sizes:", "szes:").replace("30%", "130%").replace("500k", "none")
    with pytest.raises(ConfigError) as error:
        parse_experiment(text)
    for part in ("szes", "sizes: at least one is needed", "130%", "base.tokens"):
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [("corpora: [", "is not YAML"), ("3", "must hold keys"), ("", "must hold keys")],
)
def test_what_is_no_experiment(text: str, message: str):
    with pytest.raises(ConfigError, match=message):
        parse_experiment(text)


def test_a_missing_file(tmp_path: Path):
    with pytest.raises(ConfigError, match="mixlaw init"):
        load_experiment(tmp_path)


def test_an_absurd_size_is_named_beside_an_unknown_key():
    with pytest.raises(ConfigError) as error:
        parse_experiment(GOOD.replace("[50k, 100k]", "[900T]") + "sedes: {}\n")
    assert "no key named 'sedes'. Did you mean 'seeds'?" in str(error.value)
    assert "sizes" in str(error.value)
    assert "a proxy has from 1k to 20B" in str(error.value)


def test_mistakes_between_sections_are_named_beside_those_within_others():
    text = GOOD.replace("32k", "2k").replace("50k", "50q")
    text += "max_epochs: {code: 4}\nseeds: {extra: [{size: 70k, mixture: 0.2}]}\nexecuter: local"
    with pytest.raises(ConfigError) as error:
        parse_experiment(text)
    message = str(error.value)
    assert "sizes.0: " in message
    assert "no key named 'executer'" in message
    assert "max_epochs: There is no corpus named 'code'" in message
    assert "token_budgets: 2000 tokens decay for less than one step" in message
    assert "seeds.extra" not in message  # the sizes are not known
    with pytest.raises(ConfigError, match="seeds.extra: the size 70000 is none of the sweep's"):
        parse_experiment(text.replace("50q", "50k"))
