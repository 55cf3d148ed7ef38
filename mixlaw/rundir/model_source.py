"""Where existing models are: a folder, or the local cache of the Hugging Face hub.

Weights come from safetensors files only: nothing is unpickled. torch is imported only for a model
that was not looked into before.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from mixlaw.errors import DataError
from mixlaw.files import write_atomic

WEIGHTS = "*.safetensors"
#: What is fetched from the hub: no pickles, no formats of other frameworks.
_WANTED = (WEIGHTS, "*.json", "*.txt", "*.model", "*.py")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


#: File of a base's folder that says which model it is; no part of what is computed.
NOTE = "model.json"


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

    def note(self, base: Path) -> None:
        """Tell the base of this folder where its model is: it may have moved."""
        facts = {**asdict(self), "folder": str(self.folder)}
        write_atomic(base / NOTE, json.dumps(facts, indent=1) + "\n")

    @classmethod
    def noted(cls, base: Path) -> "Source | None":
        """What ``note`` wrote; None for a base that is trained here."""
        path = base / NOTE
        if not path.is_file():
            return None
        facts = json.loads(path.read_text())
        return cls(**{**facts, "folder": Path(facts["folder"])})


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
        download: whether the hub may be asked for what is not in its local cache.
        weights: whether weights are wanted too; a configuration is enough to count with.
        trust_remote_code: whether code that comes with it may run.
        tokens: pre-training tokens, if they are known.

    Raises:
        DataError: there is no such folder, nor such a model in the cache or (if asked) on the hub.
    """
    folder = Path(name).expanduser()
    if not folder.is_dir():
        folder = _from_hub(name, revision, download, _WANTED if weights else _WANTED[1:])
    if not (folder / "config.json").is_file():
        raise DataError(f"'{folder}' holds no config.json; give the folder of a saved model.")
    return Source(folder.resolve(), name, trust_remote_code, tokens)


def _from_hub(name: str, revision: str, download: bool, wanted: tuple[str, ...]) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        folder = snapshot_download(
            name, revision=revision, allow_patterns=list(wanted), local_files_only=not download
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


def weight_files(folder: Path) -> list[Path]:
    """The files that a model's weights are read from.

    Raises:
        DataError: there are none, or only pickled ones.
    """
    if files := sorted(folder.glob(WEIGHTS)):
        return files
    pickled = [path.name for pattern in _PICKLES for path in folder.glob(pattern)]
    if pickled:
        raise DataError(
            f"'{folder}' holds pickled weights only ({pickled[0]}), which can run code when they "
            "are read; save the model as safetensors (save_pretrained does) and give that folder."
        )
    raise DataError(f"'{folder}' holds no weights; .safetensors files are needed.")
