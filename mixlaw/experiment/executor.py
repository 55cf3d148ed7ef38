"""Where runs execute: the section ``executor``, to which every executor plugin adds its options."""

from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, ValidationError, model_validator

from mixlaw import plugins
from mixlaw.errors import unknown_name
from mixlaw.experiment.sections import Count, Section, plugin


class ExecutorChoice(Section):
    """Where runs execute; no part of what they are.

    Beside these keys, every executor has one of its own name with its options, so that one file
    serves them all: ``executor: {name: local, slurm: {partition: gpu}}``.

    Attributes:
        name: an executor plugin.
        workers: runs at the same time; None leaves that to the executor (one per core, mostly).
        gpus_per_run: GPUs of every run; 0 trains on the CPU.
        together: runs of one shape that one job trains at the same time, their steps batched into
            one pass: worth it where small models leave a GPU idle. Losses agree with those of runs
            trained alone to about 1e-5 nats, not bit for bit.
        speed: training FLOP/s that one of these GPUs sustains, for estimates of time; None takes
            what a core of this machine sustains.
    """

    model_config = ConfigDict(extra="allow")

    name: Annotated[str, plugin("executors")] = "local"
    workers: Annotated[int, Field(ge=1)] | None = None
    gpus_per_run: Annotated[int, Field(ge=0, le=1024)] = 0
    together: Annotated[int, Field(ge=1, le=1024)] = 1
    speed: Count | None = None

    @model_validator(mode="after")
    def _check_options(self) -> Self:
        if mistakes := [line for name in self._given for line in self._mistakes(name)]:
            raise ValueError("\n".join(mistakes))
        return self

    def options(self, name: str) -> Any:
        """The options of one executor, as its module's ``Options``."""
        return plugins.load("executors", name).Options.model_validate(self._given.get(name) or {})

    @property
    def _given(self) -> dict[str, Any]:
        """What stands under the names of executors."""
        return self.model_extra or {}

    def _mistakes(self, name: str) -> Iterator[str]:
        known = plugins.available("executors")
        if name not in known:
            yield unknown_name("key", name, (*ExecutorChoice.model_fields, *known))
            return
        options = plugins.load("executors", name).Options
        try:
            options.model_validate(self._given[name] or {})
        except ValidationError as error:
            for detail in error.errors():
                yield f"{name}: {_sentence(detail, tuple(options.model_fields))}"


def _sentence(detail: Any, keys: tuple[str, ...]) -> str:
    """One mistake of an executor's options."""
    place = [str(part) for part in detail["loc"]]
    if detail["type"] == "extra_forbidden":
        return unknown_name("key", place[-1], keys)
    return ": ".join([*place, str(detail["msg"]).removeprefix("Value error, ")])
