"""What a rule declares about itself, so that no other file needs to know its name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mixlaw.recommend.options import Options
from mixlaw.recommend.question import Question
from mixlaw.recommend.verdict import Verdict


def _never(options: Options) -> bool:
    return False


@dataclass(frozen=True)
class Rule:
    """One way to choose the domain ratio: ``RULE`` in a file of ``mixlaw/recommend/rules``.

    Attributes:
        module: ``__name__`` of that file; the rule is named after it.
        decide: answers a question.
        required: options that it cannot do without, each with what it is.
        reads: of the options that not every rule reads, those that this one does.
        ratio_name: what its ratio is called on the screen.
        chooses_budget: it chooses the token budget itself, so there is no table over budgets.
        chooses_size: it chooses the model size itself, so the target needs none.
        chooses_shares: it chooses the share of every corpus, not of the domain part alone.
        keeps_bound: whether its answer to these options keeps the allowed rise.
        shown_at_other_bounds: its answer is shown for other bounds, risks and references too.
        shown_by_law: its answer is shown for every law of a stack alone too.
        can_stand_beside: whether its answer to a question can be shown beside that of another rule
            that declares this too; None if its ratio means something else than theirs.
    """

    module: str
    decide: Callable[[Question, Options], Verdict]
    required: Mapping[str, str] = field(default_factory=dict)
    reads: tuple[str, ...] = ()
    ratio_name: str = "best ratio"
    chooses_budget: bool = False
    chooses_size: bool = False
    chooses_shares: bool = False
    keeps_bound: Callable[[Options], bool] = _never
    shown_at_other_bounds: bool = False
    shown_by_law: bool = False
    can_stand_beside: Callable[[Question], bool] | None = None

    @property
    def name(self) -> str:
        """The name of the file, ``_`` written ``-``."""
        return self.module.rpartition(".")[2].replace("_", "-")
