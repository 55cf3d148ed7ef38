"""``transformers.Trainer`` on the CPU, doing nothing but training: what others are measured by."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import Trainer, TrainingArguments


def quiet_trainer(
    model: Any,
    rows: Sequence[np.ndarray],
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler,
    folder: Path | str,
    callbacks: Sequence[Any] = (),
    **arguments: Any,
) -> Trainer:
    """It takes rows of one token more than a sequence, and logs and saves nothing."""
    return Trainer(
        model,
        TrainingArguments(
            output_dir=str(folder),
            use_cpu=True,
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            dataloader_pin_memory=False,
            **arguments,
        ),
        train_dataset=[{"input_ids": row[:-1], "labels": row[1:]} for row in rows],
        optimizers=(optimizer, scheduler),
        compute_loss_func=_loss,
        callbacks=list(callbacks),
    )


def _loss(outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None) -> torch.Tensor:
    return torch.nn.functional.cross_entropy(outputs.logits.float().flatten(0, 1), labels.flatten())
