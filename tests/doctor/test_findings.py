"""Each finding is found in a table made to have just that fault, and in no clean sweep."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from truths import Design, dcpt_truth, simulate_sweep

from mixlaw.doctor import examine
from mixlaw.roles import Roles
from mixlaw.runs.table import validate_runs

DESIGN = Design(sizes=(60e6, 120e6, 240e6), ratios=(0.5, 0.0, 0.1, 0.25, 0.75, 1.0), checkpoints=6)
ONE_RUN = "n1-r2-s0"


@pytest.fixture(scope="module")
def clean() -> pd.DataFrame:
    return simulate_sweep(dcpt_truth(), np.random.default_rng(0), DESIGN)


def codes(frame: pd.DataFrame, target=None) -> list[str]:
    frame = validate_runs(frame.drop(columns="flag", errors="ignore"))
    return [finding.code for finding in examine(frame, Roles(), target)]


def trained(frame: pd.DataFrame) -> pd.Series:
    return frame["tokens"] > 0


def with_loss(frame: pd.DataFrame, rows: pd.Series, change) -> pd.DataFrame:
    return frame.assign(loss=frame["loss"].mask(rows, change(frame["loss"])))


def copied_run(frame: pd.DataFrame) -> pd.DataFrame:
    copy = frame[frame["trunk_id"] == ONE_RUN].copy()
    copy["run_id"] += "-again"
    copy["trunk_id"] += "-again"
    return pd.concat([frame, copy])


def logged_twice(frame: pd.DataFrame) -> pd.DataFrame:
    last = frame[frame["run_id"] == f"{ONE_RUN}-b8000000000"].copy()
    last["tokens"] -= 2e6
    last["loss"] += 1e-4
    return pd.concat([frame, last])


def one_recipe_missing(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    return frame.assign(**{column: frame[column].mask(frame["trunk_id"] == ONE_RUN, "other")})


FAULTS = {
    "collinear-size-tokens": [
        lambda f: f[~trained(f) | ~f["annealed"] | (f["tokens"] / f["n_params"]).between(33, 34)],
    ],
    "short-runs": [lambda f: f.drop(columns="base_tokens")],
    "replicates-missing": [lambda f: f[~(f["seed"] > 0)]],
    "base-missing": [
        lambda f: f[trained(f)],
        lambda f: f[trained(f) | (f["n_params"] > 60e6)],
    ],
    "unique-tokens-missing": [lambda f: f.drop(columns="unique_tokens.domain")],
    "repeated-tokens": [lambda f: f.assign(**{"unique_tokens.domain": 1e9})],
    "best-mixture-outside": [
        lambda f: f[~(f["share.domain"] > 0.3)],
        lambda f: with_loss(
            f[~(f["share.domain"] < 0.4)],
            ~trained(f) & (f["eval_set"] == "general"), lambda loss: loss - 0.1,
        ),
    ],
    "annealed-mixed": [lambda f: f[~trained(f) | ~f["annealed"] | (f["n_params"] < 200e6)]],
    "decaying-checkpoints": [
        lambda f: f.assign(
            schedule=f["schedule"].str.replace('"constant"', '"cosine"', regex=False)
        ),
        lambda f: f[~trained(f) | ~f["annealed"]].assign(
            annealed=True, schedule='{"kind": "cosine"}'
        ),
    ],
    "annealed-early": [
        lambda f: f.assign(
            run_id=f["run_id"].mask(trained(f) & f["annealed"], f["trunk_id"] + "-branches")
        ).drop(columns=["token_budget", "schedule"]),
    ],
    "schedule-unknown": [lambda f: f.drop(columns=["annealed", "schedule"])],
    "lr-confounded": [
        lambda f: f.assign(lr_rule="", lr_peak=3e-4 * (60e6 / f["n_params"]) ** 0.5),
    ],
    "learning-rates-mixed": [
        lambda f: f.assign(lr_peak=f["lr_peak"].mask(f["trunk_id"] == ONE_RUN, 9e-4)),
    ],
    "non-finite-loss": [
        lambda f: with_loss(f, f["run_id"] == ONE_RUN, lambda loss: loss * np.nan),
        lambda f: with_loss(f, f["run_id"] == ONE_RUN, lambda loss: loss * np.inf),
    ],
    "rows-flagged": [lambda f: pd.concat([f, f[f["run_id"] == ONE_RUN]])],
    "roles-unknown": [
        lambda f: f[f["eval_set"] != "general"],
        lambda f: f.rename(columns={
            "share.domain": "share.code", "share.general": "share.web",
            "unique_tokens.domain": "unique_tokens.code",
        }).replace({"eval_set": {"domain": "code_books", "general": "web_text"}}),
    ],
    "constant-loss": [
        lambda f: with_loss(f, trained(f) & (f["eval_set"] == "domain"), lambda loss: 0 * loss + 2)
        .drop(columns="bpb"),
    ],
    "tiny-loss": [lambda f: f.assign(loss=f["loss"] / 1000).drop(columns="bpb")],
    "counts-in-units": [
        lambda f: f.assign(
            n_params=f["n_params"] / 1e9, tokens=f["tokens"] / 1e9,
            base_tokens=f["base_tokens"] / 1e9, **{
                "unique_tokens.domain": f["unique_tokens.domain"] / 1e9,
                "token_budget": f["token_budget"] / 1e9,
            }
        ),
    ],
    "perplexity-as-loss": [
        lambda f: with_loss(f, f["trunk_id"] == ONE_RUN, np.exp),
        lambda f: with_loss(f, f["trunk_id"] == ONE_RUN, np.exp).drop(columns="bpb"),
        lambda f: with_loss(f, trained(f), np.exp),
        lambda f: f.assign(loss=np.exp(f["loss"] + 1.0)).drop(columns="bpb"),
    ],
    "bits-as-nats": [
        lambda f: with_loss(f, f["trunk_id"] == ONE_RUN, lambda loss: loss / np.log(2)),
        lambda f: with_loss(f, f["trunk_id"] == ONE_RUN, lambda loss: loss / np.log(2)).drop(
            columns="bpb"
        ),
        lambda f: f.assign(loss=f["loss"] / np.log(2)),
        lambda f: f.assign(loss=f["bpb"]),
    ],
    "loss-multiple": [
        lambda f: with_loss(f, f["trunk_id"] == ONE_RUN, lambda loss: loss * 3).drop(columns="bpb"),
        lambda f: with_loss(f, f["trunk_id"] == ONE_RUN, lambda loss: loss / 4).drop(columns="bpb"),
    ],
    "bits-per-byte-as-loss": [
        lambda f: f.assign(loss=f["loss"] / 3).drop(columns="bpb"),
    ],
    "nothing-moved": [
        lambda f: f.assign(loss=2.5 + np.linspace(0, 0.0015, len(f))).drop(columns="bpb"),
    ],
    "shares-switched": [
        lambda f: f.assign(**{
            "share.domain": f["share.general"], "share.general": f["share.domain"],
        }),
        lambda f: f.assign(**{
            f"share.{a}": f[f"share.{a}"].mask(f["trunk_id"] == ONE_RUN, f[f"share.{b}"])
            for a, b in (("domain", "general"), ("general", "domain"))
        }),
    ],
    "counts-contradict": [
        lambda f: f.assign(n_params_total=f["n_params"] / 2),
        lambda f: f.assign(flops=f["n_params"] * f["tokens"]),
    ],
    "tokenizers-mixed": [lambda f: one_recipe_missing(f, "tokenizer")],
    "metric-versions-mixed": [lambda f: one_recipe_missing(f, "metric_version")],
    "recipes-mixed": [lambda f: one_recipe_missing(f, "recipe")],
    "eval-sets-differ": [
        lambda f: f[~((f["run_id"] == ONE_RUN) & (f["eval_set"] == "domain"))],
        lambda f: f.assign(eval_tokens=f["eval_tokens"].mask(f["run_id"] == ONE_RUN, 5e5)),
    ],
    "near-duplicates": [copied_run, logged_twice],
}  # fmt: skip


@pytest.mark.parametrize(
    ("code", "fault"),
    [(code, fault) for code, faults in FAULTS.items() for fault in faults],
    ids=[f"{code}-{k}" for code, faults in FAULTS.items() for k in range(len(faults))],
)
def test_a_fault_is_found_and_nothing_else(clean, code, fault):
    assert codes(fault(clean)) == [code]


@pytest.mark.parametrize(
    ("target", "severity"),
    [
        ({"n_params": 500e6, "tokens": 8e9}, "note"),
        ({"tokens": 20e9}, "note"),
        ({"n_params": 8e9, "tokens": 8e9}, "warning"),
    ],
)
def test_a_target_outside_the_sweep_is_found(clean, target, severity):
    (found,) = examine(clean, Roles(), target)
    assert (found.code, found.severity) == ("target-outside", severity)


def test_a_target_inside_the_sweep_is_not(clean):
    assert examine(clean, Roles(), {"n_params": 100e6, "tokens": 4e9}) == []


def test_every_check_has_a_fault_here():
    """A new finding needs a faulty table; this list is read from the source of the checks."""
    import re
    from pathlib import Path

    import mixlaw.doctor as doctor

    source = "".join(path.read_text() for path in Path(doctor.__file__).parent.glob("*.py"))
    named = set(
        re.findall(r'"([a-z]+(?:-[a-z]+)+)", (?:"(?:error|warning|note)"|"[a-z ]+",)', source)
    )
    assert {"decaying-checkpoints", "tokenizers-mixed"} <= set(FAULTS)
    # Of a target, and of a table too small to have one fault alone: tests/fit/test_prior.py.
    assert named - {"target-outside", "runs-missing"} <= set(FAULTS)


def test_a_finding_names_its_rows(clean):
    faulty = with_loss(clean, clean["trunk_id"] == ONE_RUN, np.exp)
    (found,) = examine(faulty, Roles())
    assert found.n_rows == (clean["trunk_id"] == ONE_RUN).sum()
    assert all(run_id.startswith(ONE_RUN) for run_id in found.run_ids)
    assert found.document()["rows"]["count"] == found.n_rows


def test_a_loss_summed_over_devices_is_named_with_its_factor(clean):
    faulty = with_loss(clean, clean["trunk_id"] == ONE_RUN, lambda loss: 4 * loss)
    found = {f.code: f for f in examine(faulty.drop(columns="bpb"), Roles())}["loss-multiple"]
    assert found.severity == "error"
    assert ONE_RUN in found.what
    assert "about 4 times those of the runs" in found.what
    assert "summed over 4 devices" in found.what


def random_design(rng: np.random.Generator) -> Design:
    """A plausible sweep without a fault."""
    n_sizes = rng.integers(3, 6)
    ratios = (0.0, *sorted(rng.uniform(0.05, 0.9, rng.integers(2, 5)).round(2)), 1.0)
    return Design(
        sizes=tuple((4e7 * 2 ** np.arange(n_sizes) * rng.uniform(0.8, 1.2, n_sizes)).round()),
        ratios=tuple(dict.fromkeys(ratios)),
        budgets=tuple(4e9 * np.array([0.5, 1.0, 2.0])[: rng.integers(2, 4)]),
        checkpoints=int(rng.integers(4, 13)),
        replicated=int(rng.integers(1, 3)),
        seed_std=float(rng.uniform(0.001, 0.012)),
        walk_std=float(rng.uniform(0.0, 0.006)),
    )


def false_findings(n_sweeps: int) -> Counter:
    found: Counter = Counter()
    for seed in range(n_sweeps):
        rng = np.random.default_rng(seed)
        found.update(
            {
                finding.code
                for finding in examine(
                    simulate_sweep(dcpt_truth(), rng, random_design(rng)), Roles()
                )
            }
        )
    return found


def test_clean_sweeps_are_silent():
    assert false_findings(25) == Counter()


@pytest.mark.slow
def test_at_most_two_percent_of_clean_sweeps_have_a_finding():
    assert sum(false_findings(200).values()) <= 4
