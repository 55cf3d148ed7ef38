"""What the name of a column says: its role, its corpus or eval set, and its unit."""

import re
from dataclasses import dataclass

from mixlaw.importers.reading.metrics import unit_of

#: Roles beside the columns of the runs table.
LOSS, SHARE, STEP, SAMPLES, IGNORED, UNKNOWN = "loss", "share", "step", "samples", "", "?"


@dataclass(frozen=True)
class Meaning:
    """What a column is.

    Attributes:
        role: a column of the runs table, or LOSS, SHARE, STEP, SAMPLES, IGNORED, UNKNOWN.
        of: the eval set of a loss, the corpus of a share; empty where the name does not say.
        unit: K, M, B, T or % where the name says so; of a loss, perplexity and the like.
    """

    role: str
    of: str = ""
    unit: str = ""


_LOSS = {"loss", "losses", "ce", "xent", "nll", "crossentropy", "logloss", "l", "nats"}
_SHARE = {"ratio", "share", "shares", "frac", "fraction", "prop", "proportion", "weight", "mix",
          "mixture", "mixing", "percent", "percentage", "pct", "p", "w", "r", "portion", "sampling",
          "prob", "probability"}  # fmt: skip
_HELD_OUT = {"val", "valid", "validation", "eval", "evaluation", "test", "held", "out", "heldout",
             "holdout", "dev", "final", "last", "end", "mean", "avg", "average", "lm", "metric",
             "metrics", "token", "on", "set", "the", "of", "per", "in", "cross",
             "entropy"}  # fmt: skip
_SIZE = {"n", "size", "params", "param", "parameters", "parameter", "nparams", "numparams"}
_TOKENS = {"tokens", "token", "tok", "toks", "ntokens", "numtokens"}
_DATA = {"d", "data", "dataset", "budget", "corpus"}
_FILLER = {"model", "total", "num", "number", "no", "count", "of", "train", "training", "trained",
           "seen", "the", "in", "n", "non", "embedding", "emb", "embeddings", "nonembedding",
           "noemb", "cpt", "consumed",
           "pretraining", "size", "for", "used", "processed", "input"}  # fmt: skip
_UNITS = {
    "k": "K", "thousand": "K", "thousands": "K", "m": "M", "mn": "M", "mio": "M", "million": "M",
    "millions": "M", "b": "B", "bn": "B", "billion": "B", "billions": "B", "g": "B", "giga": "B",
    "bil": "B", "mil": "M", "t": "T", "tn": "T", "trillion": "T", "trillions": "T", "pct": "%",
    "percent": "%", "percentage": "%", "gtok": "B", "mtok": "M", "gtokens": "B", "mtokens": "M",
    "btokens": "B", "mparams": "M", "bparams": "B",
}  # fmt: skip
_JOINED = {"gtok": "tokens", "mtok": "tokens", "gtokens": "tokens", "mtokens": "tokens",
           "btokens": "tokens", "mparams": "params", "bparams": "params"}  # fmt: skip
#: Counts that are no model size, and rates that are no share.
_OTHER = {"batch", "vocab", "vocabulary", "context", "hidden", "window", "seq", "sequence", "head",
          "heads", "layer", "layers", "ffn", "width", "depth", "decay", "warmup", "dropout", "gpu",
          "gpus", "time", "runtime", "created", "hours", "flops", "throughput", "sec", "second",
          "norm", "clip", "momentum", "beta", "param_ratio", "gap", "delta", "diff", "std",
          "stderr",
          "se", "baseline", "acc", "accuracy", "kl"}  # fmt: skip
_ROLES = {
    "run_id": {"run id", "run", "runid", "run name", "experiment", "exp", "trial", "id", "name",
               "run_id"},
    "seed": {"seed", "random seed", "rng seed", "data seed", "optimizer seed"},
    "eval_set": {"eval set", "evalset", "eval dataset", "eval data", "eval corpus", "val set",
                 "validation set", "eval", "dataset", "set", "split", "eval name", "test set",
                 "valid set", "evaluation", "evaluation set", "heldout", "held out set", "task"},
    STEP: {"step", "steps", "iter", "iteration", "iterations", "iters", "global step",
           "train step", "training step", "training steps", "num steps", "trainer global step",
           "train global step", "n steps", "optimizer step", "optimizer steps"},
    SAMPLES: {"samples", "consumed samples", "sequences", "num samples"},
    "lr_peak": {"lr", "learning rate", "peak lr", "max lr", "lr peak", "peak learning rate"},
    "batch_tokens": {"batch tokens", "tokens per step", "tokens per batch", "batch size tokens"},
    "base_id": {"base id", "base", "base model", "init", "init from"},
    "n_params_total": {"n params total", "total params", "total parameters", "params total"},
    "n_params_embedding": {"n params embedding", "embedding params", "embedding parameters"},
    "tokenizer": {"tokenizer", "tokeniser"},
    "recipe": {"recipe", "method"},
}  # fmt: skip
_PERCENT_SIGN = re.compile(r"%")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z]\b)")


