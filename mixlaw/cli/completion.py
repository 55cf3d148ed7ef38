"""What the shell offers for a value that was begun: names of plugins, rules, experiments, fits."""

from collections.abc import Callable

from mixlaw.cli import places


def plugins(kind: str) -> Callable[[str], list[str]]:
    """Names of the plugins of a kind."""

    def names(incomplete: str) -> list[str]:
        from mixlaw.plugins import available

        return _begun(available(kind), incomplete)

    return names


def rules(incomplete: str) -> list[str]:
    """Names of the rules of a recommendation."""
    from mixlaw.recommend.rule_names import rule_names

    return _begun(rule_names(), incomplete)


def experiments(incomplete: str) -> list[str]:
    """Names of the experiments here."""
    found = places.EXPERIMENTS.glob("*/experiment.yaml")
    return _begun([path.parent.name for path in found], incomplete)


def fits(incomplete: str) -> list[str]:
    """Names of the fits here."""
    return _begun([path.parent.name for path in places.FITS.glob("*/fit.json")], incomplete)


def _begun(names: "list[str] | tuple[str, ...]", incomplete: str) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))
