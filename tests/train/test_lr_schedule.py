"""The learning rate at every step, and what the runs table says of it."""

import pytest

from mixlaw.rundir.spec import OptimSpec
from mixlaw.schedule import Schedule

OPTIM = OptimSpec(
    lr_peak=0.01, lr_rule="fixed", lr_final=0.001, warmup=4, decay=0.2, weight_decay=0.1, clip=1.0
)


def test_warm_up_reaches_the_peak_and_the_trunk_stays_there():
    trunk = OPTIM.trunk()
    assert [trunk.at(step) for step in range(4)] == pytest.approx([0.0025, 0.005, 0.0075, 0.01])
    assert {trunk.at(step) for step in (4, 100, 10**9)} == {0.01}


def test_a_branch_is_linear_from_the_peak_to_the_final_rate():
    branch = OPTIM.decayed(100)
    assert branch.decay_start == 80
    assert branch.at(79) == branch.at(80) == 0.01
    assert branch.at(90) == pytest.approx(0.0055)
    assert branch.at(99) == pytest.approx(0.001 + 0.009 / 20)
    assert branch.at(100) == pytest.approx(0.001)


def test_trunk_and_branch_agree_up_to_the_branch_point():
    trunk, branch = OPTIM.trunk(), OPTIM.decayed(60)
    assert [trunk.at(step) for step in range(48)] == [branch.at(step) for step in range(48)]


def test_no_warm_up():
    assert Schedule(0.01, 0.0, warmup=0).at(0) == 0.01


def test_the_table_can_rebuild_it():
    assert OPTIM.decayed(100).document(step_tokens=64) == {
        "kind": "wsd",
        "peak": 0.01,
        "final": 0.001,
        "warmup_tokens": 256,
        "decay_start_tokens": 5120,
    }
    assert OPTIM.trunk().document(step_tokens=64)["kind"] == "constant"
