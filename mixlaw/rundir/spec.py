"""Specifications: everything that decides what a run computes, and so its identity.

A ``run_id`` is a readable slug and a hash of the specification. Fingerprints stand for the corpora,
so a run does not change its name when its text moves, and does when its text changes.
"""

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter

from mixlaw.quantities import format_quantity
from mixlaw.rundir.shape import ExistingShape, ModelShape, Shape
from mixlaw.schedule import Schedule

#: Version of the training code, part of every run's identity: raise it when the same specification
#: would no longer give the same losses.
TRAIN_VERSION = 1


class Part(BaseModel):
    """Base of all parts of a specification."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DataSpec(Part):
    """The tokens that runs of one experiment share.

    Attributes:
        train: fingerprint of the training tokens by corpus.
        held_out: fingerprint of the held-out windows by corpus.
        tokenizer: hash of the tokenizer.
        seq_len: tokens a sequence.
        batch_size: sequences a step.
        max_epochs: how often each corpus may be read in CPT.
    """

    train: dict[str, str]
    held_out: dict[str, str]
    tokenizer: str
    seq_len: int
    batch_size: int
    max_epochs: dict[str, float]

    @property
    def step_tokens(self) -> int:
        """Tokens a step."""
        return self.seq_len * self.batch_size


class OptimSpec(Part):
    """Optimiser and learning rate.

    Attributes:
        lr_peak: peak learning rate.
        lr_rule: the rule that gave it, for people.
        lr_final: learning rate at the end of a decay.
        warmup: steps of warm-up.
        decay: decay as a fraction of the length.
        weight_decay: AdamW's, on matrices.
        clip: largest norm of the gradient.
        retry: multiple of the learning rate for one more attempt after a divergence; None for none.
    """

    lr_peak: float
    lr_rule: str
    lr_final: float
    warmup: int
    decay: float
    weight_decay: float
    clip: float
    retry: float | None = None

    def scaled(self, ratio: float) -> "OptimSpec":
        """The same at a multiple of its learning rate."""
        if ratio == 1:
            return self
        return self.model_copy(
            update={
                "lr_peak": ratio * self.lr_peak,
                "lr_final": ratio * self.lr_final,
                "lr_rule": f"{ratio:g}*{self.lr_rule}, second attempt",
            }
        )

    def trunk(self) -> Schedule:
        """Warm-up, then constant for ever."""
        return Schedule(self.lr_peak, self.lr_final, self.warmup)

    def decayed(self, end: int) -> Schedule:
        """The schedule of a whole run of this many steps; its decay takes one step or more."""
        decay_start = end - max(1, round(self.decay * end))
        return Schedule(self.lr_peak, self.lr_final, self.warmup, decay_start, end)


class ComputeSpec(Part):
    """How a model is computed where that is not the plain way; it may change the last bits.

    Attributes:
        precision: of matrix products; None for float32.
        micro_batch: sequences that go through the model at once; None for all of a step.
        gradient_checkpointing: whether activations are computed twice; None for no.
    """

    precision: Literal["bfloat16"] | None = None
    micro_batch: int | None = None
    gradient_checkpointing: Literal[True] | None = None


class Identified(Part):
    """What is common to all specifications: an identity by content.

    Attributes:
        version: of the training code.
        shape: of the model.
        compute: how it is computed; None for the plain way.
    """

    version: int = TRAIN_VERSION
    shape: Shape
    compute: ComputeSpec | None = None

    @property
    def micro_batch(self) -> int | None:
        """Sequences that go through the model at once; None for all of a step."""
        return self.compute.micro_batch if self.compute else None

    @property
    def run_id(self) -> str:
        """Readable slug and hash of the whole specification."""
        # Options that are None are left out: a new option does not rename runs that do not use it.
        text = json.dumps(self.model_dump(mode="json", exclude_none=True), sort_keys=True)
        return f"{self._slug()}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"

    def _slug(self) -> str:
        raise NotImplementedError


class ExistingSpec(Identified):
    """A model that was trained elsewhere, as it is measured here before CPT.

    Attributes:
        held_out: fingerprint of the held-out windows by corpus.
        tokenizer: hash of the tokenizer.
        seq_len: tokens a sequence.
    """

    shape: ExistingShape
    held_out: dict[str, str]
    tokenizer: str
    seq_len: int

    def _slug(self) -> str:
        return f"base-{self.shape.family}-{format_quantity(self.shape.n_params)}"


class Spec(Identified):
    """What a base that is trained here and a CPT run have in common.

    Attributes:
        data: corpora, by fingerprint.
        shares: of the training tokens, by corpus.
        seed: of the order of the data, and of a base's initialisation.
        optim: optimiser and learning rate.
    """

    data: DataSpec
    shares: dict[str, float]
    seed: int
    optim: OptimSpec


class BaseSpec(Spec):
    """A base: pre-trained from scratch on the general corpora, then decayed.

    Attributes:
        steps: length.
        max_epochs: how often it may read its text.
    """

    shape: ModelShape
    steps: int
    max_epochs: float

    @property
    def tokens(self) -> int:
        """Pre-training tokens."""
        return self.steps * self.data.step_tokens

    def _slug(self) -> str:
        return f"base-{format_quantity(self.shape.n_params)}-s{self.seed}"


class RunSpec(Spec):
    """A CPT run: a trunk from a base, and a decay branch for every token budget.

    Attributes:
        recipe: plugin that trains it.
        base: what it starts from.
        domain_ratio: share of all domain corpora together.
        budgets: lengths of the branches in steps, increasing.
        trunk_points: steps at which the trunk is evaluated, increasing.
    """

    recipe: str
    base: BaseSpec | ExistingSpec
    domain_ratio: float
    budgets: tuple[int, ...]
    trunk_points: tuple[int, ...]

    @property
    def trunk_steps(self) -> int:
        """Length of the trunk: up to where the last branch leaves it."""
        return max(self.branch_point(budget) for budget in self.budgets)

    def branch_point(self, budget: int) -> int:
        """The step at which the branch of this budget leaves the trunk."""
        decay_start = self.optim.decayed(budget).decay_start
        assert decay_start is not None
        return decay_start

    def branch_id(self, budget: int) -> str:
        """The ``run_id`` of a branch."""
        return f"{self.run_id}-b{budget * self.data.step_tokens}"

    @property
    def total_steps(self) -> int:
        """Steps of the trunk and all its branches."""
        return self.trunk_steps + sum(b - self.branch_point(b) for b in self.budgets)

    def _slug(self) -> str:
        size, share = format_quantity(self.shape.n_params), f"{100 * self.domain_ratio:.3g}"
        return f"{size}-d{share}-s{self.seed}"


#: Everything that has a folder.
AnySpec = RunSpec | BaseSpec | ExistingSpec

#: Reads whichever of them a text is.
_ADAPTER: TypeAdapter[Any] = TypeAdapter(AnySpec)


def parse_spec(text: str) -> AnySpec:
    """A specification from the text of its ``spec.json``."""
    spec: AnySpec = _ADAPTER.validate_json(text)
    return spec
