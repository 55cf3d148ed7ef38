"""The papers' worked examples through the command line: runs table, fit, recommendation.

D-CPT: Que et al., arXiv 2406.01375, section 4, Tables 5 and 6. CMR: Gu et al., arXiv 2407.17467v2,
Tables 4 and 5.
"""

import json
from itertools import product

import numpy as np
import pytest

from mixlaw.cli import main

#: Table 5 (chemistry, 1.8B, 10B tokens): domain ratio, general loss, domain loss.
USAGE_1 = (
    (0.90, 2.9052, 1.7321), (0.91, 2.9193, 1.7312), (0.92, 2.9376, 1.7311),
    (0.924, 2.9445, 1.7291), (0.93, 2.9644, 1.7279), (0.94, 2.9848, 1.7265), (1.0, 3.4667, 1.7220),
)  # fmt: skip
#: Table 6 (music, 1.8B, 5B domain tokens): domain ratio, domain loss.
USAGE_2 = (
    (0.2, 0.7486), (0.33, 0.7495), (0.5, 0.7448), (0.67, 0.7402), (0.69, 0.7387), (0.71, 0.7391),
    (0.732, 0.7309), (0.75, 0.7339), (0.77, 0.7336), (0.8, 0.7398),
)  # fmt: skip
#: CMR Table 4: size, base domain loss (Table 2 minus the law), and by share the coefficients of
#: a1 T^s1 + a2 T^s2 + b1 (general) and a3 T^s3 + b2 (domain), T in 0.2B tokens. The shares are
#: those on which the published critical ratio rests.
CMR = {
    "460M": (0.46e9, 1.92, 0.2976, {
        1 / 2: (0.12446, 0.57575, -0.12123, 0.57941, 0.00050, 227.06960, -0.00023, -227.23919),
        1 / 3: (0.11761, 0.53594, -0.11471, 0.53971, 0.00002, 97.25206, -0.00050, -97.40981),
        1 / 4: (0.14030, 0.51526, -0.13758, 0.51836, -0.00018, 24.62425, -0.00190, -24.77263),
        1 / 8: (0.13055, 0.48615, -0.12803, 0.48955, -0.00055, 0.71989, -0.08343, -0.81231),
    }),
    "3.1B": (3.1e9, 1.79, 0.4783, {
        1 / 2: (0.06324, 0.52050, -0.06100, 0.52592, 0.01093, 156.20051, -0.00027, -156.50271),
        1 / 3: (0.08406, 0.51263, -0.08187, 0.51724, 0.01056, 128.57034, -0.00031, -128.86546),
        1 / 4: (0.08084, 0.51463, -0.07866, 0.51973, 0.01034, 133.03230, -0.00028, -133.32244),
        1 / 8: (0.09549, 0.49146, -0.09320, 0.49629, 0.01001, 7.55302, -0.00463, -7.82759),
    }),
}  # fmt: skip


@pytest.fixture
def answer(tmp_path, monkeypatch, capsys):
    """Fit a table and ask: rows of (run, n_params, tokens, ratio, eval set, loss) -> document."""
    monkeypatch.chdir(tmp_path)

    def ask(rows, fit_arguments, *arguments):
        header = "run_id,n_params,tokens,domain_ratio,eval_set,loss"
        lines = [",".join(map(str, row)) for row in rows]
        (tmp_path / "runs.csv").write_text("\n".join([header, *lines]) + "\n")
        command(["fit", "runs.csv", *fit_arguments])
        capsys.readouterr()
        command(["recommend", *arguments, "--json"])
        return json.loads(capsys.readouterr().out)

    return ask


def command(arguments):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert not stop.value.code, arguments


def test_usage_1_largest_share_within_three_percent(answer):
    rows = [
        (f"r{r}", 1.8e9, 1e10, r, eval_set, loss)
        for r, general, domain in USAGE_1
        for eval_set, loss in (("general", general), ("domain", domain))
    ]
    document = answer(
        rows,
        [],
        *("--model-size", "1.8B", "--tokens", "10B"),
        *("--max-general-rise", "3%", "--base-general-loss", "2.8602"),
    )
    assert document["domain_ratio"]["estimate"] == pytest.approx(0.924, abs=0.002)
    assert document["general_rise"]["tolerance"] == pytest.approx(2.94601 - 2.8602, abs=1e-4)
    assert document["warnings"][0]["code"] == "assumed-base-loss"


def test_usage_2_scarce_domain_data_and_a_flat_optimum(answer):
    rows = [(f"r{r}", 1.8e9, 5e9 / r, r, "domain", loss) for r, loss in USAGE_2]
    document = answer(
        rows,
        [],
        *("--model-size", "1.8B", "--rule", "limited-domain", "--domain-tokens", "5B"),
    )
    near = document["details"]["near_equal"]
    assert near["low"] <= 0.72
    assert near["high"] >= 0.78
    assert "flat-optimum" in [w["code"] for w in document["warnings"]]
    assert document["target"]["tokens"] == pytest.approx(
        5e9 / document["domain_ratio"]["recommended"]
    )
    assert document["details"]["epochs"] == pytest.approx(1.0)


def test_usage_3_allocation_at_one_to_one(answer):
    a, b, G, beta, data = 0.6252, 0.3748, 4.1282, 0.5, 0.8
    alpha = beta * b / a
    size = G ** (alpha + beta) * beta * data / alpha
    eta, E, C, eps, gamma = 1.2, 0.5, 0.3, 0.1, 0.6

    def loss(N, D, r):
        shift = C / (r + eps) ** gamma
        return E + size / N**alpha + data / 0.5**eta * r**eta / D**beta + shift

    rows = [
        (f"N{N}-r{r}-D{D}", N * 1e9, D * 1e9, r, "domain", repr(loss(N, D, r)))
        for N, D, r in product((0.5, 1.8, 4.0, 7.0), (0.5, 2, 8, 26), (0.1, 0.33, 0.5, 0.67, 1.0))
    ]
    document = answer(rows, [], "--rule", "allocation", "--flops", "5e19", "--ratio", "1:1")
    assert document["target"]["n_params"] == pytest.approx(15.54e9, rel=0.01)
    assert document["target"]["tokens"] == pytest.approx(0.536e9, rel=0.01)
    constants = document["details"]["closed_form"]
    assert constants["a"] == pytest.approx(a, abs=1e-3)
    assert constants["G"] == pytest.approx(G, rel=1e-2)


@pytest.mark.parametrize("size", CMR)
def test_cmr_turning_point(answer, size):
    n_params, base_domain, critical, coefficients = CMR[size]
    base_general = 2.2
    rows = [
        ("base", n_params, 0, "", "domain", base_domain),
        ("base", n_params, 0, "", "general", base_general),
    ]
    for ratio, (a1, s1, a2, s2, b1, a3, s3, b2) in coefficients.items():
        for T in np.geomspace(1, 100, 25).tolist():
            general = base_general + a1 * T**s1 + a2 * T**s2 + b1
            domain = base_domain + a3 * T**s3 + b2
            run = f"R{ratio:.3f}", n_params, T * 0.2e9, repr(ratio)
            rows += [(*run, "general", repr(general)), (*run, "domain", repr(domain))]
    document = answer(
        rows,
        ["--law", "cmr"],
        *("--model-size", size, "--tokens", "20B", "--rule", "turning-point"),
    )
    assert document["domain_ratio"]["estimate"] == pytest.approx(critical, abs=0.01)
    assert document["also"]["tolerance"]["estimate"] is not None
