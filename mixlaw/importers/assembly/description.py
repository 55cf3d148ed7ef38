"""The description of runs: a small YAML that says, per run, what their logs do not (EXAMPLE)."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from mixlaw.errors import ConfigError, unknown_name
from mixlaw.experiment import Count, MixtureEntry, Section
from mixlaw.importers.reading.cells import UNIT_NAMES, factor_of
from mixlaw.importers.reading.metrics import BITS_PER_BYTE, BITS_PER_TOKEN
from mixlaw.mixture import Mixture

#: Conventional; some thousand runs are a few hundred KiB. YAML is read whole, so it is bounded.
MAX_BYTES = 2 * 2**20

#: As 'mixlaw importers' shows it.
EXAMPLE = """\
defaults: {tokens_per_step: 524288, tokenizer: gpt2, base_id: base-70m}
runs:
  r30:
    log: r30/trainer_state.json     # inside this file's folder; a list for a resumed run
    n_params: 70M
    shares: {domain: 0.3, general: 0.7}
bases:
  base-70m: {n_params: 70M, losses: {domain: 3.1, general: 2.7}}
eval_sets: {domain_val: domain}     # the log's name: the table's name
"""

#: What ``units: {loss: ...}`` may say.
LOSS_UNITS = (BITS_PER_TOKEN, BITS_PER_BYTE)

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class ScheduleDescription(Section):
    """The learning rate at every step, as the runs table's ``schedule`` column has it."""

    kind: Literal["wsd", "cosine", "linear", "constant", "infinite"]
    peak: Positive
    final: Annotated[float, Field(ge=0)] | None = None
    warmup_tokens: Annotated[float, Field(ge=0)] | None = None
    decay_start_tokens: Annotated[float, Field(ge=0)] | None = None


