"""Independent readers: how each trainer understands what an emitter wrote.

Every reader follows the trainer's documented grammar, shares no code with the emitters, and
returns the training mixture as {path: weight}. A new emitter needs one reader here, of its name.
"""

import argparse
import ast
import json
import shlex
from collections.abc import Callable
from typing import Any

import yaml

Weights = dict[str, float]


def _megatron_blend(words: list[str]) -> Weights:
    """get_blend_from_list of megatron/core/datasets/utils.py: weight and prefix in turn."""
    assert len(words) % 2 == 0, "a list of odd length is read as prefixes"
    weights, prefixes = words[::2], words[1::2]
    assert all(float(weight) > 0 for weight in weights)
    return dict(zip(prefixes, map(float, weights), strict=True))


def _flags(text: str, *names: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name in names:
        parser.add_argument(name, nargs="+")
    return parser.parse_args(shlex.split(text, comments=True))


def _calls(text: str, function: str) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == function
    ]


def _keyword(call: ast.Call, name: str) -> Any:
    (value,) = [keyword.value for keyword in call.keywords if keyword.arg == name]
    return value


def _assigned(text: str, target: str) -> Any:
    (value,) = [
        node.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == target
    ]
    return ast.literal_eval(value)


def megatron(text: str) -> Weights:
    flags = _flags(text, "--data-path", "--split")
    assert len(flags.split[0].split(",")) == 3
    return _megatron_blend(flags.data_path)


def megatron_args_file(text: str) -> Weights:
    return _megatron_blend(text.split())


def megatron_per_split(text: str) -> Weights:
    splits = json.loads(text)
    assert list(splits) == ["train", "valid", "test"]
    for prefix in splits["valid"]:
        try:
            float(prefix)
        except ValueError:
            continue
        raise AssertionError("several validation sets must carry no weights")
    return _megatron_blend(splits["train"])


def megatron_bridge(text: str) -> Weights:
    paths, weights = _assigned(text, "cfg.dataset.blend")
    return dict(zip(paths, weights, strict=True))


def nemo2(text: str) -> Weights:
    (call,) = _calls(text, "PreTrainingDataModule")
    paths = ast.literal_eval(_keyword(call, "paths"))
    assert set(paths) == {"train", "validation", "test"}
    return _megatron_blend(paths["train"])


def nemo_automodel(text: str) -> Weights:
    dataset = yaml.safe_load(text)["dataset"]
    assert dataset["_target_"].endswith(".MegatronPretraining")
    return _megatron_blend(dataset["paths"])


def gpt_neox(text: str) -> Weights:
    config = yaml.safe_load(text)
    for split in ("train", "valid", "test"):
        assert len(config[f"{split}_data_paths"]) == len(config[f"{split}_data_weights"])
    assert len(config["valid_data_names"]) == len(config["valid_data_paths"])
    assert config["eval_loss_logging"] in {"blended", "separate", "blended_and_separate"}
    return dict(zip(config["train_data_paths"], config["train_data_weights"], strict=True))


def nanotron(text: str) -> Weights:
    (stage,) = yaml.safe_load(text)["data_stages"]
    dataset = stage["data"]["dataset"]
    return dict(zip(dataset["dataset_folder"], dataset["dataset_weights"], strict=True))


def olmo_core(text: str) -> Weights:
    sources = yaml.safe_load(text)["sources"]
    assert abs(sum(source["target_ratio"] for source in sources) - 1) < 1e-5  # np.allclose
    for source in sources:
        assert 0 < source["target_ratio"] <= 1
        assert source.get("max_repetition_ratio", 1) >= 1
    return {source["paths"][0]: source["target_ratio"] for source in sources}


def llm_foundry(text: str) -> Weights:
    streams = yaml.safe_load(text)["train_loader"]["dataset"]["streams"]
    assert all(not {"repeat", "choose"} & set(stream) for stream in streams.values())
    return {stream["local"]: stream["proportion"] for stream in streams.values()}


def litgpt(text: str) -> Weights:
    (call,) = _calls(text, "CombinedStreamingDataset")
    weights = ast.literal_eval(_keyword(call, "weights"))
    return dict(zip(_assigned(text, "paths"), weights, strict=True))


def torchtitan(text: str) -> Weights:
    children = {}
    for call in _calls(text, "WeightedDataset"):
        packed = _keyword(call, "dataset")
        assert packed.func.id == "packed", "a child that is not packed first counts documents"
        children[ast.literal_eval(packed.args[0])] = ast.literal_eval(_keyword(call, "weight"))
    return children


def hf_datasets(text: str) -> Weights:
    train, probabilities = _assigned(text, "TRAIN"), _assigned(text, "PROBABILITIES")
    assert abs(sum(probabilities.values()) - 1) < 1e-8  # numpy.random.Generator.choice
    return {path: probabilities[corpus] for corpus, path in train.items()}


def llama_factory(text: str) -> Weights:
    config = yaml.safe_load(text)
    assert config["mix_strategy"] in {"interleave_under", "interleave_over", "interleave_once"}
    names = [name.strip() for name in config["dataset"].split(",")]
    held_out = [name.strip() for name in config["eval_dataset"].split(",")]
    weights = [float(weight) for weight in config["interleave_probs"].split(",")]
    assert len(held_out) == len(weights)
    return dict(zip(names, weights, strict=True))


def ms_swift(text: str) -> Weights:
    flags = _flags(text, "--dataset", "--interleave_prob", "--stopping_strategy", "--val_dataset")
    return dict(zip(flags.dataset, map(float, flags.interleave_prob), strict=True))


def axolotl(text: str) -> Weights:
    datasets = yaml.safe_load(text)["datasets"]
    assert all(0 < dataset["weight"] <= 1 for dataset in datasets)
    return {dataset["path"]: dataset["weight"] for dataset in datasets}


def reader(name: str) -> Callable[[str], Weights]:
    """The reader of an emitter; a KeyError says which function to add to this file."""
    grammar: Callable[[str], Weights] = globals()[name.replace("-", "_")]
    return grammar
