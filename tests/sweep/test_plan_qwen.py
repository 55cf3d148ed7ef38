"""docs/plan-qwen.md: its experiment is planned again, and every figure in it is this plan's."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from real_models import save_tokenizer

from mixlaw.cli import main
from mixlaw.sweep.dry_run import describe_sweep
from mixlaw.train.interrupts import SAVING_SHARE

PAGE = (Path(__file__).parents[2] / "docs" / "plan-qwen.md").read_text()
YAML = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)[0]
#: Width, MLP width, layers and heads of the published configurations; the rest they share.
QWEN = {
    "0.5B": (896, 4864, 24, 14),
    "1.5B": (1536, 8960, 28, 12),
    "3B": (2048, 11008, 36, 16),
}


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's experiment, and a cache of the hub with the configurations alone."""
    cache = tmp_path / "hub"
    for size, (width, mlp_width, n_layers, n_heads) in QWEN.items():
        repository = cache / f"models--Qwen--Qwen2.5-{size}"
        folder = repository / "snapshots" / "0"
        folder.mkdir(parents=True)
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text("0")
        config = {
            "model_type": "qwen2",
            "architectures": ["Qwen2ForCausalLM"],
            "hidden_size": width,
            "intermediate_size": mlp_width,
            "num_hidden_layers": n_layers,
            "num_attention_heads": n_heads,
            "num_key_value_heads": 2,
            "vocab_size": 151_936,
            "max_position_embeddings": 32_768,
            "tie_word_embeddings": True,
        }
        (folder / "config.json").write_text(json.dumps(config))
        save_tokenizer(folder)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    folder = tmp_path / "experiments" / "qwen"
    folder.mkdir(parents=True)
    (folder / "experiment.yaml").write_text(YAML)
    return folder


def test_the_table_of_the_page_is_what_the_dry_run_prints(
    experiment: Path, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as end:
        main(["sweep", str(experiment), "--dry-run"])
    assert end.value.code == 0
    printed = capsys.readouterr().out.strip()
    assert printed in PAGE


def test_the_models_have_the_published_sizes(experiment: Path):
    runs = describe_sweep(experiment)["runs"]
    assert [f"{run['n_params'] / 1e9:.2f}B" for run in runs[:3]] == ["0.36B", "1.31B", "2.77B"]


def test_the_figures_in_the_text_are_those_of_the_plan(experiment: Path):
    plan = describe_sweep(experiment)
    short = change(experiment, "[2.5B, 5B, 10B, 20B]", "[0.625B, 1.25B, 2.5B, 5B]")
    slow = change(experiment, "3.5e14", "2e14")
    largest = 3_085_938_688  # 3.09B in its card
    figures = {
        "keep the 64 GPUs busy for {:.1f} h": plan["seconds"] / 3600,
        "the same plan is {:,.0f} GPU hours": slow["gpu_hours"],
        "cost {:,.0f} GPU hours": short["gpu_hours"],
        "{:.1f} GB stay": plan["disk"] / 1e9,
        "Up to {:.1f} GB of checkpoints": plan["disk_running"] / 1e9,
        "float32, {:.1f} GB for the 3B model": 12 * largest / 1e9,
        "{:.1f}B tokens each": plan["disk"] / 8e9,
        "{:.1f} GB for the 3B model, ": 16 * largest / 1e9,
        "{:.1f} GB on\n": 16 * largest / 8e9,
        "another {:.1f} GB": 12 * 2 * 4096 * 151_936 / 1e9,
        "{:.1f}B tokens would be": plan["disk"] / 4e9,
        "would be {:.0f} CPU hours": plan["disk"] / 4 / 2.1e6 / 3600,
        "take {:.0f} s at 0.5 GB/s": 12 * largest / 0.5e9,
        "every {:.0f} minutes at that speed": 12 * largest / 0.5e9 / SAVING_SHARE / 60,
        "A 3B run takes {:.1f} h": max(run["seconds"] for run in plan["runs"]) / 3600,
        "within a factor of {:.1f}": plan["runs"][2]["n_params"] / plan["runs"][0]["n_params"],
        "the target is {:.1f} times": 6.5e9 / plan["runs"][2]["n_params"],
    }
    assert [
        text.format(value) for text, value in figures.items() if text.format(value) not in PAGE
    ] == []


def change(experiment: Path, before: str, after: str) -> dict[str, Any]:
    """The plan with one value changed."""
    path = experiment / "experiment.yaml"
    assert before in YAML
    path.write_text(YAML.replace(before, after))
    plan = describe_sweep(experiment)
    path.write_text(YAML)
    return plan
