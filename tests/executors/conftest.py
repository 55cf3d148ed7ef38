"""Real clusters on loopback, one of a kind for all tests; ``<name>_options`` lead to it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mixlaw.executors.slurm import LOOK_VARIABLE

SLURM = Path(__file__).parent / "slurm.sh"
CANNOT = 77


@pytest.fixture
def inline_options() -> dict[str, Any]:
    return {}


@pytest.fixture
def local_options() -> dict[str, Any]:
    return {}


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[Any]:
    """A head and a second node with one slot each, in processes of their own."""
    pytest.importorskip("ray", reason="Ray is not installed")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.add_node(num_cpus=1)
    yield cluster
    cluster.shutdown()


@pytest.fixture(scope="session")
def ray_options(ray_cluster: Any) -> dict[str, Any]:
    return {"address": ray_cluster.address}


@pytest.fixture(scope="session")
def slurm_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A controller and a node daemon; SLURM_CONF leads every command to them."""
    pytest.importorskip("submitit", reason="submitit is not installed")
    folder = tmp_path_factory.mktemp("slurm")
    # To a file: the daemons would keep a pipe open.
    with (folder / "said").open("w") as said:
        started = subprocess.run(
            [SLURM, "start", folder], stdout=said, stderr=subprocess.STDOUT, check=False
        )
    if started.returncode == CANNOT:
        pytest.skip((folder / "said").read_text().strip())
    assert started.returncode == 0, (folder / "said").read_text()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        patch.setenv(LOOK_VARIABLE, "0.5")
        yield folder
    subprocess.run([SLURM, "stop", folder], check=True)


@pytest.fixture(scope="session")
def slurm_options(slurm_cluster: Path) -> dict[str, Any]:
    return {"time": 10, "partition": "main"}
