"""The built-in experiment, and new ones after its pattern: one commented file for both."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from mixlaw.doctor.few_runs import LONGER, SHORT
from mixlaw.errors import ConfigError
from mixlaw.experiment import FILE_NAME, parse_experiment
from mixlaw.files import write_atomic
from mixlaw.quantities import format_quantity, parse_quantity

#: Name of the built-in experiment.
NAME = "quickstart"

#: The line of the target in the pattern, as it is and to be filled in.
_TARGET = "target: {n_params: 8B, tokens: 20B}"
_TARGET_OF = "target: {{n_params: {}, tokens: {}}}"
_COUNTS = ("n_params", "tokens")
#: Names that a new experiment may have.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
#: Paragraphs of the quickstart that an experiment from existing models leaves out, or has from
#: ``existing_models.yaml``.
_NOT_FOR_MODELS = {"tokenizer", "sizes", "executor"}
#: Names of models on the Hugging Face hub: ``name`` or ``organisation/name``.
_HUB_NAME = re.compile(r"([A-Za-z0-9][\w.-]*/)?[A-Za-z0-9][\w.-]*", re.ASCII)


def write_quickstart(experiments: Path) -> Path:
    """Write the quickstart's experiment.yaml unless it is there: a person may have changed it.

    Returns:
        Its folder.
    """
    path = experiments / NAME / FILE_NAME
    if not path.exists():
        write_atomic(path, _pattern())
    return path.parent


def write_experiment(
    experiments: Path,
    name: str,
    *,
    domain: Path,
    general: Path,
    models: Sequence[str] = (),
    target: Mapping[str, float] | None = None,
    small: bool = False,
) -> Path:
    """Write a commented experiment.yaml for two corpora of the user's.

    Args:
        experiments: the folder of all experiments.
        name: of the new one; its folder's name.
        domain: file or folder of the domain's text.
        general: the same for the general text.
        models: existing models to start from, folders or names on the Hugging Face hub; bases are
            trained on the general corpus if there are none.
        target: ``n_params`` and ``tokens`` of the run that a ratio is wanted for.
        small: the smallest sweep that answers, of the first size or model.

    Returns:
        The new file.

    Raises:
        ConfigError: the name is no plain name or taken, or a corpus or model does not exist.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"'{name}' is no name for a folder; use letters, digits, '-' and '_'.")
    path = experiments / name / FILE_NAME
    if path.exists():
        raise ConfigError(f"'{path}' exists; choose another name or edit that file.")
    text = _starting_from([_known_model(model) for model in models]) if models else _pattern()
    if small:
        text = _smallest(text)
    for corpus, source in (("domain", domain), ("general", general)):
        if not (source.is_file() or source.is_dir()):
            raise ConfigError(f"There is no '{source}' for --{corpus}; give a file or a folder.")
        if domain.resolve() == general.resolve():
            raise ConfigError(
                f"'{domain}' is given for both --domain and --general; a mixture needs two corpora."
            )
        text = text.replace(f"{{builtin: {corpus}}}", f"{{path: {_quoted(str(source.resolve()))}}}")
    if target:
        text = text.replace(_TARGET, _TARGET_OF.format(*(_count(target[k]) for k in _COUNTS)))
    parse_experiment(text, source=str(path))
    write_atomic(path, text)
    return path


def _count(value: float) -> str:
    """The shortest spelling that is read as the same count."""
    short = format_quantity(value)
    return short if parse_quantity(short) == value else f"{value:.0f}"


def _starting_from(models: Sequence[str]) -> str:
    """The quickstart with the paragraphs that differ where bases are existing models."""
    replaced = _paragraphs((Path(__file__).parent / "existing_models.yaml").read_text())
    common = {k: v for k, v in _paragraphs(_pattern()).items() if k not in _NOT_FOR_MODELS}
    quoted = [_quoted(model) for model in models]
    values = {
        "MODELS": ", ".join(quoted),
        "FIRST": quoted[0],
        "SEQ_LEN": str(min(map(_seq_len, models))),
    }
    text = "\n\n".join((common | replaced).values()) + "\n"
    return re.sub("|".join(values), lambda match: values[match[0]], text)


#: Mixtures of the smallest sweep: three trunks of one size, each annealed at two budgets, hold its
#: five runs and one more at little cost.
_SMALLEST = """\
# The smallest sweep that answers: three shares at a short budget, and the control and the largest
# share at four times as many tokens. 'mixlaw fit' reads it with what studies say (--prior).
mixtures: [{shares}]"""


def _smallest(text: str) -> str:
    """The experiment with one size, three shares and two budgets."""
    parts = _paragraphs(text)
    parts["mixtures"] = _SMALLEST.format(shares=", ".join(f"{share:g}" for share in SHORT))
    for key in ("sizes", "token_budgets"):
        if key in parts:
            parts[key] = re.sub(r"(?m)^(\w+): \[([^\]]*)\]", _reduced, parts[key])
    parts["seeds"] = re.sub(r"\n  extra: .*", "", parts["seeds"])
    return "\n\n".join(parts.values()) + "\n"


def _reduced(line: re.Match[str]) -> str:
    """A line of sizes with the first alone, or of budgets with the first and its fourfold."""
    key, first = line[1], line[2].split(",")[0].strip()
    if key == "sizes":
        return f"{key}: [{first}]"
    return f"{key}: [{first}, {format_quantity(LONGER * parse_quantity(first))}]"


def _paragraphs(text: str) -> dict[str, str]:
    """The paragraphs of a commented YAML file by their key; "" for the heading."""
    by_key = {}
    for paragraph in text.strip().split("\n\n"):
        key = next((line for line in paragraph.splitlines() if not line.startswith("#")), "")
        by_key[key.split(":")[0]] = paragraph
    return by_key


def _known_model(model: str) -> str:
    """A model's folder as an absolute path, or its name on the hub as it is."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ConfigError(f"'{model}' for --base holds no config.json; give a saved model.")
        return str(folder.resolve())
    if not _HUB_NAME.fullmatch(model):
        raise ConfigError(
            f"There is no folder '{model}' for --base, and that is no name on the Hugging Face "
            "hub; give a folder, or a name such as Qwen/Qwen2.5-0.5B."
        )
    return model


def _seq_len(model: str) -> int:
    """Tokens a sequence for a start: as many as the model reads, up to 4096."""
    config = Path(model) / "config.json"
    try:
        known = json.loads(config.read_text()) if config.is_file() else {}
        return min(4096, int(known.get("max_position_embeddings", 2048)))
    except (ValueError, TypeError, AttributeError) as error:  # no JSON, or of another shape
        raise ConfigError(f"'{config}' cannot be read ({error}); give a saved model.") from error


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _pattern() -> str:
    return (Path(__file__).parent / "quickstart.yaml").read_text()
