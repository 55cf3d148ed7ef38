"""Metric names of trainers: which are held-out losses, of which set, and which count tokens.

The names are those of the trainers' own code: Hugging Face (``eval_<set>_loss``, rewritten to
``eval/<set>_loss`` for TensorBoard and W&B), Megatron-LM, Megatron-Bridge, OLMo-core, Composer,
torchtitan, litgpt and what people name theirs in Lightning (``val/loss``, ``val_<set>_loss``).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mixlaw.errors import DataError
from mixlaw.importers import UNNAMED, Log
from mixlaw.importers.reading.files import to_count

_LOSSES = tuple(
    re.compile(pattern)
    for pattern in (
        r"eval[_/](?:(?P<set>.+)_)?loss",
        r"lm loss validation(?:-(?P<set>.+?))?",
        r"eval/lm/(?P<set>.+)/CE loss",
        r"metrics/eval/(?:(?P<set>.+)/)?LanguageCrossEntropy",
        r"(?:val/lm loss|validation_metrics/loss)",
        r"val(?:id|idation)?[_/](?:(?P<set>.+)[_/])?loss",
    )
)
_NOT_LOSSES = re.compile(r".* (?:ppl|vs samples)|.*(?:__MIN|__MAX|_epoch_time)", re.IGNORECASE)
_PERPLEXITY = re.compile(r"(?:.*[_/ .-])?(?:ppl|perplexity)(?:[_/ .,-].*)?", re.IGNORECASE)
_BITS_PER_BYTE = re.compile(
    r"(?:.*[_/ .-])?(?:bpb|bpc|bits[_ -]?per[_ -]?(?:byte|char|character)|bits/byte)"
    r"(?:[_/ .,-].*)?",
    re.IGNORECASE,
)
_BITS_PER_TOKEN = re.compile(
    r"(?:.*[_/ .-])?(?:bpt|bits|bits[_ -]?per[_ -]?token|log2)(?:[_/ .,-].*)?", re.IGNORECASE
)
#: Last words of losses that train something beside the language model, or count in another way:
#: mixtures of experts, preference trainers, multi-token prediction.
_AUXILIARY = frozenset(
    {"aux", "auxiliary", "z", "router", "gate", "balance", "balancing", "lb", "moe", "kl", "kld"}
    | {"nll", "mtp", "reg", "regularization", "penalty", "distill", "distillation"}
    | {"reward", "policy", "contrastive"}
)

#: Training tokens so far, and training sequences so far.
TOKENS = (
    "num_tokens",
    "eval_num_tokens",
    "train/num_tokens",
    "eval/num_tokens",
    "num_input_tokens_seen",
    "train/num_input_tokens_seen",
    "throughput/total tokens",
    "throughput/total_tokens",
    "total_tokens",
    "consumed_tokens",
    "time/token",
)
SAMPLES = ("consumed_samples",)
#: Training steps so far, before a logger's own counter.
STEPS = ("train/global_step", "trainer/global_step", "global_step")

#: Units of a held-out measurement that are not nats per token.
PERPLEXITY, BITS_PER_BYTE, BITS_PER_TOKEN = "perplexity", "bits per byte", "bits per token"


def eval_set_of(metric: str, losses: Iterable[str] = ()) -> str | None:
    """The held-out set whose loss a metric is; None for everything else.

    Args:
        metric: the metric's name in the log.
        losses: names that the description calls losses; each stands for itself.
    """
    if metric in losses:
        return metric
    named = _named_set(metric)
    return None if named is None or is_auxiliary(named) else named


def _named_set(metric: str) -> str | None:
    if _NOT_LOSSES.fullmatch(metric):
        return None
    for pattern in _LOSSES:
        if match := pattern.fullmatch(metric):
            return match.groupdict().get("set") or UNNAMED
    return None


def is_auxiliary(name: str) -> bool:
    """Whether a loss of this name is no cross-entropy of text: aux, z, router, kl, nll ..."""
    return re.split(r"[^a-z0-9]+", name.lower())[-1] in _AUXILIARY


def unit_of(metric: str) -> str:
    """The unit that a metric's name gives away; empty where that is nats per token or unsaid."""
    for unit, pattern in (
        (PERPLEXITY, _PERPLEXITY),
        (BITS_PER_BYTE, _BITS_PER_BYTE),
        (BITS_PER_TOKEN, _BITS_PER_TOKEN),
    ):
        if pattern.fullmatch(metric):
            return unit
    return ""


def token_counts(record: Mapping[str, Any], place: str) -> dict[str, float]:
    """All counts of training tokens in a record by name, the better ones first.

    TRL's own count leaves padding out, which the Trainer's ``num_input_tokens_seen`` may not.

    Raises:
        DataError: one of them is no count.
    """
    return {
        name: to_count(record[name], f"{place}, {name}")
        for name in TOKENS
        if present(record.get(name))
    }


def present(value: object) -> bool:
    """Whether a cell or JSON value says anything."""
    return value is not None and value != ""


def is_perplexity(metric: str) -> bool:
    """Whether a metric's name says that it is a perplexity."""
    return unit_of(metric) == PERPLEXITY


@dataclass
class Metrics:
    """The metrics of one log: what was seen, what is a held-out loss, what was left out.

    Attributes:
        losses: names that the description calls losses.
        seen: all names.
    """

    losses: Sequence[str] = ()
    seen: set[str] = field(default_factory=set)

    def losses_in(self, record: Iterable[str]) -> list[tuple[str, str]]:
        """(metric, eval set) of every held-out loss among the names of a record."""
        names = list(record)
        self.seen.update(names)
        known = ((name, eval_set_of(name, self.losses)) for name in names)
        return [(name, eval_set) for name, eval_set in known if eval_set is not None]

    def close(self, log: Log, source: object, what: str) -> Log:
        """The log with a note about the auxiliary losses that were left out.

        Raises:
            DataError: the log holds no held-out loss.
        """
        if not log.evaluations:
            raise refuse_without_losses(source, what, self.seen)
        left = sorted(
            name
            for name in self.seen - set(self.losses)
            if (eval_set := _named_set(name)) is not None and is_auxiliary(eval_set)
        )
        if left:
            log.notes.append(
                f"left out {', '.join(left)}: no cross-entropy of held-out text by the name; "
                f"'eval_sets: {{{left[0]}: NAME}}' in the description asks for it"
            )
        return log


def refuse_without_losses(source: object, what: str, metrics: Iterable[str]) -> DataError:
    """The error for a log without a held-out loss; perplexities are named as such.

    Args:
        source: the log.
        what: the trainer whose metrics were looked for.
        metrics: names that the log has instead.
    """
    names = sorted(set(metrics))
    averaged = [name for name in names if is_perplexity(name)]
    if averaged:
        return DataError(
            f"'{source}' holds perplexities ({averaged[0]}) and no losses; an averaged perplexity "
            "is not the exponential of the mean loss, so log the cross-entropy and import that."
        )
    instead = f"; it has {', '.join(names[:8])}" if names else ""
    return DataError(
        f"'{source}' holds no held-out loss that {what} writes{instead}; 'eval_sets' of the "
        "description names other metrics, and 'mixlaw importers' lists other formats, if it is "
        "not a log of training alone."
    )
