"""Shapes of proxy models: width and depth for a number of parameters, every group counted."""

from pydantic import BaseModel, ConfigDict

from mixlaw.errors import ConfigError
from mixlaw.quantities import format_quantity

# All of these decide the shapes of proxies, and so the identity of every run: other values give
# other runs. They are conventional; no other values were compared.

#: Non-embedding parameters may miss the wanted number by this fraction.
TOLERANCE = 0.05
#: Width of an attention head in models narrower than ``LARGE_WIDTH``, so that small ones have
#: several heads; and in wider ones, as in published models.
HEAD_WIDTH, LARGE_HEAD_WIDTH, LARGE_WIDTH = 16, 64, 512
#: The MLP's width is a multiple of this, as matrix products are fast with.
MLP_STEP = 8


class ModelShape(BaseModel):
    """A Llama model with untied embeddings and no biases.

    Attributes:
        vocab_size: entries of embedding and head.
        width: of the residual stream.
        n_layers: transformer blocks.
        n_heads: attention heads.
        mlp_width: of the gated MLP.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    vocab_size: int
    width: int
    n_layers: int
    n_heads: int
    mlp_width: int

    @property
    def attention_width(self) -> int:
        """Width of all heads together."""
        return self.width

    @property
    def n_params(self) -> int:
        """Non-embedding parameters: attention, MLP and norms."""
        attention = 4 * self.width**2
        mlp = 3 * self.width * self.mlp_width
        return self.n_layers * (attention + mlp + 2 * self.width) + self.width

    @property
    def n_params_embedding(self) -> int:
        """Parameters that belong to the vocabulary: the embedding and the head."""
        return 2 * self.vocab_size * self.width

    @property
    def n_params_total(self) -> int:
        """All parameters."""
        return self.n_params + self.n_params_embedding


class ExistingShape(BaseModel):
    """A model that was trained elsewhere.

    Attributes:
        family: its ``model_type``, such as qwen2.
        fingerprint: hash of its configuration and weights; empty where only the former was read.
        vocab_size: rows of the embedding; may be padded beyond the tokenizer's entries.
        width: of the residual stream.
        n_layers: transformer blocks.
        attention_width: width of a head, times heads.
        max_seq_len: tokens that it reads at once, if its configuration says.
        n_params: non-embedding parameters: all but the embedding and an untied head.
        n_params_embedding: parameters that belong to the vocabulary; a tied matrix counts once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: str
    fingerprint: str
    vocab_size: int
    width: int
    n_layers: int
    attention_width: int
    max_seq_len: int | None
    n_params: int
    n_params_embedding: int

    @property
    def n_params_total(self) -> int:
        """All parameters."""
        return self.n_params + self.n_params_embedding


#: A proxy that is trained from scratch, or an existing model.
Shape = ModelShape | ExistingShape


def choose_shape(n_params: int, vocab_size: int) -> ModelShape:
    """The shape whose non-embedding parameters are nearest to ``n_params``.

    Depth grows as N^0.21, from 2 layers at 55k to 6 at 10M and 16 at 1B; width follows from
    12 width² parameters a layer, and the width of the MLP (8/3 of the width, more or less) takes up
    what the rounding of the width left.

    Raises:
        ConfigError: no shape comes within 5%.
    """
    n_layers = max(2, round(2 * (n_params / 55_000) ** 0.21))
    wanted = (n_params / (12 * n_layers)) ** 0.5
    head = LARGE_HEAD_WIDTH if wanted >= LARGE_WIDTH else HEAD_WIDTH
    width = max(1, round(wanted / head)) * head
    per_layer = (n_params - width) / n_layers - 4 * width**2 - 2 * width
    mlp_width = max(1, round(per_layer / (3 * width * MLP_STEP))) * MLP_STEP
    shape = ModelShape(
        vocab_size=vocab_size,
        width=width,
        n_layers=n_layers,
        n_heads=width // head,
        mlp_width=mlp_width,
    )
    if abs(shape.n_params / n_params - 1) > TOLERANCE:
        raise ConfigError(
            f"No proxy has about {format_quantity(n_params)} non-embedding parameters; "
            f"the nearest has {format_quantity(shape.n_params)}: write that size instead."
        )
    return shape
