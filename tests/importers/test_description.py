"""The YAML that says of runs what their logs do not."""

from pathlib import Path

import pytest

from mixlaw.errors import ConfigError
from mixlaw.importers.assembly.description import load_description


def test_a_run_id_that_stands_twice_in_the_description_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.yaml"
    path.write_text("runs:\n  a: {n_params: 1M}\n  a: {n_params: 2M}\n")
    with pytest.raises(ConfigError, match="'a' stands twice"):
        load_description(path)


def test_a_description_says_all_its_mistakes_at_once(tmp_path: Path) -> None:
    path = tmp_path / "runs.yaml"
    path.write_text("runs:\n  a: {n_params: none, sharez: 0.3}\n  b: 70M\nlogs: x\n")
    with pytest.raises(ConfigError) as refusal:
        load_description(path)
    message = str(refusal.value)
    for mistake in ("runs.a.n_params", "Did you mean 'shares'", "runs.b", "'logs'"):
        assert mistake in message


def test_names_in_a_description_stay_as_they_are_written(tmp_path: Path) -> None:
    """YAML would read these run ids as a number, a truth value and a number in base 60."""
    path = tmp_path / "runs.yaml"
    path.write_text("runs: {007: {shares: 3:7}, no: {n_params: 1e6}, 1:30: {}}\n")
    description = load_description(path)
    assert list(description.runs) == ["007", "no", "1:30"]
    assert description.runs["007"].shares == pytest.approx(0.3)
