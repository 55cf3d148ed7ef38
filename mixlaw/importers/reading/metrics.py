"""Metric names of trainers: which are held-out losses, of which set, and which count tokens.

The names are those of the trainers' own code: Hugging Face (``eval_<set>_loss``, rewritten to
``eval/<set>_loss`` for TensorBoard and W&B), Megatron-LM, Megatron-Bridge, OLMo-core, Composer,
torchtitan and litgpt.
"""

import re
from collections.abc import Iterable

from mixlaw.errors import DataError
from mixlaw.importers import UNNAMED

_LOSSES = tuple(
    re.compile(pattern)
    for pattern in (
        r"eval[_/](?:(?P<set>.+)_)?loss",
        r"lm loss validation(?:-(?P<set>.+?))?",
        r"eval/lm/(?P<set>.+)/CE loss",
        r"metrics/eval/(?P<set>.+)/LanguageCrossEntropy",
        r"(?:val/lm loss|validation_metrics/loss|val_loss)",
    )
)
_NOT_LOSSES = re.compile(r".* (?:ppl|vs samples)", re.IGNORECASE)
_PERPLEXITY = re.compile(r"(?:.*[_/ .-])?(?:ppl|perplexity)", re.IGNORECASE)

#: Training tokens so far, and training sequences so far.
TOKENS = (
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


def eval_set_of(metric: str, losses: Iterable[str] = ()) -> str | None:
    """The held-out set whose loss a metric is; None for everything else.

    Args:
        metric: the metric's name in the log.
        losses: names that the description calls losses; each stands for itself.
    """
    if metric in losses:
        return metric
    if _NOT_LOSSES.fullmatch(metric):
        return None
    for pattern in _LOSSES:
        if match := pattern.fullmatch(metric):
            return match.groupdict().get("set") or UNNAMED
    return None


def is_perplexity(metric: str) -> bool:
    """Whether a metric's name says that it is a perplexity."""
    return _PERPLEXITY.fullmatch(metric) is not None


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
    instead = f" it has {', '.join(names[:8])}." if names else ""
    return DataError(
        f"'{source}' holds no held-out loss that {what} writes;{instead} Is it a log of another "
        "trainer, or of training alone? 'mixlaw importers' lists the formats, and 'eval_sets' of "
        "the description names other metrics."
    )
