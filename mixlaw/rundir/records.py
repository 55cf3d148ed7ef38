"""What a run measured: one record per evaluation, a line of JSON each in ``metrics.jsonl``."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from mixlaw.errors import RunError
from mixlaw.files import write_atomic


class Record(BaseModel):
    """One evaluation.

    Attributes:
        run_id: the trunk's or the branch's.
        tokens: CPT tokens seen; 0 for a base.
        eval_set: held-out set.
        loss: nats per token; None if it was not finite.
        loss_se: standard error by bootstrap over documents.
        bpb: bits per byte.
        eval_tokens: tokens of the held-out set.
        annealed: whether the learning rate had reached its final value.
        token_budget: length of the run or branch, in tokens.
        flops: measured training FLOPs so far, the base's not included.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str
    tokens: int
    eval_set: str
    loss: float | None
    loss_se: float | None
    bpb: float | None
    eval_tokens: int
    annealed: bool
    token_budget: int | None
    flops: int

    @property
    def key(self) -> tuple[str, int, str]:
        """Identity within the runs table."""
        return self.run_id, self.tokens, self.eval_set


def read_records(path: Path) -> list[Record]:
    """All whole records of a file; a last line that a kill cut off is left out.

    Raises:
        RunError: a line is no record.
    """
    text = path.read_text() if path.exists() else ""
    lines = text.split("\n")[:-1]
    try:
        return [Record.model_validate_json(line) for line in lines]
    except ValidationError as error:
        raise RunError(f"'{path}' is damaged; delete its folder and sweep again.") from error


def add_records(path: Path, records: list[Record]) -> None:
    """Add records to a file; those that are there already (of an interrupted run) stay as they are.

    Raises:
        RunError: the file is damaged.
    """
    before = read_records(path)
    keys = {record.key for record in before}
    after = [*before, *(record for record in records if record.key not in keys)]
    write_atomic(path, "".join(record.model_dump_json() + "\n" for record in after))
