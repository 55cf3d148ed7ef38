"""Six of the kills of ``chaos.py`` at every test run; ``chaos.log`` is the full one."""

from pathlib import Path

import pytest
from chaos import LONGER, run

#: One worker and one size: every start of a worker costs seconds.
SMALL = LONGER.replace("[8k, 16k]", "[8k]").replace("workers: 2", "workers: 1")


def check(root: Path, n_kills: int, text: str) -> None:
    lines: list[str] = []
    verdict = run(root, n_kills, text=text, say=lines.append)
    assert verdict.n_kills == n_kills, lines
    assert verdict.exit_code == 0, lines
    assert verdict.different == verdict.left_over == (), lines
    assert "runs.csv" in verdict.same
    assert verdict.n_orphans == 0, lines
    assert 0 <= verdict.n_repeated <= verdict.n_killed_workers, lines


def test_six_kills(tmp_path: Path):
    check(tmp_path, 6, SMALL)


@pytest.mark.slow
def test_forty_kills(tmp_path: Path):
    check(tmp_path, 40, LONGER)
