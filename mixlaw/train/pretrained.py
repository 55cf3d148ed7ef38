"""Existing models, counted and loaded through the Auto classes of ``transformers``.

Any causal language model that these know will do. Code that comes with a model runs
only if the experiment allows it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import transformers
from safetensors import SafetensorError

from mixlaw.errors import DataError
from mixlaw.rundir.model_source import (
    KnownModels,
    Source,
    has_weights,
    model_fingerprint,
    weight_files,
)
from mixlaw.rundir.shape import ExistingShape

#: The library's annotations do not say what these methods return.
_AUTO_MODEL: Any = transformers.AutoModelForCausalLM


def shape_of(source: Source, known: KnownModels) -> ExistingShape:
    """Sizes and identity of a model, counted once and then kept in ``known``.

    Args:
        source: the model. Without any weights its fingerprint is empty: enough to plan with.
        known: models that were counted before.

    Raises:
        DataError: as ``describe_model``, or its weights are pickled.
    """
    if not has_weights(source.folder):
        return describe_model(source)
    if (shape := known.shape(source)) is None:
        shape = describe_model(source, model_fingerprint(source))
        known.add(source, shape)
    return shape


def describe_model(source: Source, fingerprint: str = "") -> ExistingShape:
    """Sizes of a model, counted on its layers without reading any weights.

    Raises:
        DataError: it is no causal language model, or needs code that is not trusted.
    """
    config = _config(source)
    with torch.device("meta"), _in_a_sentence(source):
        model = _AUTO_MODEL.from_config(config, trust_remote_code=source.trust_remote_code)
    text = config.get_text_config()
    matrices = [m.weight for m in _vocabulary_layers(model)]
    total = sum(weight.numel() for weight in model.parameters())
    embedding = sum(weight.numel() for weight in {id(w): w for w in matrices}.values())
    n_heads = getattr(text, "num_attention_heads", 1)
    head = getattr(text, "head_dim", None) or text.hidden_size // n_heads
    return ExistingShape(
        family=str(config.model_type),
        fingerprint=fingerprint,
        vocab_size=int(matrices[0].shape[0]),
        width=text.hidden_size,
        n_layers=text.num_hidden_layers,
        attention_width=n_heads * head,
        max_seq_len=getattr(text, "max_position_embeddings", None),
        n_params=total - embedding,
        n_params_embedding=embedding,
    )


def load_model(source: Source) -> Any:
    """A model with its weights, in float32 and without dropout.

    Raises:
        DataError: its weights are not safetensors, incomplete or damaged; or as ``describe_model``.
    """
    weight_files(source.folder)
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    with _in_a_sentence(source):
        model, report = _AUTO_MODEL.from_pretrained(
            source.folder,
            config=_config(source),
            trust_remote_code=source.trust_remote_code,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
            torch_dtype=torch.float32,
        )
    if missing := sorted(report["missing_keys"]):
        raise DataError(
            f"The weights of '{source.name}' are incomplete: {len(missing)} of its tensors are not "
            f"in its safetensors files, such as {missing[0]}; save or fetch the model again."
        )
    _check_causal(model, source)
    return model


def _check_causal(model: Any, source: Source) -> None:
    """Refuse a model that sees the tokens which it is to predict, as encoders do."""
    tokens = torch.zeros(2, 4, dtype=torch.long)
    tokens[1, -1] = 1
    with torch.inference_mode():
        first, second = model(input_ids=tokens, use_cache=False).logits
    effect = (first - second).abs().amax(dim=-1)
    if effect[:-1].max() > 1e-3 * effect[-1]:
        raise DataError(
            f"'{source.name}' is no causal language model: what it predicts for a place depends on "
            "the tokens that follow."
        )


def _config(source: Source) -> Any:
    _refuse_untrusted(source)
    with _in_a_sentence(source):
        config: Any = transformers.AutoConfig.from_pretrained(
            source.folder, trust_remote_code=source.trust_remote_code, local_files_only=True
        )
    config.use_cache = False
    _without_dropout(config.get_text_config())
    return config


def _refuse_untrusted(source: Source) -> None:
    """Refuse code that comes with a model, unless it is allowed or not needed."""
    try:
        document = json.loads((source.folder / "config.json").read_text())
    except (ValueError, OSError) as error:
        raise DataError(f"'{source.folder / 'config.json'}' cannot be read: {error}.") from None
    is_known = document.get("model_type") in transformers.CONFIG_MAPPING
    if document.get("auto_map") and not is_known and not source.trust_remote_code:
        raise DataError(
            f"'{source.name}' comes with Python code of its own that would have to run; read it "
            "and allow that with base.trust_remote_code: true or --trust-remote-code."
        )


def _without_dropout(config: Any) -> None:
    """Pre-training goes without it, and the loss in training is then that of evaluation."""
    for key, value in config.to_dict().items():
        if isinstance(value, float) and key.endswith(("dropout", "pdrop", "dropout_prob")):
            setattr(config, key, 0.0)


def _vocabulary_layers(model: Any) -> Iterator[Any]:
    yield model.get_input_embeddings()
    if (head := model.get_output_embeddings()) is not None:
        yield head


@contextmanager
def _in_a_sentence(source: Source) -> Iterator[None]:
    """Errors of the libraries as one of ours; what they say of the reason is kept."""
    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300]
        raise DataError(
            f"'{source.name}' cannot be loaded as a causal language model "
            f"({type(error).__name__}: {reason})."
        ) from error
