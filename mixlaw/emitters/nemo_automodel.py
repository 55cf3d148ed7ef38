"""NeMo AutoModel: the ``dataset`` of its YAML (fixed-length samples, which are tokens)."""

from collections.abc import Mapping
from typing import Any

from mixlaw.emitters import TOKENS, EmitOptions, blend, yaml_text

UNIT = TOKENS
EXAMPLE = "paths: ['0.3', /data/domain_text_document, '0.7', /data/general_text_document]"

_TARGET = "nemo_automodel.components.datasets.llm.megatron_dataset.MegatronPretraining"


def emit(document: Mapping[str, Any], options: EmitOptions) -> str:
    """YAML with the key ``dataset``."""
    mix = blend(document, options, UNIT, "/data/{}_text_document")
    return yaml_text(mix.notes, {"dataset": {"_target_": _TARGET, "paths": mix.interleaved}})
