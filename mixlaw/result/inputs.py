"""Inputs of laws: how each follows from the columns of a runs table, once, to fit and to predict.

A further input of laws is one more entry of ``INPUTS``: a function of the settings of n rows that
returns the input, or None where the columns it follows from are absent.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from mixlaw.laws import Array
from mixlaw.roles import Side

#: Column of the loss of the base before CPT; no runs table has it, its rows at tokens = 0 do.
BASE_LOSS = "base_loss"
#: Columns that say how a run was trained beyond its size, tokens and mixture, on which laws may
#: depend; of the first there is one for every corpus.
UNIQUE_TOKENS, BASE_TOKENS, LR_RATIO = "unique_tokens.", "base_tokens", "lr_ratio"


@dataclass(frozen=True)
class MixtureRoles:
    """What the corpora of a mixture are to the loss of one eval set.

    Attributes:
        corpora: the corpora, in the order of ``h``.
        domain: those whose shares add up to the domain share.
        own: the corpus that the eval set was held out from, None where it has none.
        side: whether the eval set is the domain loss, (a part of) the general loss, or neither.
    """

    corpora: Sequence[str] = ()
    domain: Sequence[str] = ()
    own: str | None = None
    side: Side = ""


@dataclass(frozen=True)
class RowSettings:
    """Settings of n rows, from which the inputs of laws follow.

    Attributes:
        columns: by the names of the runs table (``n_params``, ``tokens``, ``share.<corpus>``,
            ``unique_tokens.<corpus>``, ``base_tokens``, ``lr_ratio``, and ``base_loss``), plain
            counts and fractions, each of shape (n,); ``base_loss`` may have one row for every draw.
        roles: what the corpora of the mixture are to the eval set.
    """

    columns: Mapping[str, Array]
    roles: MixtureRoles

    @classmethod
    def of(cls, columns: Mapping[str, ArrayLike], roles: MixtureRoles) -> "RowSettings":
        """Settings given as numbers or arrays that broadcast to a common (n,)."""
        arrays = (np.atleast_1d(np.asarray(values, dtype=float)) for values in columns.values())
        return cls(dict(zip(columns, np.broadcast_arrays(*arrays), strict=True)), roles)

    def with_base_loss(self, loss: Array) -> "RowSettings":
        """The same with the loss of the base, of shape (n,) or one row for every draw."""
        return replace(self, columns={**self.columns, BASE_LOSS: loss})

    def share(self, corpus: str) -> Array:
        """Share of a corpus, shape (n,)."""
        return self.columns[f"share.{corpus}"]


def law_inputs(settings: RowSettings) -> dict[str, Array]:
    """Every input of laws that these settings have, by name; shapes as in ``mixlaw.laws``."""
    values = {name: of(settings) for name, of in INPUTS.items()}
    return {name: value for name, value in values.items() if value is not None}


def training_columns(corpora: Sequence[str]) -> tuple[str, ...]:
    """Columns of how a run was trained, on which laws of these corpora may depend."""
    return (*(f"{UNIQUE_TOKENS}{corpus}" for corpus in corpora), BASE_TOKENS, LR_RATIO)


def _column(name: str) -> Callable[[RowSettings], Array | None]:
    return lambda settings: settings.columns.get(name)


def _known(name: str) -> Callable[[RowSettings], Array | None]:
    """A column of positive numbers that every row has; a law of it could not take the others."""

    def known(settings: RowSettings) -> Array | None:
        values = settings.columns.get(name)
        right = values is not None and bool(np.all(np.isfinite(values) & (values > 0)))
        return values if right else None

    return known


def _shares(settings: RowSettings) -> Array | None:
    """h: shares of all corpora, shape (n_corpora, n)."""
    corpora = settings.roles.corpora
    return np.stack([settings.share(corpus) for corpus in corpora]) if corpora else None


def _domain_share(settings: RowSettings) -> Array | None:
    """R: share of domain data, whatever loss is predicted."""
    domain = settings.roles.domain
    if not domain:
        return None
    return np.asarray(np.sum([settings.share(corpus) for corpus in domain], axis=0))


def _own_share(settings: RowSettings) -> Array | None:
    """r: share of the corpus whose loss is predicted.

    It is that of the eval set's own corpus where it has one; otherwise the domain loss has the
    domain share, and the general loss, like each of its parts, one minus it.
    """
    roles = settings.roles
    if roles.own is not None:
        return settings.share(roles.own)
    domain = _domain_share(settings)
    if domain is None or not roles.side:
        return None
    return domain if roles.side == "domain" else 1 - domain


def _own_corpora(roles: MixtureRoles) -> tuple[str, ...]:
    """The corpora whose shares add up to r."""
    if roles.own is not None:
        return (roles.own,)
    of_side = {"domain": roles.domain, "general": set(roles.corpora) - set(roles.domain)}
    return tuple(of_side.get(roles.side, ()))


def _unique_tokens(settings: RowSettings) -> Array | None:
    """U: distinct tokens of the own corpora where a run saw more than these; infinite elsewhere.

    It is infinite too where they are not known of every own corpus; known nowhere, there is no U.
    """
    share = _own_share(settings)
    columns = [settings.columns.get(f"{UNIQUE_TOKENS}{c}") for c in _own_corpora(settings.roles)]
    given = [np.where(tokens > 0, tokens, np.inf) for tokens in columns if tokens is not None]
    if share is None or not given or len(given) < len(columns):
        return None
    unique = np.sum(given, axis=0)
    if not np.isfinite(unique).any():
        return None
    repeated = share * settings.columns["tokens"] > unique
    return np.where(repeated, unique, np.inf)


#: What a table needs for an input that it may lack.
COLUMNS = {
    "h": "share.<corpus>", "R": "share.<corpus>", "r": "share.<corpus>", "L0": "rows at 0 tokens",
    "U": f"{UNIQUE_TOKENS}<corpus>", "P": BASE_TOKENS, "lr": LR_RATIO,
}  # fmt: skip


def with_columns(names: Sequence[str]) -> str:
    """Inputs that a table lacks, each with what it needs for it: ``U (unique_tokens.<corpus>)``."""
    return ", ".join(f"{name} ({COLUMNS[name]})" if name in COLUMNS else name for name in names)


#: The table of inputs.
INPUTS: dict[str, Callable[[RowSettings], Array | None]] = {
    "N": _column("n_params"),
    "D": _column("tokens"),
    "h": _shares,
    "R": _domain_share,
    "r": _own_share,
    "L0": _column(BASE_LOSS),
    "U": _unique_tokens,
    "P": _known(BASE_TOKENS),
    "lr": _known(LR_RATIO),
}