def words_of(name: str) -> list[str]:
    """The words of a column name: ``modelSize (M)`` has model, size, m."""
    spaced = _CAMEL.sub(" ", _PERCENT_SIGN.sub(" pct ", name))
    return re.findall(r"[a-z0-9]+", spaced.lower())


def meaning_of(name: str) -> Meaning:
    """What the name of a column says of it."""
    words = words_of(name)
    if not words:
        return Meaning(UNKNOWN)
    phrase = " ".join(words)
    if "out of domain" in phrase:
        words = words_of(phrase.replace("out of domain", "ood"))
    for role, names in _ROLES.items():
        if phrase in names:
            return Meaning(role)
    for reading in (_loss, _unique_tokens, _share, _tokens, _size):
        if (found := reading(name, words)) is not None:
            return found
    return Meaning(UNKNOWN)


def _loss(name: str, words: list[str]) -> Meaning | None:
    unit = unit_of(name)
    bits = (
        {"bits", "bpb", "bpc", "bpt", "byte", "char", "ppl", "perplexity", "word"}
        if unit
        else set()
    )
    marked = set(words) & (_LOSS - {"l", "nats"}) or words[0] == "l" or unit
    if not marked or set(words) & (_OTHER - {"sec"}):
        return None
    if "train" in words or "training" in words:
        return Meaning(IGNORED)
    kept = [word for word in words if word not in _LOSS | _HELD_OUT | bits]
    return Meaning(LOSS, "_".join(kept), unit)


def _unique_tokens(name: str, words: list[str]) -> Meaning | None:
    if not {"unique", "distinct"} & set(words) or not _TOKENS & set(words):
        return None
    kept = [w for w in words if w not in _TOKENS | _FILLER | {"unique", "distinct"} | set(_UNITS)]
    return Meaning(f"unique_tokens.{'_'.join(kept)}", unit=_unit(words)) if kept else None


def _share(name: str, words: list[str]) -> Meaning | None:
    if not set(words) & _SHARE or set(words) & (_OTHER | _TOKENS | {"lr", "tpp"}):
        return None
    drop = _SHARE | {"of", "data", "in", "the", "train", "training", "token", "corpus", "pct"}
    kept = [word for word in words if word not in drop]
    return Meaning(SHARE, "_".join(kept), _unit([w for w in words if _UNITS.get(w) == "%"]))


def _tokens(name: str, words: list[str]) -> Meaning | None:
    words = [part for word in words for part in _apart(word)]
    named = set(words) & _TOKENS or words[0] in _DATA
    left = set(words) - _TOKENS - _DATA - _FILLER - set(_UNITS) - {"1e9", "1e6", "10", "9", "6"}
    if not named or set(words) & (_OTHER | {"eval", "doc", "document"}) or left:
        return None
    return Meaning("tokens", unit=_unit(words))


def _size(name: str, words: list[str]) -> Meaning | None:
    words = [part for word in words for part in _apart(word)]
    named = set(words) & _SIZE or words == ["model"]
    left = set(words) - _SIZE - _FILLER - set(_UNITS) - {"1e9", "1e6"}
    if not named or set(words) & _OTHER or left:
        return None
    return Meaning("n_params", unit=_unit(words))


def _apart(word: str) -> list[str]:
    """``gtok`` is the unit and the thing counted."""
    return [word, _JOINED[word]] if word in _JOINED else [word]


def _unit(words: list[str]) -> str:
    """The unit that stands behind the thing counted: ``tokens_B``, ``size (M)``, ``B tokens``."""
    if "1e9" in words:
        return "B"
    if "1e6" in words:
        return "M"
    units = [_UNITS[word] for word in words if word in _UNITS]
    return units[-1] if units else ""
