"""Views of a runs table: trunks, bases, and the general loss."""

import numpy as np
import pandas as pd

from mixlaw.roles import Roles
from mixlaw.runs.views import base_identity, losses_by_run, trunk_names

ROLES = Roles.parse(general_set="web=3,books=1")


def frame_of(losses: dict[str, float], **columns: object) -> pd.DataFrame:
    return pd.DataFrame(
        {"run_id": "a", "tokens": 1e9, "n_params": 2e8, "eval_set": list(losses)}
    ).assign(loss=list(losses.values()), **columns)


def test_the_general_loss_by_run_is_the_weighted_sum_and_missing_where_a_part_is() -> None:
    whole = losses_by_run(frame_of({"domain": 1.0, "web": 2.0, "books": 4.0}), ROLES)
    assert whole.loc[("a", 1e9)].tolist() == [1.0, 2.5]
    part = losses_by_run(frame_of({"domain": 1.0, "web": 2.0}), ROLES)
    assert part["domain"].tolist() == [1.0]
    assert np.isnan(part["general"]).all()


def test_the_domain_may_be_a_part_of_the_general_loss() -> None:
    roles = Roles.parse("web", general_set="web=3,books=1")
    losses = losses_by_run(frame_of({"web": 2.0, "books": 4.0}), roles)
    assert losses.loc[("a", 1e9)].tolist() == [2.0, 2.5]


def test_a_base_is_its_name_or_its_size() -> None:
    frame = frame_of({"x": 1.0, "y": 1.0})
    assert base_identity(frame).tolist() == ["200000000 parameters"] * 2
    assert base_identity(frame.assign(base_id=["b", ""])).tolist() == ["b", "200000000 parameters"]


def test_a_trunk_is_its_name_or_the_run() -> None:
    frame = frame_of({"x": 1.0, "y": 1.0})
    assert trunk_names(frame).tolist() == ["a", "a"]
    assert trunk_names(frame.assign(trunk_id=["t", ""])).tolist() == ["t", "a"]
