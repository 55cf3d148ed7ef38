"""Existing models as bases: three families, made tiny and saved as their makers save them."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from real_models import FAMILIES, planned, save_model, save_tokenizer, write_experiment
from safetensors.torch import load_file, save_file
from tiny_sweep import StopAfter, folders
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, BertConfig, BertLMHeadModel

from mixlaw.cli import main
from mixlaw.corpora.prepare import load_corpora
from mixlaw.corpora.tokenizer import load_encoder
from mixlaw.errors import DataError
from mixlaw.experiment import load_experiment
from mixlaw.rundir.folder import RunFolder
from mixlaw.rundir.model_source import KnownModels, find_model
from mixlaw.rundir.records import Record
from mixlaw.rundir.spec import RunSpec
from mixlaw.runs.table import read_runs
from mixlaw.sweep.cost import token_flops
from mixlaw.sweep.models import resolve_models
from mixlaw.sweep.worker import work
from mixlaw.train.interrupts import Watch
from mixlaw.train.model import step_flops
from mixlaw.train.pretrained import describe_model, load_model, shape_of


def trained(folder: Path) -> list[RunFolder]:
    """Base, control and domain run of an experiment, after all were trained in this process."""
    found = folders(folder, planned(folder))
    assert work([run.path for run in found], Watch()) == 0
    return found


def losses(run: RunFolder) -> dict[tuple[int, str, bool], float]:
    return {(r.tokens, r.eval_set, r.annealed): r.loss or np.nan for r in run.records()}


def last(run: RunFolder, eval_set: str) -> Record:
    return [record for record in run.records() if record.eval_set == eval_set][-1]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_trained_from_where_it_is(tmp_path: Path, family: str):
    experiment = write_experiment(tmp_path, family=family, dtype="float32")
    base, _, domain = trained(experiment)
    spec = domain.spec()
    assert isinstance(spec, RunSpec)

    model = AutoModelForCausalLM.from_pretrained(experiment / "model")
    names = {"lm_head", "embed_out", "embed_tokens", "embed_in"}
    counted = {
        name: weight.numel()
        for name, weight in model.named_parameters()
        if not names & {*name.split(".")}
    }
    assert spec.shape.n_params == sum(counted.values())
    assert spec.shape.n_params_total == sum(weight.numel() for weight in model.parameters())

    for record in base.records():
        windows = torch.from_numpy(
            load_corpora(experiment / "corpora").held_out[record.eval_set].windows
        )
        with torch.inference_mode():
            logits = model(input_ids=windows[:, :-1]).logits
        expected = cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten()).item()
        assert record.tokens == record.flops == 0
        assert record.loss == pytest.approx(expected, abs=1e-5)
    before, after = base.records()[0].loss, last(domain, "domain").loss
    assert before is not None
    assert after is not None
    assert after < before - 0.2


def test_ways_to_compute_agree(tmp_path: Path):
    """Accumulated gradients and checkpointing change the last bits, bfloat16 a little more."""
    ways = {"plain": "", "parts": ", micro_batch: 1, gradient_checkpointing: true",
            "bf16": ", precision: bfloat16"}  # fmt: skip
    runs = {}
    for name, training in ways.items():
        base, _, domain = trained(write_experiment(tmp_path / name, training, tied=True))
        runs[name] = losses(base) | losses(domain)
    plain, parts, bf16 = runs.values()
    assert plain.keys() == parts.keys() == bf16.keys()
    assert [*parts.values()] == pytest.approx([*plain.values()], abs=1e-4)
    assert [*bf16.values()] == pytest.approx([*plain.values()], abs=0.02)
    assert [*bf16.values()] != pytest.approx([*plain.values()], abs=1e-5)


def test_a_stopped_run_of_a_tied_model_goes_on_bit_for_bit(tmp_path: Path):
    through = trained(write_experiment(tmp_path / "through", tied=True))
    experiment = write_experiment(tmp_path / "stopped", tied=True)
    found = folders(experiment, planned(experiment))
    for steps in (9, 14):
        assert work([run.path for run in found], StopAfter(steps)) == 75
    checkpoints = [*experiment.glob("runs/*/*.checkpoint.safetensors")]
    assert checkpoints
    saved = load_file(checkpoints[0])
    assert "model.model.embed_tokens.weight" in saved
    assert "model.lm_head.weight" not in saved
    assert work([run.path for run in found], Watch()) == 0
    assert [losses(run) for run in found] == [losses(run) for run in through]


def test_the_count_of_flops_is_that_of_the_plan(tmp_path: Path):
    experiment = write_experiment(tmp_path)
    spec = planned(experiment).runs[0]
    model = load_model(find_model(str(experiment / "model")))
    expected = spec.data.step_tokens * token_flops(spec.shape, spec.data.seq_len)
    assert step_flops(spec, model) == pytest.approx(expected, rel=0.01)


def test_a_model_that_moved_is_the_same_and_one_that_changed_is_another(tmp_path: Path):
    experiment = write_experiment(tmp_path)
    before = planned(experiment)
    (experiment / "model").rename(experiment / "moved")
    text = (experiment / "experiment.yaml").read_text()
    (experiment / "experiment.yaml").write_text(text.replace("model: model", "model: moved"))
    assert planned(experiment) == before
    weights = experiment / "moved" / "model.safetensors"
    tensors = load_file(weights)
    tensors["lm_head.weight"][0, 0] += 1
    save_file(tensors, weights, metadata={"format": "pt"})
    assert not {s.run_id for s in planned(experiment).specs} & {s.run_id for s in before.specs}


def test_a_base_that_changed_under_a_sweep_is_not_measured(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    experiment = write_experiment(tmp_path)
    base = folders(experiment, planned(experiment))[0]
    save_model(experiment / "model", width=48)
    assert work([base.path], Watch()) == 1
    assert "is no longer the model" in caplog.text


class Mine:
    """A model with Python code of its own: a Llama under another name."""

    MODELING = """
