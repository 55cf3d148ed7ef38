"""Fixtures that all rooms share."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Folder of published loss tables (MIXLAW_DATA); tests that want it skip where it is absent."""
    folder = Path(os.environ.get("MIXLAW_DATA", ROOT / "../shared/data"))
    if not folder.is_dir():
        pytest.skip("no folder of published loss tables; set MIXLAW_DATA to one")
    return folder.resolve()


@pytest.fixture
def data_table(data_folder: Path):
    """Path of one published table by name."""
    return lambda name: data_folder / name
