"""Held-out losses of one existing model on an experiment's eval sets, as base rows of a table."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixlaw.corpora.prepare import Corpora, load_corpora, prepare_corpora
from mixlaw.corpora.tokenizer import load_encoder
from mixlaw.errors import DataError
from mixlaw.experiment import ExistingBase, Experiment, TokenizerSource, load_experiment
from mixlaw.roles import Roles
from mixlaw.rundir.faults import plain_faults
from mixlaw.rundir.folder import RunFolder
from mixlaw.rundir.model_source import Source
from mixlaw.rundir.records import Record
from mixlaw.rundir.shape import ExistingShape
from mixlaw.rundir.spec import ExistingSpec
from mixlaw.sweep.collect import base_row
from mixlaw.sweep.models import resolve_models
from mixlaw.sweep.plan import DataIdentity, existing_spec
from mixlaw.sweep.progress import Say


@dataclass(frozen=True)
class ModelLosses:
    """What was measured of a model.

    Attributes:
        name: of the model.
        shape: its sizes.
        tokenizer: hash of its tokenizer.
        is_shared: whether that is the tokenizer of the sweep, so that losses compare.
        records: one for every eval set.
        roles: which of these are the domain and the general loss.
        table: where its base rows are.
    """

    name: str
    shape: ExistingShape
    tokenizer: str
    is_shared: bool
    records: tuple[Record, ...]
    roles: Roles
    table: Path

    def document(self) -> dict[str, Any]:
        """The same as plain data."""
        measured = {"loss", "loss_se", "bpb", "eval_tokens"}
        return {
            "schema": "mixlaw.eval/1",
            "model": self.name,
            "n_params": self.shape.n_params,
            "n_params_total": self.shape.n_params_total,
            "tokenizer": self.tokenizer,
            "same_tokenizer": self.is_shared,
            "losses": {r.eval_set: r.model_dump(include=measured) for r in self.records},
            "table": str(self.table),
        }

    def domain_and_general(self) -> tuple[float, float]:
        """Domain and general loss: nats per token, or bits per byte with another tokenizer."""
        unit = "loss" if self.is_shared else "bpb"
        values: dict[str, float] = {r.eval_set: getattr(r, unit) for r in self.records}
        return values[self.roles.domain_set], self.roles.general_loss(values)


def evaluate_model(
    folder: Path | str,
    model: str,
    *,
    table: Path | None = None,
    tokens: int | None = None,
    revision: str = "main",
    download: bool = False,
    trust_remote_code: bool = False,
    say: Say = lambda message: None,
) -> ModelLosses:
    """Measure a model on the held-out sets of an experiment, and write its base rows.

    The sets are those of the sweep where the model has the experiment's tokenizer. Another
    tokenizer makes other windows of the same held-out documents; then bits per byte compare, and
    losses do not.

    Args:
        folder: of the experiment.
        model: a folder, or a name on the Hugging Face hub.
        table: runs table that gets the rows, those that it has of this model replaced; None for
            ``evals.csv`` of the experiment.
        tokens: pre-training tokens of the model, for the table.
        revision: branch, tag or commit on the hub.
        download: whether what is not in the local cache may be fetched from the hub.
        trust_remote_code: whether code that comes with the model may run.
        say: called with sentences for a person.

    Raises:
        ConfigError: experiment.yaml is wrong.
        DataError: the model or a corpus cannot be used, or the rows do not go with the table.
    """
    folder = Path(folder)
    table = table or folder / "evals.csv"
    base = ExistingBase(
        models=(_full_path(model),),
        tokens=tokens,
        revision=revision,
        download=download,
        trust_remote_code=trust_remote_code,
    )
    experiment = load_experiment(folder).model_copy(update={"base": base})
    experiment, models = resolve_models(folder, experiment)
    known = _read_table(table)
    with plain_faults(folder):
        corpora, is_shared = _held_out(folder, experiment, say)
        spec = existing_spec(experiment, DataIdentity.of(corpora), models.shapes[0])
        measured = _measured(folder, spec, models.sources[0], corpora)
        records = tuple(measured.records())
        rows = [{**base_row(measured, spec, r), "source": Path(model).name} for r in records]
        _add_rows(rows, known, table)
    return ModelLosses(
        name=model,
        shape=spec.shape,
        tokenizer=spec.tokenizer,
        is_shared=is_shared,
        records=records,
        roles=experiment.roles.roles(),
        table=table,
    )


def _full_path(model: str) -> str:
    """A folder's full path; a name on the hub as it is."""
    path = Path(model).expanduser()
    return str(path.resolve()) if path.is_dir() else model


def _measured(experiment: Path, spec: ExistingSpec, source: Source, corpora: Corpora) -> RunFolder:
    """The folder of the model's losses, which are measured unless they have been."""
    from mixlaw.train.pretrain import measure_base
    from mixlaw.train.state import set_up_torch

    folder = RunFolder(experiment / "evals" / spec.run_id)
    folder.path.mkdir(parents=True, exist_ok=True)
    source.save(folder.path)
    set_up_torch()
    with folder.lock():
        if not folder.is_done:
            measure_base(folder, spec, corpora)
    return folder


def _held_out(folder: Path, experiment: Experiment, say: Say) -> tuple[Corpora, bool]:
    """Held-out sets for the model, and whether they are those of the sweep."""
    tokenizer = experiment.tokenizer
    encoder = load_encoder(Path(str(tokenizer.path)), tokenizer.end_of_text)
    try:
        swept = load_corpora(folder / "corpora")
    except DataError:
        swept = None
    if swept is not None and swept.tokenizer_hash == encoder.hash:
        return swept, True
    say(
        "The experiment has not been swept, so nothing is known yet that a loss could be compared "
        "with."
        if swept is None
        else "The model has another tokenizer than the sweep: compare it in bits per byte."
    )
    corpora = prepare_corpora(
        experiment.corpora,
        cache=folder / "evals" / f"corpora-{encoder.hash}",
        seq_len=experiment.training.seq_len,
        train_tokens={},
        held_out_tokens=experiment.held_out_tokens(),
        tokenizer=TokenizerSource(path=tokenizer.path, end_of_text=tokenizer.end_of_text),
        progress=say,
    )
    return corpora, False


def _read_table(path: Path) -> Any:
    from mixlaw.runs.table import read_runs

    return read_runs(path) if path.exists() else None


def _add_rows(rows: list[dict[str, Any]], known: Any, path: Path) -> None:
    """Add rows to a table, replacing those of the same runs."""
    import pandas as pd

    from mixlaw.runs.table import validate_runs, write_runs

    frame = validate_runs(pd.DataFrame(rows), source="the rows of this model")
    if known is not None:
        others = known[~known["run_id"].isin(set(frame["run_id"]))]
        if "annealed" not in known:  # yes or no for all rows, or for none
            frame = frame.drop(columns="annealed", errors="ignore")
        frame = pd.concat([others, frame]) if len(others) else frame
    write_runs(validate_runs(frame, source=f"'{path}' with the rows of this model"), path)
