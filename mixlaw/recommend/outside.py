"""An answer without a fit: what studies say of any base and domain."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mixlaw.errors import ConfigError
from mixlaw.fit.prior.outside import ANY_LEVEL, outside_view
from mixlaw.recommend.api import recommend
from mixlaw.recommend.options import Options
from mixlaw.recommend.recommendation import Recommendation

#: Budget of the answer where none is given: that of the headline of any answer.
TOKENS = 20e9


def without_runs(n_params: float | None, given: Mapping[str, Any]) -> Recommendation:
    """The outside view at a target.

    Args:
        n_params: non-embedding parameters of the target.
        given: other fields of ``Options``; without a base loss no loss is shown, only its rise.

    Raises:
        ConfigError: the size is missing, or a bound is a percentage of a loss that is not given.
    """
    if n_params is None:
        raise ConfigError("The outside view needs the size of the target; give --model-size.")
    options = Options(**{**given, "n_params": n_params, "tokens": given.get("tokens") or TOKENS})
    level = options.base_general_loss
    if level is None and options.bound.relative:
        raise ConfigError(
            f"{options.bound} of what? Without a fit the base's loss is unknown; give "
            "--base-general-loss, or --max-general-rise in nats."
        )
    base_loss = ANY_LEVEL if level is None else float(level)
    fit = outside_view(n_params, options.tokens or TOKENS, base_loss=base_loss)
    answer = recommend(fit, options)
    return answer if level is not None else replace(answer, losses={})
