"""The rules of recommendation: one file is one rule, named after the file (``_`` written ``-``).

Adding a rule is adding a file that holds ``RULE``, a ``mixlaw.recommend.rule.Rule``. Files without
one are shared by rules (``crossing``, ``minimum``, ``balance_many``); ``options.rule_names`` has
their list, because rules are listed without being imported.
"""

from importlib import import_module

from mixlaw.errors import ConfigError
from mixlaw.recommend.options import Options, described
from mixlaw.recommend.rule import Rule
from mixlaw.recommend.rule_names import rule_names


def load(name: str) -> Rule:
    """A rule by its name, one of ``rule_names()``."""
    rule: Rule = import_module(f"{__name__}.{name.replace('-', '_')}").RULE
    return rule


def check(options: Options) -> Rule:
    """The rule that is asked for, if it has what it needs and nothing that it does not read.

    Raises:
        ConfigError: a required option is missing, or one is given that belongs to
            other rules.
    """
    rule, flags = load(options.rule), described()
    for name, what in rule.required.items():
        if getattr(options, name) is None:
            raise ConfigError(f"--rule {rule.name} needs {flags[name].flag}, {what}.")
    for name in options.given_for_some_rules:
        if name not in rule.reads:
            readers = " or ".join(other for other in rule_names() if name in load(other).reads)
            raise ConfigError(
                f"{flags[name].flag} belongs to --rule {readers}, not to {rule.name}."
            )
    return rule
