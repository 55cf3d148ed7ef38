"""A row of a table as evaluations: one of a long table, one per eval set of a wide one."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mixlaw.importers import UNNAMED, Evaluation
from mixlaw.importers.reading.cells import factor_of, is_absent, printed_step, to_cell_number
from mixlaw.importers.reading.files import to_count
from mixlaw.importers.tables.plan import SHARES, Plan
from mixlaw.mixture import SUM_TOLERANCE
from mixlaw.quantities import format_quantity
from mixlaw.runs.table import SHARE, TEXT

_AXES = ("step", "samples", "tokens")
#: Corpora that a run id names by their shares; of more, it has a digest.
_FEW = 3
#: Columns that are not copied from a row as they stand.
_APART = {"run_id", "eval_set", "loss", "flag", "source", "domain_ratio", *_AXES}


@dataclass
class Reader:
    """Reads the rows of one table by a plan.

    Attributes:
        plan: what the columns are.
        rounded: lowest and highest sum of shares that rounding explained, so far.
    """

    plan: Plan
    rounded: list[float] = field(default_factory=list)
    _seen: Counter[tuple[Any, ...]] = field(default_factory=Counter)

    def evaluations(
        self, row: Mapping[str, str], place: str, flag: str = ""
    ) -> Iterator[Evaluation]:
        """The evaluations of a row.

        Raises:
            DataError: a cell is no number, or no count where one is needed.
        """
        cells = {
            role: row[column]
            for role, column in self.plan.columns.items()
            if not is_absent(row.get(column, ""))
        }
        axes = {axis: self._count(cells, axis, place) for axis in _AXES if axis in cells}
        shares = self._shares(cells, place)
        if axes.get("tokens", axes.get("step", 1.0)) == 0:
            shares = {}  # the base model before training has no mixture
        more = {name: self._value(cells, name, place) for name in cells if self._is_copied(name)}
        more |= {SHARE + corpus: share for corpus, share in shares.items()}
        run = cells.get("run_id") or self._made_id(more, shares, axes)
        for eval_set, column, text in self._losses(row, cells):
            loss = to_cell_number(text, place, self.plan.decimal_comma)
            yield Evaluation(
                eval_set, loss, run=self._distinct(run, eval_set, axes, "run_id" in cells),
                flag=cells.get("flag", flag), more=more, unit=self._loss_unit(column),
                step=axes.get("step"), samples=axes.get("samples"), tokens=axes.get("tokens"),
            )  # fmt: skip

    def _losses(
        self, row: Mapping[str, str], cells: Mapping[str, str]
    ) -> Iterator[tuple[str, str, str]]:
        """(eval set, column, cell) of every loss of a row; an empty cell is none.

        The set of a wide table is the column's own name, which the plan and the description map.
        """
        long = {} if self.plan.losses else {self.plan.columns.get("loss", "loss"): UNNAMED}
        for column in self.plan.losses or long:
            text = row.get(column, "").strip()
            if not is_absent(text) or text.lower().endswith("nan"):
                yield cells.get("eval_set", UNNAMED) if long else column, column, text

    def _loss_unit(self, column: str) -> str:
        return self.plan.loss_units.get(column) or self.plan.units.get("loss", "")

    def _is_copied(self, name: str) -> bool:
        return name not in _APART and not name.startswith(SHARE)

    def _count(self, cells: Mapping[str, str], name: str, place: str) -> float:
        return to_count(self._number(cells, name, place), f"{place}, {name}")

    def _number(self, cells: Mapping[str, str], name: str, place: str) -> float:
        factor = factor_of(self.plan.units.get(name, "1"))
        value = to_cell_number(cells[name], place, self.plan.decimal_comma) * factor
        return float(round(value)) if factor > 1 and value < 2**53 else value

    def _value(self, cells: Mapping[str, str], name: str, place: str) -> Any:
        is_text = name in TEXT or name in ("annealed", "mixture_path", "recipe_options")
        return cells[name] if is_text else self._number(cells, name, place)

    def _shares(self, cells: Mapping[str, str], place: str) -> dict[str, float]:
        """Token shares of a row; sums that rounding to the printed digits explains become one."""
        given = {name.removeprefix(SHARE): c for name, c in cells.items() if name.startswith(SHARE)}
        if "domain_ratio" in cells and not given:
            given = {"domain": cells["domain_ratio"]}
        if not given:
            return {}
        unit = factor_of(self.plan.units.get(SHARES, "1"))
        comma = self.plan.decimal_comma
        shares = {corpus: _share(c, place, comma, unit) for corpus, c in given.items()}
        rest = self.plan.remainder or ("general" if "domain_ratio" in cells else "")
        if rest and rest not in shares:
            return {**shares, rest: 1 - sum(shares.values())}
        total = sum(shares.values())
        digits = [2 * printed_step(c, comma) * (1 if "%" in c else unit) for c in given.values()]
        if _is_rounded(total, digits) and all(share >= 0 for share in shares.values()):
            self.rounded = [min([*self.rounded, total]), max([*self.rounded, total])]
            shares = {corpus: share / total for corpus, share in shares.items()}
        return shares

    def _made_id(
        self, more: Mapping[str, Any], shares: Mapping[str, float], axes: Mapping[str, float]
    ) -> str:
        """A run id of (size, shares, seed), for tables that have none."""
        parts = [format_quantity(more["n_params"])] if "n_params" in more else []
        if not shares and 0 in axes.values():
            parts.append("base")
        elif 0 < len(shares) <= _FEW:
            parts += [f"{corpus}{100 * share:.4g}" for corpus, share in list(shares.items())[:-1]]
        elif shares:
            exact = json.dumps({corpus: round(share, 6) for corpus, share in shares.items()})
            parts.append(f"mix{hashlib.sha256(exact.encode()).hexdigest()[:6]}")
        if "seed" in more:
            parts.append(f"s{more['seed']:g}")
        return "-".join(parts) or "run"

    def _distinct(self, run: str, eval_set: str, axes: Mapping[str, float], given: bool) -> str:
        """The run id; of rows that agree in all it is made of, the later ones are replicates."""
        if given:
            return run
        key = (run, eval_set, *axes.items())
        self._seen[key] += 1
        return run if self._seen[key] == 1 or run.endswith("base") else f"{run}-r{self._seen[key]}"


def _is_rounded(total: float, digits: Sequence[float]) -> bool:
    """Whether a sum of shares misses one by no more than rounding them explains.

    Rounding changes a share by half a printed digit, cutting the rest off by up to a whole one.
    """
    missing, allowed = 1 - total, sum(digits) * (1 + 1e-9)
    return abs(missing) > SUM_TOLERANCE and -allowed / 2 <= missing <= allowed


def _share(cell: str, place: str, decimal_comma: bool, unit: float) -> float:
    """A share; ``30%`` says its unit itself, and ``3:7`` is a domain ratio."""
    if ":" in cell:
        domain, _, general = cell.partition(":")
        parts = [to_cell_number(part, place, decimal_comma) for part in (domain, general)]
        return parts[0] / sum(parts) if sum(parts) > 0 else float("nan")
    value = to_cell_number(cell, place, decimal_comma)
    return value if cell.strip().endswith("%") else value * unit
