"""Existing models on disk: where they are, which files make them up, and their identity.

A model is a folder, or lies in the local cache of the Hugging Face hub. Weights come from
safetensors files only: nothing is unpickled. Counting its parameters needs torch and is done in
``mixlaw.train.pretrained``; what was counted is kept here, in ``KnownModels``.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mixlaw.corpora.tokens import checksum, combined_hash
from mixlaw.errors import DataError
from mixlaw.files import write_atomic
from mixlaw.rundir.shape import ExistingShape

#: Names of files with weights that are read, and of those that are refused since reading a pickle
#: can run code.
_WEIGHTS = "*.safetensors"
_PICKLED_WEIGHTS = ("*.bin", "*.pt", "*.pth", "*.ckpt")
#: What is fetched from the hub beside weights: configuration, tokenizer, code; no formats of other
#: frameworks.
_WITHOUT_WEIGHTS = ("*.json", "*.txt", "*.model", "*.py")
#: File of a base's folder that says where its model is; no part of what is computed.
_MODEL_FILE = "model.json"


@dataclass(frozen=True)
class Source:
    """Where a model is.

    Attributes:
        folder: with its config.json, weights and tokenizer.
        name: what the experiment calls it.
        trust_remote_code: whether Python code in that folder may run.
        tokens: pre-training tokens, if they are known.
    """

    folder: Path
    name: str
    trust_remote_code: bool = False
    tokens: int | None = None

    def save(self, base: Path) -> None:
        """Write ``model.json`` of a base's folder, again at every sweep: a model may have moved."""
        facts = {**asdict(self), "folder": str(self.folder)}
        write_atomic(base / _MODEL_FILE, json.dumps(facts, indent=1) + "\n")

    @classmethod
    def load(cls, base: Path) -> "Source | None":
        """What ``save`` wrote; None for a base that is trained here."""
        path = base / _MODEL_FILE
        if not path.is_file():
            return None
        facts = json.loads(path.read_text())
        return cls(**{**facts, "folder": Path(facts["folder"])})


class KnownModels:
    """Shapes of models that were counted before, in one JSON file of an experiment.

    To hash gigabytes of weights takes seconds, and so does counting. So the shape of a model, its
    fingerprint included, is kept by the model's folder, and is valid as long as the names, sizes
    and times of the model's files are the same.

    Args:
        path: the file; made by the first ``add``.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def of(cls, experiment: Path) -> "KnownModels":
        """Those of an experiment's folder."""
        return cls(experiment / "bases" / "models.json")

    def shape(self, source: Source) -> ExistingShape | None:
        """The shape of a model as it was counted; None if it was not, or has changed since."""
        entry = self._entries().get(str(source.folder), {})
        if not has_weights(source.folder) or entry.get("state") != _state(source):
            return None
        return ExistingShape(**entry["shape"])

    def fingerprint(self, source: Source) -> str:
        """As ``model_fingerprint``, without reading the files of a model that is known."""
        known = self.shape(source)
        return model_fingerprint(source) if known is None else known.fingerprint

    def add(self, source: Source, shape: ExistingShape) -> None:
        """Keep the shape of a model as its files are now."""
        entry = {"state": _state(source), "shape": shape.model_dump()}
        entries = self._entries() | {str(source.folder): entry}
        write_atomic(self._path, json.dumps(entries, indent=1) + "\n")

    def _entries(self) -> dict[str, Any]:
        return json.loads(self._path.read_text()) if self._path.is_file() else {}


def find_model(
    name: str,
    *,
    revision: str = "main",
    download: bool = False,
    weights: bool = True,
    trust_remote_code: bool = False,
    tokens: int | None = None,
) -> Source:
    """The folder of a model: a path, or a name on the Hugging Face hub.

    Args:
        name: an existing folder, or ``organisation/name``.
        revision: branch, tag or commit on the hub.
        download: whether what is not in the local cache may be fetched from the hub.
        weights: whether weights are wanted too; a configuration is enough to count with.
        trust_remote_code: whether code that comes with it may run.
        tokens: pre-training tokens, if they are known.

    Raises:
        DataError: there is no such folder, nor such a model in the cache or (with ``download``) on
            the hub.
    """
    folder = Path(name).expanduser()
    if not folder.is_dir():
        folder = _from_hub(name, revision, download, weights)
    if not (folder / "config.json").is_file():
        raise DataError(f"'{folder}' holds no config.json; give the folder of a saved model.")
    return Source(folder.resolve(), name, trust_remote_code, tokens)


def weight_files(folder: Path) -> list[Path]:
    """The files that a model's weights are read from.

    Raises:
        DataError: there are none, or only pickled ones.
    """
    if files := sorted(folder.glob(_WEIGHTS)):
        return files
    if pickled := _pickled_weights(folder):
        raise DataError(
            f"'{folder}' holds pickled weights only ({pickled[0].name}), which can run "
            "code when they are read; save the model as safetensors (save_pretrained does) and "
            "give that folder."
        )
    raise DataError(f"'{folder}' holds no weights; .safetensors files are needed.")


def has_weights(folder: Path) -> bool:
    """Whether a model's folder holds weights in any format, those that are refused included."""
    return next(folder.glob(_WEIGHTS), None) is not None or bool(_pickled_weights(folder))


def model_fingerprint(source: Source) -> str:
    """Identity of a model: a hash of its configuration, weights and, where it may run, code.

    Raises:
        DataError: as ``weight_files``.
    """
    return combined_hash([f"{file.name} {checksum(file)}" for file in _files(source)])


def _from_hub(name: str, revision: str, download: bool, weights: bool) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    patterns = [*_WITHOUT_WEIGHTS, *([_WEIGHTS] if weights else [])]
    try:
        folder = snapshot_download(
            name, revision=revision, allow_patterns=patterns, local_files_only=not download
        )
    except HFValidationError:
        raise DataError(
            f"There is no folder '{name}', and that is no name on the Hugging Face hub either; "
            "give a folder with a config.json, or a name such as Qwen/Qwen2.5-0.5B."
        ) from None
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DataError(
            f"The model '{name}' (revision {revision}) could not be fetched: {reason}"
            if download
            else f"There is no folder '{name}' and no such model in the local cache of the Hugging "
            "Face hub; give a folder, or allow the download (base.download: true, --download)."
        ) from None
    return Path(folder)


def _pickled_weights(folder: Path) -> list[Path]:
    return [path for pattern in _PICKLED_WEIGHTS for path in folder.glob(pattern)]


def _files(source: Source) -> list[Path]:
    """The files that decide what a model computes."""
    code = sorted(source.folder.glob("*.py")) if source.trust_remote_code else []
    return [source.folder / "config.json", *weight_files(source.folder), *code]


def _state(source: Source) -> str:
    """Hash of the names, sizes and times of a model's files."""
    stats = [(f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in _files(source)]
    return combined_hash([repr(stats)])
