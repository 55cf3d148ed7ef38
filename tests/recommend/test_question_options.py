"""The options of a recommendation are described once: signature, command and rules agree."""

import inspect
from dataclasses import fields

import pytest

from mixlaw.cli import build_app, main
from mixlaw.errors import ConfigError
from mixlaw.recommend import rules
from mixlaw.recommend.api import recommend_ratio
from mixlaw.recommend.options import Options, described
from mixlaw.recommend.rule_names import rule_names


def test_signature_is_that_of_the_options():
    fit, *parameters = inspect.signature(recommend_ratio).parameters.values()
    assert fit.name == "fit"
    assert all(p.kind is p.KEYWORD_ONLY for p in parameters)
    declared = fields(Options)
    assert [(p.name, p.default) for p in parameters] == [(f.name, f.default) for f in declared]
    for parameter, field in zip(parameters, declared, strict=True):
        # Numbers may be given as people write them, "8B".
        as_text = field.type if isinstance(field.type, str) else field.type | str
        assert parameter.annotation in (field.type, as_text), field.name


def test_wrong_keyword_is_pythons_own_error(build):
    with pytest.raises(TypeError, match="max_rise"):
        recommend_ratio(build(), n_params=8e9, max_rise=0.1)


def test_every_option_is_documented_and_every_flag_is_in_the_help(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit):
        main(["recommend", "--help"])
    text = capsys.readouterr().out
    for name, option in described().items():
        assert f"{name}: {option.help}" in recommend_ratio.__doc__
        assert option.flag in text
    for group in ("Target", "Question", "Evidence", "Trainer", "Advanced"):
        assert f"─ {group} ─" in text
    assert all(rule in text for rule in rule_names())


def test_the_command_is_built_with_the_defaults_of_the_options():
    import typer

    command = typer.main.get_command(build_app()).commands["recommend"]
    defaults = {parameter.name: parameter.default for parameter in command.params}
    for field in fields(Options):
        if described()[field.name].flag:
            assert defaults[field.name] == field.default


@pytest.mark.parametrize("name", rule_names())
def test_rules_declare_options_that_exist(name):
    rule = rules.load(name)
    assert rule.name == name
    assert {*rule.required, *rule.reads} <= set(described())
    for option in rule.reads:
        assert described()[option].for_some_rules


def test_every_option_for_some_rules_is_read_by_one():
    read = {option for name in rule_names() for option in rules.load(name).reads}
    assert read == {name for name, option in described().items() if option.for_some_rules}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"rule": "limited-domain"}, "--rule limited-domain needs --domain-tokens, the distinct"),
        ({"rule": "allocation"}, "--rule allocation needs --flops, the compute to be spent."),
        ({"kl": 1.0}, "--kl belongs to --rule balance, not to tolerance."),
        ({"max_epochs": 2.0}, "--max-epochs belongs to --rule balance or limited-domain, not"),
        ({"rule": "balance", "lambda_": 3.0}, "--lambda belongs to --rule tolerance or turning"),
    ],
)
def test_what_a_rule_lacks_or_does_not_read_is_one_sentence(given, sentence):
    with pytest.raises(ConfigError) as error:
        rules.check(Options(**given))
    assert sentence in str(error.value)
