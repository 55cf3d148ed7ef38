"""What an answer for a large model needs: sizes of one family, budgets, runs and GPU hours.

The runs are those that ``mixlaw sweep --dry-run`` would plan, at the price that it would name.
"""

from dataclasses import dataclass

from mixlaw.errors import ConfigError
from mixlaw.experiment import parse_experiment
from mixlaw.quantities import format_quantity
from mixlaw.rundir.shape import ExistingShape
from mixlaw.sweep.cost import cost_of
from mixlaw.sweep.plan import DataIdentity, plan_runs

#: Width, MLP width, layers, heads and key-value heads of Qwen2.5, as its config.json files on the
#: Hugging Face hub say (docs/plan-qwen.md): a family with many sizes and open weights.
FAMILY = "Qwen2.5"
MEMBERS = {
    "0.5B": (896, 4864, 24, 14, 2),
    "1.5B": (1536, 8960, 28, 12, 2),
    "3B": (2048, 11008, 36, 16, 2),
    "7B": (3584, 18944, 28, 28, 4),
}
_VOCABULARY = 151_936
#: A law in the size needs three sizes; the target should lie no farther out than they span.
_LEAST_SIZES = 3
#: FLOP/s that one GPU sustains: 35% of what NVIDIA states for dense bfloat16 on an H100 SXM
#: (9.89e14), an assumption.
SPEED = 3.5e14

_EXPERIMENT = """
corpora: {{domain: {{path: domain}}, general: {{path: general}}}}
base: {{models: [{models}]}}
mixtures: [0, 0.05, 0.1, 0.2, 0.3, 0.5, 1]
token_budgets: [{budgets}]
evaluation: {{held_out_tokens: 2M, trunk_points: 24}}
seeds: {{extra: [{{model: {first}, mixture: 0.2, order: [1]}}]}}
schedule: {{lr: 1.0e-4}}
training: {{seq_len: 4096, batch_tokens: 2M, precision: bfloat16}}
executor: {{name: local, gpus_per_run: 1, speed: {speed:g}}}
"""


@dataclass(frozen=True)
class Needs:
    """The sweep that an answer needs.

    Attributes:
        models: names of its bases.
        budgets: CPT tokens of its end points.
        n_runs: runs to train.
        gpu_hours: of all of them, at ``SPEED``.
    """

    models: tuple[str, ...]
    budgets: tuple[float, ...]
    n_runs: int
    gpu_hours: float

    def sentence(self) -> str:
        """All of it in one sentence."""
        *some, last = (name.removeprefix(f"{FAMILY}-") for name in self.models)
        return (
            f"runs from {FAMILY} {', '.join(some)} and {last}, budgets "
            f"{format_quantity(self.budgets[0])} to {format_quantity(self.budgets[-1])} tokens: "
            f"{self.n_runs} runs, about {float(f'{self.gpu_hours:.2g}'):,.0f} GPU hours"
        )


def needed_for(n_params: float, tokens: float) -> Needs:
    """The cheapest sweep of the family that has the target within its reach.

    Args:
        n_params: non-embedding parameters of the target.
        tokens: its CPT tokens.

    Raises:
        ConfigError: no three sizes of the family reach that far.
    """
    names = _members_for(n_params)
    budgets = tuple(tokens / 2**k for k in (3, 2, 1, 0))
    experiment = parse_experiment(
        _EXPERIMENT.format(
            models=", ".join(names),
            budgets=", ".join(f"{budget:.0f}" for budget in budgets),
            first=names[0],
            speed=SPEED,
        )
    )
    shapes = [_shape(name.removeprefix(f"{FAMILY}-")) for name in names]
    data = DataIdentity.unprepared(experiment, _VOCABULARY)
    plan = plan_runs(experiment, data, shapes)
    flops = sum(cost_of(spec, experiment).all_flops for spec in plan.specs)
    return Needs(tuple(names), budgets, len(plan.runs), flops / SPEED / 3600)


def _members_for(n_params: float) -> list[str]:
    sizes = {name: float(_shape(name).n_params) for name in MEMBERS}
    below = [name for name, size in sizes.items() if size < n_params]
    for n_sizes in range(_LEAST_SIZES, len(below) + 1):
        chosen = below[:n_sizes]
        first, last = sizes[chosen[0]], sizes[chosen[-1]]
        if n_params / last <= last / first:
            return [f"{FAMILY}-{name}" for name in chosen]
    raise ConfigError(
        f"No three sizes of {FAMILY} reach {format_quantity(n_params)} parameters; name a target "
        f"between {format_quantity(sizes['3B'])} and "
        f"{format_quantity(sizes['7B'] ** 2 / sizes['0.5B'])}."
    )


def _shape(name: str) -> ExistingShape:
    width, mlp_width, n_layers, n_heads, n_kv_heads = MEMBERS[name]
    kv_width = n_kv_heads * width // n_heads
    attention = 2 * width**2 + width + 2 * (width + 1) * kv_width
    layer = attention + 3 * width * mlp_width + 2 * width
    return ExistingShape(
        family="qwen2",
        fingerprint="",
        vocab_size=_VOCABULARY,
        width=width,
        n_layers=n_layers,
        attention_width=width,
        max_seq_len=None,
        n_params=n_layers * layer + width,
        n_params_embedding=_VOCABULARY * width,
    )
