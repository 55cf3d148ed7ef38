"""From options to a ``Question``: the target's size, budget, mixture and base losses.

And what had to be assumed about them where nothing was given.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mixlaw.errors import ConfigError, unknown_name
from mixlaw.quantities import SAME_LEVEL, format_quantity, percent
from mixlaw.recommend import rules
from mixlaw.recommend.mixture_path import MixturePath, natural_mixture
from mixlaw.recommend.observed import calibrated
from mixlaw.recommend.options import DEFAULT_TOKENS, Options
from mixlaw.recommend.question import Question
from mixlaw.recommend.tokenizer import nats_per_token
from mixlaw.result import training
from mixlaw.result.fit_result import FitResult
from mixlaw.result.inputs import BASE_TOKENS, LR_RATIO, UNIQUE_TOKENS


def question_of(fit: FitResult, options: Options) -> Question:
    """The question that these options pose to a fit.

    Raises:
        ConfigError: the target has no size, or a name or unit does not fit the table.
        FitError: the fit cannot answer such a question.
    """
    sets = {"general": fit.general_set, "domain": fit.domain_set}
    losses = {
        sets[role]: nats_per_token(fit, loss, sets[role], options.base_tokenizer)
        for role, loss in options.base_losses.items()
    }
    path = _path(fit, options)
    unique = _unique_tokens(fit, path, options)
    question = Question(
        fit=fit,
        n_params=_size(fit, options)[0],
        tokens=options.tokens or _default_tokens(fit, options),
        path=path,
        reference=options.reference,
        base_losses=losses,
        unique_tokens=_assumed_unique(fit) | unique,
        assuming=_told(unique, options),
        base_tokenizer=options.base_tokenizer,
        chosen=_chosen(options),
    )
    return question if options.observed is None else calibrated(question, options.observed)


def _chosen(options: Options) -> tuple[str, ...]:
    """What of the target the rule chooses itself."""
    rule = rules.load(options.rule)
    chosen = {"n_params": rule.chooses_size, "tokens": rule.chooses_budget}
    return tuple(name for name, is_chosen in chosen.items() if is_chosen)


def _path(fit: FitResult, options: Options) -> MixturePath:
    """The path of the ratio; a rule that chooses every share does without a domain."""
    without = not fit.domain_corpora and len(fit.corpora) > 1
    if without and rules.load(options.rule).chooses_shares:
        return MixturePath.without_domain(fit, options.natural)
    return MixturePath.of(fit, options.natural)


def assumptions(question: Question, options: Options) -> tuple[str, ...]:
    """What was assumed where nothing was given, each as a person reads it."""
    return tuple(_assumed(question, options))


def _assumed(question: Question, options: Options) -> Iterator[str]:
    rule = rules.load(options.rule)
    if options.max_general_rise is None and rule.keeps_bound(options):
        yield f"allowed rise of the general loss {options.bound} (--max-general-rise)"
    yield from _size(question.fit, options)[1]
    if not options.fixed_budget and not rule.chooses_budget:
        yield f"token budget {format_quantity(question.tokens)} (--tokens)"
    if options.n_params is None and "n_params" in question.fit.target and not rule.chooses_size:
        yield f"the experiment's target of {format_quantity(question.n_params)} (--model-size)"
    if text := training.sentence(question.fit, question.assuming):
        yield text
    if not question.calibration.kind_known:
        yield (
            "the observed rows are annealed where those of the fit are; they do not say so (column "
            "'annealed')"
        )
    if options.natural is None:
        yield from _assumed_mixture(question, options)


def _assumed_mixture(question: Question, options: Options) -> Iterator[str]:
    """A rule that chooses every share needs a natural mixture only where leaving it costs."""
    if rules.load(options.rule).chooses_shares:
        if options.kl:
            listing = _listing(natural_mixture(question.fit))
            yield f"the natural mixture is {listing}, the middle of the swept shares (--natural)"
        return
    for part, corpora in (("domain", question.path.domain), ("general", question.path.general)):
        if len(corpora) > 1:
            yield (
                f"the {part} part is {_listing(corpora)}, in the proportions of the middle of the "
                "swept shares (--natural)"
            )


def _listing(corpora: Mapping[str, float]) -> str:
    return ", ".join(f"{corpus} {percent(part)}" for corpus, part in corpora.items())


def _size(fit: FitResult, options: Options) -> tuple[float, list[str]]:
    """Non-embedding parameters of the target, and what had to be assumed about them."""
    size = options.n_params or fit.target.get("n_params")
    if size is None and rules.load(options.rule).chooses_size:
        size = fit.ranges["n_params"][1]
    if size is None:
        raise ConfigError("The target's size is missing; give --model-size, such as 8B.")
    if not options.n_params_is_total:
        return float(size), []
    counted = non_embedding(size, fit.about.get("n_params_total", ()))
    if counted is None:
        return float(size), [
            f"the target's {format_quantity(size)} parameters include embeddings and are used as "
            "if they did not, because the table has no n_params_total to convert them with"
        ]
    return counted, [
        f"of the target's {format_quantity(size)} parameters {format_quantity(counted)} are no "
        "embeddings, by the table's n_params_total"
    ]


def _default_tokens(fit: FitResult, options: Options) -> float:
    """The experiment's budget for its own target, else the only one measured, else 20B."""
    budgets = fit.levels["tokens"]
    default = budgets[0] if len(budgets) == 1 else DEFAULT_TOKENS
    meant_for = fit.target.get("n_params")
    if options.n_params is not None and meant_for is not None:
        same = abs(options.n_params / meant_for - 1) < SAME_LEVEL
        return float(fit.target.get("tokens", default)) if same else float(default)
    return float(fit.target.get("tokens", default))


