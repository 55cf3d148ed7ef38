"""The plan: which runs, under which names, at what cost."""

from itertools import pairwise

import pytest
from tiny_sweep import YAML

from mixlaw.experiment import Experiment, parse_experiment
from mixlaw.rundir.spec import parse_spec
from mixlaw.sweep.cost import cost_of
from mixlaw.sweep.plan import DataIdentity, Plan, plan_runs, train_tokens

FINGERPRINTS = {"domain": "d0", "general": "g0"}


def plan(text: str = YAML, train: dict[str, str] = FINGERPRINTS) -> Plan:
    return plan_runs(parse_experiment(text), DataIdentity(train, FINGERPRINTS, "t0", 300))


def test_the_tiny_sweep_is_exactly_these_runs():
    assert [spec.run_id for spec in plan().specs] == PINNED


def test_every_size_has_a_base_the_control_and_the_same_budgets():
    made = plan()
    assert len(made.bases) == 2
    assert [run.domain_ratio for run in made.runs] == [0, 0.5, 1] * 2
    assert {run.budgets for run in made.runs} == {(16, 31)}
    assert [run.shares for run in made.runs[:2]] == [
        {"domain": 0, "general": 1},
        {"domain": 0.5, "general": 0.5},
    ]


def test_branches_leave_the_trunk_for_the_last_fifth_of_their_budget():
    run = plan().runs[0]
    assert [run.branch_point(budget) for budget in run.budgets] == [13, 25]
    assert run.trunk_steps == 25 == run.trunk_points[-1]
    assert run.total_steps == 25 + 3 + 6


def test_trunk_points_are_log_spaced():
    text = YAML.replace("[1k, 2k]", "[640k]").replace("trunk_points: 4", "trunk_points: 12")
    points = plan(text).runs[0].trunk_points
    ratios = [later / earlier for earlier, later in pairwise(points)]
    assert len(points) == 12
    assert points[-1] == 8000
    assert ratios == pytest.approx([64 ** (1 / 11)] * 11, rel=0.02)


def test_the_peak_falls_with_width_and_can_be_fixed():
    small, large = plan().bases
    assert small.optim.lr_peak * small.shape.width == pytest.approx(0.5)
    assert large.optim.lr_peak * large.shape.width == pytest.approx(0.5)
    fixed = plan(YAML + "schedule: {lr: 0.003, peak_ratio: 0.5}")
    assert {base.optim.lr_peak for base in fixed.bases} == {0.003}
    assert {run.optim.lr_peak for run in fixed.runs} == {0.0015}


def test_seeds_in_all_cells_and_extra_ones_in_one():
    text = YAML + "seeds: {order: [0, 1], extra: [{size: 8k, mixture: 0.5, order: [2], base: [1]}]}"
    runs = plan(text).runs
    assert len(runs) == 2 * 3 * 2 + 2
    cell = [r for r in runs if r.domain_ratio == 0.5 and r.shape == runs[0].shape]
    assert [(run.base.seed, run.seed) for run in cell] == [(0, 0), (0, 1), (0, 2), (1, 0)]


@pytest.mark.parametrize(
    ("before", "after", "n_kept"),
    [
        ("[1k, 2k]", "[1k, 3k]", 2),  # bases stay
        ("mixtures: [0.5, 1]", "mixtures: [0.5, 1, 0.25]", 8),
        ("sizes: [8k, 16k]", "sizes: [8k, 16k, 50k]", 8),
        ("tokens: 3k", "tokens: 4k", 0),
        ("workers: 2", "workers: 1", 8),
        ("seq_len: 16", "seq_len: 32", 0),
    ],
)
def test_an_edit_keeps_the_runs_it_does_not_touch(before: str, after: str, n_kept: int):
    assert before in YAML
    old = {spec.run_id for spec in plan().specs}
    new = {spec.run_id for spec in plan(YAML.replace(before, after)).specs}
    assert len(old & new) == n_kept


def test_other_text_means_other_runs_but_a_base_reads_general_text_only():
    domain = plan(train={"domain": "d1", "general": "g0"})
    assert domain.bases == plan().bases
    assert not {run.run_id for run in domain.runs} & {run.run_id for run in plan().runs}
    general = plan(train={"domain": "d0", "general": "g1"})
    assert not {spec.run_id for spec in general.specs} & {spec.run_id for spec in plan().specs}


def test_a_specification_survives_its_file():
    for spec in plan().specs:
        assert parse_spec(spec.model_dump_json()) == spec


def test_prepared_text_covers_base_and_replay_and_does_not_hang_on_the_mixtures():
    assert train_tokens(experiment()) == {"domain": 2048, "general": 8192}
    fewer = parse_experiment(YAML.replace("[0.5, 1]", "[0.5]"))
    assert train_tokens(fewer) == train_tokens(experiment())


def test_costs():
    base, run = plan().bases[0], plan().runs[0]
    cost = cost_of(run, experiment())
    assert cost.tokens == run.total_steps * 64
    assert cost.flops == pytest.approx(
        cost.tokens * (6 * (run.shape.n_params + 300 * run.shape.width) + 12 * 2 * 16 * 16),
        rel=1e-9,
    )
    assert cost_of(base, experiment()).disk > 4 * base.shape.n_params_total


def experiment() -> Experiment:
    return parse_experiment(YAML)


PINNED = [
    "base-8.27k-s0-ba1365b0ee",
    "base-16k-s0-2ee9f6fd5f",
    "8.27k-d0-s0-8b02685d23",
    "8.27k-d50-s0-e2f49d3ad4",
    "8.27k-d100-s0-0ed2f31e7f",
    "16k-d0-s0-07681a0846",
    "16k-d50-s0-50746ee88a",
    "16k-d100-s0-a6ae8b3e43",
]