from transformers import LlamaConfig, LlamaForCausalLM
class MineConfig(LlamaConfig):
    model_type = "mine"
class MineForCausalLM(LlamaForCausalLM):
    config_class = MineConfig
"""

    @classmethod
    def write(cls, folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        config["model_type"], config["architectures"] = "mine", ["MineForCausalLM"]
        config["auto_map"] = {
            "AutoConfig": "modeling_mine.MineConfig",
            "AutoModelForCausalLM": "modeling_mine.MineForCausalLM",
        }
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "modeling_mine.py").write_text(cls.MODELING)


def test_code_that_comes_with_a_model_runs_only_if_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "m"))
    folder = save_model(tmp_path / "model")
    plain = describe_model(find_model(str(folder)))
    Mine.write(folder)
    with pytest.raises(DataError, match="Python code of its own .* base.trust_remote_code: true"):
        describe_model(find_model(str(folder)))
    trusted = find_model(str(folder), trust_remote_code=True)
    assert describe_model(trusted).n_params == plain.n_params
    assert type(load_model(trusted)).__name__ == "MineForCausalLM"


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"never read")


def weightless(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def cut_off(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def incomplete(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.norm.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def encoder(folder: Path) -> None:
    """Saved as a masked language model: it sees what follows."""
    config = BertConfig(vocab_size=320, hidden_size=32, num_hidden_layers=2, num_attention_heads=4)
    BertLMHeadModel(config).save_pretrained(folder)


def no_language_model(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "t5"}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (pickled, "holds pickled weights only (pytorch_model.bin)"),
        (weightless, "holds no weights"),
        (cut_off, "cannot be loaded as a causal language model (SafetensorError"),
        (incomplete, "incomplete: 1 of its tensors"),
        (encoder, "no causal language model: what it predicts"),
        (no_language_model, "cannot be loaded as a causal language model (ValueError"),
    ],
)
def test_weights_that_cannot_be_used_are_a_sentence(tmp_path: Path, damage: Any, message: str):
    folder = save_model(tmp_path / "model")
    damage(folder)
    with pytest.raises(DataError) as error:
        load_model(find_model(str(folder)))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("maker/absent", "no such model in the local cache of the Hugging Face hub; give a folder"),
        ("no/such/folder", "no name on the Hugging Face hub either"),
        (".", "holds no config.json"),
    ],
)
def test_a_model_that_is_not_here_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=message):
        find_model(name)


def test_a_name_is_found_in_the_cache_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--maker--tiny"
    saved = save_model(repository / "snapshots" / "0123abc")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123abc")
    assert find_model("maker/tiny").folder == saved
    assert load_model(find_model("maker/tiny")).config.model_type == "llama"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vocab_size": 200}, "ids up to .* and its embedding 200 rows"),
        ({"other": 270}, "has another tokenizer than"),
        ({"twin": True}, "every size stands once"),
        ({"training": ", seq_len: 128"}, "training.seq_len is 128, and .* at most 64"),
    ],
)
def test_models_that_do_not_go_together_are_refused(
    tmp_path: Path, change: dict[str, Any], message: str
):
    experiment = write_experiment(tmp_path, vocab_size=change.get("vocab_size", 320))
    text = (experiment / "experiment.yaml").read_text()
    if "other" in change or "twin" in change:
        save_model(tmp_path / "second", width=32 if "twin" in change else 48)
        save_tokenizer(tmp_path / "second", change.get("other", 300))
        text = text.replace("model: model", "models: [model, second]")
    text = text.replace("seq_len: 16", "seq_len: 128" if "training" in change else "seq_len: 16")
    (experiment / "experiment.yaml").write_text(
        text.replace("batch_tokens: 64", "batch_tokens: 128")
    )
    with pytest.raises(DataError, match=message):
        resolve_models(experiment, load_experiment(experiment))


def test_what_is_known_of_a_model_is_read_again_when_its_files_change(tmp_path: Path):
    folder, known = save_model(tmp_path / "model"), KnownModels(tmp_path / "models.json")
    first = shape_of(find_model(str(folder)), known)
    assert shape_of(find_model(str(folder)), known) == first
    save_model(folder, width=48)
    assert shape_of(find_model(str(folder)), known).width == 48


def test_the_fingerprint_of_a_model_follows_its_content_not_its_times(tmp_path: Path):
    source, known = find_model(str(save_model(tmp_path / "model"))), KnownModels(tmp_path / "known")
    first = known.fingerprint(source)
    known.add(source, describe_model(source, first))
    os.utime(source.folder / "config.json", (0, 0))
    assert known.shape(source) is None  # counted again, since a file may have changed
    assert known.fingerprint(source) == first
    save_model(source.folder, width=48)
    assert known.fingerprint(source) != first


def call(*arguments: str) -> int:
    try:
        main([*arguments])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_a_sweep_from_a_model_and_an_evaluation_of_it_agree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    # The sweep's worker was dealt no GPU; the evaluation has its bits on the same device only.
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    experiment = write_experiment(tmp_path, ", precision: bfloat16, micro_batch: 2")
    text = (experiment / "experiment.yaml").read_text()
    (experiment / "experiment.yaml").write_text(
        text.replace("{model: model}", "{model: model, tokens: 18T}")
    )
    assert call("sweep", str(experiment)) == 0
    runs = read_runs(experiment / "runs.csv")
    base = runs[runs["tokens"] == 0]
    assert len(base) == 2
    assert base["share.domain"].isna().all()
    assert set(base["base_tokens"]) == {18e12}
    assert set(runs["base_id"]) == set(base["base_id"])
    capsys.readouterr()

    model = str(experiment / "model")
    assert call("eval", model, "--experiment", str(experiment), "--json") == 0
    document = json.loads(capsys.readouterr().out)
    measured = {name: entry["loss"] for name, entry in document["losses"].items()}
    assert measured == dict(zip(base["eval_set"], base["loss"], strict=True))
    assert document["same_tokenizer"]
    rows = read_runs(experiment / "evals.csv")
    assert set(rows["base_id"]) == set(base["base_id"])
    assert set(rows["tokens"]) == {0}

    own = tmp_path / "own.csv"  # a table that does not say what is annealed
    own.write_text(
        "run_id,n_params,tokens,domain_ratio,eval_set,loss\nmine,1e6,1e8,0.5,general,3\n"
    )
    assert call("eval", model, "--experiment", str(experiment), "--table", str(own)) == 0
    assert sorted(read_runs(own)["tokens"]) == [0, 0, 1e8]


def test_a_model_of_another_tokenizer_is_measured_in_bits_per_byte(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    experiment = write_experiment(tmp_path / "here")
    planned(experiment)
    other = save_model(tmp_path / "other", "gpt_neox", vocab=270)
    for _ in range(2):  # again: its rows are replaced
        assert call("eval", str(other), "--experiment", str(experiment)) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("eval set")
    assert "compare it in bits per byte" in printed.err
    assert "bpb --base-tokenizer" in printed.err
    assert len(read_runs(experiment / "evals.csv")) == 2
    assert call("eval", "no/such/model", "--experiment", str(experiment)) == 2
    assert "no name on the Hugging Face hub" in capsys.readouterr().err


def test_corpora_are_looked_at_with_the_tokenizer_of_the_models(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    experiment = write_experiment(tmp_path)
    assert call("data", "show", str(experiment), "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    encoder = load_encoder(experiment / "model")
    text = json.loads((experiment / "text" / "domain.jsonl").read_text().splitlines()[0])["text"]
    (ids,) = encoder.encode_texts([text])
    per_token = len(text) / (len(ids) - 1)
    assert shown["corpora"][0]["train"]["bytes_per_token"] == pytest.approx(per_token, rel=0.05)