def _unique_tokens(fit: FitResult, path: MixturePath, options: Options) -> dict[str, float]:
    """Distinct tokens by corpus; --domain-tokens are split like the domain part of the mixture."""
    named = dict(options.unique_tokens or {})
    for corpus in named:
        if corpus not in fit.corpora:
            raise ConfigError(unknown_name("corpus", corpus, fit.corpora))
    domain = options.domain_tokens or 0.0
    return {c: domain * part for c, part in path.domain.items() if domain * part} | named


def _assumed_unique(fit: FitResult) -> dict[str, float]:
    """Distinct tokens by corpus that the laws assume, if they read any."""
    columns = {corpus: f"{UNIQUE_TOKENS}{corpus}" for corpus in fit.corpora if fit.reads("U")}
    return {c: fit.assumes[name] for c, name in columns.items() if name in fit.assumes}


def _told(unique: Mapping[str, float], options: Options) -> dict[str, float]:
    """How the target is trained, as far as the options say it."""
    told = {f"{UNIQUE_TOKENS}{corpus}": count for corpus, count in unique.items()}
    given = {BASE_TOKENS: options.base_tokens, LR_RATIO: options.lr_ratio}
    return told | {name: value for name, value in given.items() if value is not None}


#: Power of the size with which embeddings grow where the table has one size only: they grow with
#: the width, and a model of fixed proportions has N ~ width^3.
_ONE_SIZE = 1 / 3


def non_embedding(total: float, sizes: Sequence[Sequence[float]]) -> float | None:
    """Non-embedding parameters of a model with this total.

    Args:
        total: parameters with embeddings.
        sizes: pairs of non-embedding and total parameters.

    Returns:
        A count, or None if no pair has embeddings.
    """
    from scipy.optimize import brentq

    pairs = [(size, both - size) for size, both in sizes if both > size]
    if not pairs:
        return None
    logs = np.log(pairs)
    power = _ONE_SIZE
    if len(pairs) > 1:
        centred = logs[:, 0] - logs[:, 0].mean()
        power = float(np.clip(centred @ logs[:, 1] / (centred @ centred), 0.0, 1.0))
    scale = np.exp(logs[:, 1].mean() - power * logs[:, 0].mean())

    def excess(size: float) -> float:
        return float(size + scale * size**power - total)

    if excess(1.0) >= 0:  # embeddings alone would be more than the total
        return 1.0
    return float(brentq(excess, 1.0, total))
