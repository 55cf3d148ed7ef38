"""MLflow: one MLflow run per base or run, in an MLflow experiment with the experiment's name.

``MLFLOW_TRACKING_URI`` names the server; without it everything goes to the SQLite file
``<experiment>/tracking/mlflow/mlflow.db``, which ``mlflow ui --backend-store-uri`` shows.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mixlaw.trackers import Fact, folder_of, import_package

#: By this tag a later sweep finds the run that it goes on with.
TAG = "mixlaw.run_id"


@dataclass(frozen=True)
class _Run:
    client: Any
    id: str

    def log(self, tokens: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self.client.log_metric(self.id, name, value, step=tokens)

    def close(self) -> None:
        self.client.set_terminated(self.id)


class MLflow:
    """Runs of one MLflow experiment; the server is not called before the first of them."""

    def __init__(self, client: Any, name: str) -> None:
        self._client, self._name = client, name

    def open_run(self, run_id: str, facts: Mapping[str, Fact]) -> _Run:
        """The MLflow run that carries this run's name, or a new one."""
        known = self._client.search_runs([self._experiment_id], f"tags.`{TAG}` = '{run_id}'")
        if known:
            self._client.update_run(known[0].info.run_id, status="RUNNING")
            return _Run(self._client, known[0].info.run_id)
        run = self._client.create_run(self._experiment_id, run_name=run_id, tags={TAG: run_id})
        for name, value in facts.items():
            self._client.log_param(run.info.run_id, name, value)
        return _Run(self._client, run.info.run_id)

    @cached_property
    def _experiment_id(self) -> str:
        known = self._client.get_experiment_by_name(self._name)
        return str(known.experiment_id if known else self._client.create_experiment(self._name))


def open_tracker(experiment: Path) -> MLflow:
    """The server of ``MLFLOW_TRACKING_URI``, or a database in the experiment's folder.

    Raises:
        ConfigError: mlflow is not installed.
    """
    client = import_package("mlflow", "mlflow").MlflowClient
    uri = os.environ.get("MLFLOW_TRACKING_URI") or _database(experiment)
    return MLflow(client(uri), experiment.name)


def _database(experiment: Path) -> str:
    folder = folder_of(experiment, "mlflow")
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{folder / 'mlflow.db'}"
