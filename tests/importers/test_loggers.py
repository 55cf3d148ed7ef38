"""Details of single formats that the samples do not show."""

import math
from pathlib import Path

import pytest

from mixlaw.errors import DataError
from mixlaw.importers.assembly.api import import_runs
from mixlaw.importers.reading import eval_set_of


@pytest.mark.parametrize(
    ("metric", "eval_set"),
    [
        ("eval_loss", ""),
        ("eval_domain_loss", "domain"),
        ("eval/domain_loss", "domain"),
        ("eval/loss", ""),
        ("lm loss validation", ""),
        ("lm loss validation-web text", "web text"),
        ("lm loss validation-web ppl", None),
        ("lm loss validation-web vs samples", None),
        ("eval/lm/c4_en-validation/CE loss", "c4_en-validation"),
        ("eval/lm/c4_en-validation/PPL", None),
        ("metrics/eval/domain/LanguageCrossEntropy", "domain"),
        ("validation_metrics/loss", ""),
        ("val_loss", ""),
        ("train/loss", None),
        ("loss", None),
        ("lm loss", None),
        ("eval_domain_runtime", None),
        ("eval/paloma/c4/loss", None),
    ],
)
def test_metric_names(metric: str, eval_set: str | None) -> None:
    assert eval_set_of(metric) == eval_set


def test_the_description_can_name_a_metric(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text('"Step","a - eval/paloma/c4/loss"\n1,3.0\n2,2.5\n')
    (tmp_path / "runs.yaml").write_text(
        "runs: {a: {n_params: 1M, tokens_per_step: 10}}\n"
        "eval_sets: {eval/paloma/c4/loss: general}\n"
    )
    result = import_runs("wandb-csv", [tmp_path / "w.csv"], tmp_path / "runs.yaml")
    assert result.frame[["eval_set", "tokens", "loss"]].to_numpy().tolist() == [
        ["general", 10.0, 3.0],
        ["general", 20.0, 2.5],
    ]
    assert any("W&B's own Step" in note for note in result.notes)


def test_a_chart_with_two_runs_of_one_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text('"Step","a - val_loss","a - val_loss"\n1,3.0,2.0\n')
    (tmp_path / "runs.yaml").write_text("runs: {a: {n_params: 1M, tokens_per_step: 10}}\n")
    with pytest.raises(DataError, match="'a - val_loss' twice"):
        import_runs("wandb-csv", [tmp_path / "w.csv"], tmp_path / "runs.yaml")


def test_a_run_name_with_the_separator_in_it(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text(
        '"_step","x - y - eval/a_loss"\n'.replace("_step", "Step") + "1,3.0\n"
    )
    (tmp_path / "runs.yaml").write_text(
        "runs: {r: {name: x - y, n_params: 1M, tokens_per_step: 10}}\n"
    )
    frame = import_runs("wandb-csv", [tmp_path / "w.csv"], tmp_path / "runs.yaml").frame
    assert frame["run_id"].tolist() == ["r"]


def test_a_chart_against_time_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text('"Relative Time (Process)","a - eval/a_loss"\n1,3.0\n')
    (tmp_path / "runs.yaml").write_text("runs: {a: {n_params: 1M, tokens_per_step: 10}}\n")
    with pytest.raises(DataError, match="neither tokens nor steps"):
        import_runs("wandb-csv", [tmp_path / "w.csv"], tmp_path / "runs.yaml")


def test_tensorboard_of_megatron_prefers_samples(tmp_path: Path) -> None:
    """Both kinds of scalar protocol buffer, as the real writer writes them."""
    pytest.importorskip("tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path / "log")) as writer:
        for new_style, step, samples in ((False, 10, 100), (True, 20, 300)):
            for tag, at in (("", step), (" vs samples", samples)):
                writer.add_scalar(
                    f"lm loss validation-domain{tag}", 3 - step / 100, at, new_style=new_style
                )
            writer.add_scalar("lm loss validation-domain ppl", 20.0, step)
    (tmp_path / "runs.yaml").write_text(
        "runs: {a: {log: log, n_params: 1M, sequence_length: 7, tokens_per_step: 1}}\n"
    )
    frame = import_runs("tensorboard", [], tmp_path / "runs.yaml").frame
    assert frame["tokens"].tolist() == [700.0, 2100.0]
    assert frame["loss"].tolist() == pytest.approx([2.9, 2.8], abs=1e-6)


def test_olmo_core_flags_an_evaluation_that_was_not_made_again(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    for step, loss in ((10, 3.0), (20, 3.0), (30, 2.9)):
        (tmp_path / "log" / f"metrics_step{step}.json").write_text(
            f'{{"throughput/total tokens": {step}, "eval/lm/domain/CE loss": {loss}}}'
        )
    (tmp_path / "runs.yaml").write_text("runs: {a: {log: log, n_params: 1M}}\n")
    frame = import_runs("olmo-core", [], tmp_path / "runs.yaml").frame
    assert frame["flag"].tolist() == ["", "stale evaluation", ""]


def test_megatron_counts_samples_between_logged_iterations(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(
        " iteration       10/      20 | consumed samples:       320 | global batch size:    32 |\n"
        " validation loss at iteration 12 | lm loss value: 3.0E+00 | lm loss PPL: 2.0E+01 | \n"
        " validation loss at iteration 12 on validation set | lm loss value: 3.1E+00 | \n"
    )
    (tmp_path / "runs.yaml").write_text(
        "runs: {a: {log: log, n_params: 1M, sequence_length: 10, unnamed_eval_set: domain, "
        "finished: true}}\n"
    )
    result = import_runs("megatron", [], tmp_path / "runs.yaml")
    assert result.frame[["tokens", "loss"]].to_numpy().tolist() == [[12 * 32 * 10, 3.0]]
    assert any("repeated at the end" in note for note in result.notes)


def test_bases_schedule_and_annealing_are_described(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(
        '{"run_id": "a", "tokens": 10, "eval_set": "domain", "loss": 3.0}\n'
        '{"run_id": "a", "tokens": 20, "eval_set": "domain", "loss": 2.9}\n'
    )
    (tmp_path / "runs.yaml").write_text(
        "runs:\n"
        "  a: {n_params: 70M, shares: 30%, base_id: b, annealed: end, tokenizer: gpt2, seed: 1,\n"
        "      schedule: {kind: wsd, peak: 3e-4, final: 0}, unique_tokens: {domain: 1B}}\n"
        "bases: {b: {n_params: 70M, losses: {domain: 3.5}}}\n"
    )
    frame = import_runs("table", [tmp_path / "t.jsonl"], tmp_path / "runs.yaml").frame
    assert frame["annealed"].tolist() == [False, True, False]
    assert frame["loss"].tolist() == [3.0, 2.9, 3.5]
    assert frame["tokens"].tolist() == [10, 20, 0]
    assert frame["schedule"][0] == '{"kind": "wsd", "peak": 0.0003, "final": 0.0}'
    assert frame["lr_peak"][0] == pytest.approx(3e-4)
    assert frame["unique_tokens.domain"][0] == 1e9
    assert math.isnan(frame["share.domain"][2])