class RunDescription(Section):
    """One run.

    Attributes:
        log: its log file or folder, or several in the order of training; relative to the file.
        name: its name in a log of many runs, where that is not the run id.
        n_params: non-embedding parameters.
        shares: token shares by corpus, or a domain ratio.
        document_shares: shares of documents instead; they need ``tokens_per_doc``.
        tokens_per_doc: mean tokens per document by corpus.
        tokens_per_step: global batch times sequence length, for logs that count steps.
        sequence_length: for logs that count sequences.
        unnamed_eval_set: the one held-out set of a log that does not name it.
        annealed: whether the learning rate had reached its final value; ``end``: at the end only.
        finished: the run is as long as it was to be, whatever its log says.
        tokens: training tokens of all its evaluations, where the log has no counter.
        steps_per_epoch: for logs that count passes over the training data.
        tokens_per_epoch: the same, in tokens.
        token_axis: which counter to believe where the log and the description contradict.
        restarts: what a counter that starts again means: the run goes on (``add`` what came
            before), or what came before is void (``replace``).
        bytes_per_token: by eval set, for losses in bits per byte.
    """

    log: tuple[str, ...] = ()
    name: str | None = None
    n_params: Count | None = None
    shares: MixtureEntry | None = None
    document_shares: MixtureEntry | None = None
    tokens_per_doc: dict[str, Positive] = Field(default_factory=dict)
    tokens_per_step: Count | None = None
    sequence_length: Count | None = None
    tokens: Count | None = None
    steps_per_epoch: Positive | None = None
    tokens_per_epoch: Count | None = None
    token_axis: Literal["tokens", "samples", "steps", "epochs"] | None = None
    restarts: Literal["add", "replace"] | None = None
    bytes_per_token: dict[str, Positive] = Field(default_factory=dict)
    unnamed_eval_set: str | None = None
    annealed: Literal["end"] | bool | None = None
    finished: bool = False
    n_params_total: Count | None = None
    n_params_embedding: Count | None = None
    base_id: str | None = None
    base_tokens: Count | None = None
    tokenizer: str | None = None
    metric_version: str | None = None
    recipe: str | None = None
    seed: int | None = None
    trunk_id: str | None = None
    token_budget: Count | None = None
    lr_rule: str | None = None
    schedule: ScheduleDescription | None = None
    unique_tokens: dict[str, Count] = Field(default_factory=dict)

    @field_validator("log", mode="before")
    @classmethod
    def _one_log(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_mixture(self) -> Self:
        if self.shares is not None and self.document_shares is not None:
            raise ValueError("give 'shares' (of tokens) or 'document_shares', not both")
        try:
            self.mixture()
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return self

    def mixture(self) -> Mixture | None:
        """The token shares of the run.

        Raises:
            ConfigError: shares do not sum to one, or documents lack their lengths.
        """
        if self.document_shares is None:
            return None if self.shares is None else _mixture(self.shares)
        documents = _mixture(self.document_shares).shares
        missing = [corpus for corpus in documents if corpus not in self.tokens_per_doc]
        if missing:
            raise ConfigError(
                "document_shares are no token shares; give tokens_per_doc of "
                f"{', '.join(missing)} too"
            )
        tokens = {corpus: p * self.tokens_per_doc[corpus] for corpus, p in documents.items()}
        total = sum(tokens.values())
        return Mixture({corpus: count / total for corpus, count in tokens.items()})

    def columns(self) -> dict[str, Any]:
        """What the description says of every row of the run, by column of the runs table."""
        plain = self.model_dump(include=_COLUMNS, exclude_none=True)
        if mixture := self.mixture():
            plain |= {f"share.{corpus}": share for corpus, share in mixture.shares.items()}
        plain |= {f"unique_tokens.{corpus}": n for corpus, n in self.unique_tokens.items()}
        if self.tokens_per_step:
            plain["batch_tokens"] = self.tokens_per_step
        if self.schedule:
            plain["lr_peak"] = self.schedule.peak
            plain["schedule"] = json.dumps(self.schedule.model_dump(exclude_none=True))
        return plain


_COLUMNS = {
    "n_params", "n_params_total", "n_params_embedding", "base_id", "base_tokens", "tokenizer",
    "metric_version", "recipe", "seed", "trunk_id", "token_budget", "lr_rule",
}  # fmt: skip


class BaseDescription(Section):
    """A base model and its held-out losses before CPT, by eval set of the table."""

    n_params: Count
    losses: Annotated[dict[str, Positive], Field(min_length=1)]
    base_tokens: Count | None = None
    tokenizer: str | None = None


class RunsDescription(Section):
    """All runs, their bases, and the names that differ between logs and table.

    Attributes:
        runs: by run id.
        bases: by ``base_id``.
        eval_sets: the table's name of an eval set by the log's name (or the metric's).
        columns: for plain tables, the log's column by the runs table's column.
        units: for plain tables, what a column of the runs table is multiplied by: K, M, B, T, % or
            a number; ``shares`` stands for all shares, ``loss`` takes the name of a unit.
        remainder: for plain tables, the corpus that has what the mapped shares leave.
        defaults: what every run has that does not say otherwise.
    """

    defaults: RunDescription = Field(default_factory=RunDescription)
    runs: dict[str, RunDescription] = Field(default_factory=dict)
    bases: dict[str, BaseDescription] = Field(default_factory=dict)
    eval_sets: dict[str, str] = Field(default_factory=dict)
    columns: dict[str, str] = Field(default_factory=dict)
    units: dict[str, str] = Field(default_factory=dict)
    remainder: str | None = None

    @field_validator("units")
    @classmethod
    def _known_units(cls, units: dict[str, str]) -> dict[str, str]:
        for column, unit in units.items():
            if column == "loss" and unit in LOSS_UNITS:
                continue
            try:
                factor_of(unit)
            except ValueError:
                raise ValueError(f"'{unit}' of {column} is no unit; write {UNIT_NAMES}") from None
        return units

    def run(self, run_id: str) -> RunDescription:
        """What is described of a run, also of one that is not named."""
        return self.runs.get(run_id, self.defaults)


def load_description(path: Path | None, say: Sequence[str] = ()) -> RunsDescription:
    """Read and check a description.

    Args:
        path: of the YAML file; None for an empty description.
        say: what is added to it: ``KEY=VALUE`` for a key of every run that does not have it,
            ``units.tokens=B`` for one of the whole.

    Raises:
        ConfigError: it is missing or wrong; the message lists every mistake.
    """
    document = {} if path is None else _read(path)
    for text in say:
        _add(document, text)
    try:
        return RunsDescription.model_validate(_with_defaults(document))
    except ValidationError as error:
        mistakes = "\n".join(f"  - {_mistake(detail)}" for detail in error.errors())
        named = f"'{path}'" if path else "The description"
        raise ConfigError(f"{named} cannot be used:\n{mistakes}") from None


def _read(path: Path) -> dict[str, Any]:
    """The document as it stands in the file, every value a text."""
    if not path.is_file():
        raise ConfigError(f"There is no description '{path}'; write one line or more per run.")
    if path.stat().st_size > MAX_BYTES:
        raise ConfigError(f"'{path}' is larger than 2 MiB; a description is a small YAML file.")
    try:
        # Every value is text at first: a run named 007 or no stays what it is.
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (yaml.YAMLError, RecursionError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"'{path}' cannot be read as YAML: {reason}.") from None
    if not isinstance(document, dict):
        raise ConfigError(f"'{path}' must hold the key 'runs', with one entry per run id.")
    return document


def _add(document: dict[str, Any], text: str) -> None:
    """What was said beside the file; the file's own word counts where both speak."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"'{text}' is not KEY=VALUE, such as tokens=20B or units.tokens=B.")
    place = key.strip().split(".")
    if len(place) == 1 and place[0] not in RunsDescription.model_fields:
        place = ["defaults", *place]
    for part in place[:-1]:
        document = document.setdefault(part, {})
    document.setdefault(place[-1], yaml.load(value, Loader=_Loader))


def log_paths(run: RunDescription, folder: Path) -> list[Path]:
    """Where a run's logs are.

    Raises:
        ConfigError: a path leaves the folder of the description.
    """
    root = folder.resolve()
    paths = [folder / log for log in run.log]
    for log, path in zip(run.log, paths, strict=True):
        if not path.resolve().is_relative_to(root):
            raise ConfigError(
                f"The log '{log}' lies outside the folder of the description ('{root}'); put the "
                "description above its logs."
            )
    return paths


class _Loader(yaml.BaseLoader):
    """YAML without aliases (which can grow without bound) and without a key that stands twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """The next node, unless it repeats another by reference."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not allowed here; use 'defaults'")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """A map, unless one of its keys stands twice."""
        keys = [str(key.value) for key, _ in node.value]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise yaml.YAMLError(f"the key '{twice[0]}' stands twice; every run id stands once")
        return super().construct_mapping(node, deep=deep)


def _with_defaults(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with the entries of ``defaults`` in every run that lacks them."""
    plain = dict(document)
    defaults, runs = document.get("defaults", {}), document.get("runs", {})
    if isinstance(defaults, dict) and isinstance(runs, dict):
        plain["runs"] = {run: _merged(defaults, entry) for run, entry in runs.items()}
    return plain


def _merged(defaults: Mapping[str, Any], entry: Any) -> Any:
    """A run's entry over the defaults; what is no map is left for the check to name."""
    if entry == "":
        return dict(defaults)
    return {**defaults, **entry} if isinstance(entry, dict) else entry


def _mixture(entry: float | Mapping[str, float]) -> Mixture:
    return Mixture(entry) if isinstance(entry, Mapping) else Mixture.of(entry)


def _mistake(detail: Any) -> str:
    """One line for one mistake, led by its place in the file."""
    place = [str(part) for part in detail["loc"] if not str(part).endswith("]")]
    if detail["type"] == "extra_forbidden":
        models: dict[int, type[Section]] = {
            1: RunsDescription, 2: RunDescription, 3: RunDescription,
        }  # fmt: skip
        if model := models.get(len(place)):
            key = place.pop()
            message = unknown_name("key", key, model.model_fields)
            return f"{'.'.join(place)}: {message}" if place else message
    message = str(detail["msg"]).removeprefix("Value error, ")
    return f"{'.'.join(place)}: {message}"
