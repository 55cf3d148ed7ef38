"""Tiny models of published families, saved as their makers save them, with a tokenizer."""

from pathlib import Path
from typing import Any

from tiny_sweep import WORDS, write_tiny

from mixlaw.corpora.tokenizer import END_OF_TEXT, train_encoder
from mixlaw.experiment import load_experiment
from mixlaw.rundir.spec import ExistingSpec
from mixlaw.sweep.api import prepare
from mixlaw.sweep.jobs import run_folder
from mixlaw.sweep.models import resolve_models
from mixlaw.sweep.plan import DataIdentity, Plan, plan_runs

#: Entries of the tokenizer; what it was trained on is made-up text.
VOCAB_SIZE = 300
FAMILIES = ("llama", "qwen2", "gpt_neox")


def save_model(
    folder: Path,
    family: str = "llama",
    *,
    width: int = 32,
    vocab_size: int = 320,
    tied: bool = False,
    vocab: int = VOCAB_SIZE,
    dtype: str = "bfloat16",
) -> Path:
    """A randomly initialised model of two layers in a folder, with its tokenizer.

    Args:
        folder: where; made if absent.
        family: ``model_type``.
        width: of the residual stream.
        vocab_size: rows of the embedding: padded beyond the tokenizer's entries.
        tied: whether embedding and head are one matrix.
        vocab: entries of the tokenizer.
        dtype: of the weights in the file.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(width)
    heads = {} if family == "gpt_neox" else {"num_key_value_heads": 2}
    config = AutoConfig.for_model(
        family,
        vocab_size=vocab_size,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=64,
        tie_word_embeddings=tied,
        bos_token_id=None,
        eos_token_id=0,
        **heads,
    )
    model = AutoModelForCausalLM.from_config(config).to(getattr(torch, dtype))
    model.save_pretrained(folder)
    save_tokenizer(folder, vocab)
    return folder


def save_tokenizer(folder: Path, vocab: int = VOCAB_SIZE) -> None:
    """A byte-level BPE as ``transformers`` saves it."""
    from transformers import PreTrainedTokenizerFast

    encoder = train_encoder(WORDS.values(), vocab)
    PreTrainedTokenizerFast(
        tokenizer_object=encoder.tokenizer, eos_token=END_OF_TEXT
    ).save_pretrained(folder)


YAML = """
corpora:
  domain: {path: text/domain.jsonl}
  general: {path: text/general.jsonl}
evaluation: {held_out_tokens: 256, trunk_points: 2}
training: {seq_len: 16, batch_tokens: 64}
base: {model: model}
mixtures: [1]
token_budgets: [1k]
schedule: {lr: 3.0e-3}
executor: {name: inline}
"""


def write_experiment(folder: Path, training: str = "", **model: Any) -> Path:
    """An experiment that starts from one model, which stands beside it as ``model``."""
    plain = "{seq_len: 16, batch_tokens: 64}"
    write_tiny(folder, YAML.replace(plain, plain[:-1] + training + "}"))
    save_model(folder / "model", **model)
    return folder


def planned(folder: Path) -> Plan:
    """Its plan, with its corpora prepared and all folders made, as ``run_sweep`` begins."""
    experiment, models = resolve_models(folder, load_experiment(folder))
    corpora = prepare(folder, experiment, lambda message: None)
    plan = plan_runs(experiment, DataIdentity.of(corpora), models.shapes)
    for spec in plan.specs:
        run_folder(folder, spec).plan(spec)
        if isinstance(spec, ExistingSpec):
            models.source(spec).save(run_folder(folder, spec).path)
    return plan
