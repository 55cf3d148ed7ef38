"""What the columns of a table are: by their names, and by what stands in them.

Names come first (``names``). What stands in the columns decides where names do not: shares are
columns that sum to one or to a hundred in every row, a size is a number, percentages exceed one.
What cannot be known, the unit of ``tokens`` = 1, 2, 5, is asked for. What a description says is
never guessed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mixlaw.errors import ConfigError, DataError
from mixlaw.importers import Request
from mixlaw.importers.reading.cells import factor_of, has_decimal_commas, is_absent, parse_number
from mixlaw.importers.reading.metrics import (
    BITS_PER_BYTE,
    BITS_PER_TOKEN,
    PERPLEXITY,
    STEPS,
    unit_of,
)
from mixlaw.importers.tables import names
from mixlaw.importers.tables.plan import SHARES, Plan, without_common_ends
from mixlaw.runs.table import COLUMNS, SHARE, UNIQUE_TOKENS

Row = Mapping[str, str]

#: A count of parameters or tokens below this is in another unit, as no model or run has so few;
#: and one beyond these is in the wrong one. Conventional.
FEWEST = 1e4
MOST = {"n_params": 1e14, "tokens": 1e17}
#: Sums of shares this close to 1 or 100 are those of a mixture, rounded. Conventional.
NEAR = 0.1
#: Losses in nats per token of anything that was trained lie between these.
_LOSSES = (0.05, 20.0)
_SHORT_SETS = {"d": "domain", "dom": "domain", "g": "general", "gen": "general"}
_COUNTS = ("n_params", "tokens")


@dataclass(frozen=True)
class Sheet:
    """The part of a table that is looked at: its columns and first rows."""

    name: str
    header: Sequence[str]
    rows: Sequence[Row]
    decimal_comma: bool

    @classmethod
    def of(cls, name: str, header: Sequence[str], rows: Sequence[Row], delimiter: str) -> "Sheet":
        """A sheet whose numbers are read as the table writes them."""
        cells = (row.get(column, "") for row in rows for column in header)
        return cls(name, header, rows, has_decimal_commas(cells, delimiter))

    def numbers(self, column: str) -> list[float] | None:
        """The numbers of a column that holds some; None where a cell is text, or all are absent."""
        cells = [row.get(column, "") for row in self.rows]
        try:
            values = [parse_number(c, self.decimal_comma) for c in cells if not is_absent(c)]
        except ValueError:
            return None
        return values or None


def guess_plan(sheet: Sheet, request: Request) -> Plan:
    """What the columns are.

    Args:
        sheet: the first rows of the table.
        request: what the description says; it is not guessed again.

    Raises:
        ConfigError: the unit of a count cannot be known.
        DataError: no column is a held-out loss.
    """
    taken = {*request.columns.values(), *request.losses}
    meanings = {
        column: _own_name(column) or names.meaning_of(column)
        for column in sheet.header
        if column not in taken
    }
    columns = dict(request.columns)
    _take_plain(sheet, request, meanings, columns)
    shares = _shares(sheet, request, meanings, columns)
    losses, loss_units, needless = _losses(sheet, request, meanings, columns, list(shares.values()))
    columns |= {SHARE + corpus: column for corpus, column in shares.items()}
    if "run_id" not in request.columns and not _identifies(sheet, columns):
        del columns["run_id"]
    units = _units(sheet, request, meanings, columns)
    used = {*columns.values(), *losses, *needless}
    return Plan(
        columns, losses, units, loss_units, _remainder(request, columns, losses),
        sheet.decimal_comma, tuple(c for c in sheet.header if c not in used), needless,
    )  # fmt: skip


def _own_name(column: str) -> names.Meaning | None:
    """The meaning of a name of the runs table itself, which is no guess."""
    if column in ("step", "samples", "domain_ratio"):
        role = names.SHARE if column == "domain_ratio" else column
        return names.Meaning(role, "domain" if column == "domain_ratio" else "")
    if column.startswith(SHARE):
        return names.Meaning(names.SHARE, column.removeprefix(SHARE))
    known = column in (*COLUMNS, "mixture_path") or column.startswith(UNIQUE_TOKENS)
    return names.Meaning(column) if known else None


def _take_plain(
    sheet: Sheet, request: Request, meanings: Mapping[str, names.Meaning], columns: dict[str, str]
) -> None:
    """Every role that one column has by its name and can have by its cells."""
    # A trainer's own step comes before that of a logger.
    for column, meaning in sorted(meanings.items(), key=lambda entry: entry[0] not in STEPS):
        role = meaning.role
        if role in (names.LOSS, names.SHARE, names.IGNORED, names.UNKNOWN):
            continue
        exact = column == role
        if role in columns or (role in request.described and not exact):
            continue
        numeric = sheet.numbers(column) is not None
        is_text = role in ("run_id", "eval_set", "tokenizer", "recipe", "base_id")
        if exact or is_text != numeric or role in ("run_id", "base_id"):
            columns[role] = column
    is_wide = any(m.role == names.LOSS and m.of for c, m in meanings.items() if sheet.numbers(c))
    if is_wide and "eval_set" in columns and "eval_set" not in request.columns:
        del columns["eval_set"]  # a wide table: its 'dataset' is something else


def _shares(
    sheet: Sheet,
    request: Request,
    meanings: Mapping[str, names.Meaning],
    columns: Mapping[str, str],
) -> dict[str, str]:
    """The table's column by corpus."""
    given = any(role.startswith(SHARE) or role == "domain_ratio" for role in columns)
    if given or SHARES in request.described:
        return {}
    named = {
        meaning.of: column
        for column, meaning in meanings.items()
        if meaning.role == names.SHARE and sheet.numbers(column)
    }
    named = {
        _SHORT_SETS.get(corpus, corpus) or "domain": column for corpus, column in named.items()
    }
    if len(named) > 1 and not _is_mixture(sheet, list(named.values())) and "domain" in named:
        return {"domain": named["domain"]}
    if named:
        return named
    unknown = [
        column for column, meaning in meanings.items()
        if meaning.role == names.UNKNOWN and (values := sheet.numbers(column))
        and min(values) >= 0 and max(values) <= 100
    ]  # fmt: skip
    small = [column for column in unknown if max(sheet.numbers(column) or [2.0]) <= 1]
    for group in (small, unknown):
        if len(group) > 1 and _is_mixture(sheet, group):
            return {short: column for column, short in without_common_ends(group).items()}
    return {}


def _identifies(sheet: Sheet, columns: Mapping[str, str]) -> bool:
    """Whether a column taken for the run id tells runs of different size and shares apart."""
    name = columns.get("run_id")
    if name in (None, "run_id"):
        return True
    settings = [c for role, c in columns.items() if role == "n_params" or role.startswith(SHARE)]
    of_run: dict[str, set[tuple[str, ...]]] = {}
    for row in sheet.rows:
        if any(row.get(column) for column in settings[1:]):
            of_run.setdefault(row[str(name)], set()).add(tuple(row.get(c, "") for c in settings))
    return all(len(found) == 1 for found in of_run.values())


def _is_mixture(sheet: Sheet, columns: Sequence[str]) -> bool:
    """Whether these columns sum to about one, or a hundred, in every row."""
    return any(all(abs(s / whole - 1) < NEAR for s in _sums(sheet, columns)) for whole in (1, 100))


def _sums(sheet: Sheet, columns: Sequence[str]) -> list[float]:
    sums = []
    for row in sheet.rows:
        cells = [row.get(column, "") for column in columns]
        if not all(map(is_absent, cells)):
            sums.append(
                sum(0.0 if is_absent(c) else parse_number(c, sheet.decimal_comma) for c in cells)
            )
    return sums


def _losses(
    sheet: Sheet,
    request: Request,
    meanings: Mapping[str, names.Meaning],
    columns: dict[str, str],
    shares: Sequence[str],
) -> tuple[dict[str, str], dict[str, str], tuple[str, ...]]:
    """Eval set by loss column, units by loss column, and what was left out on purpose."""
    needless = [c for c, m in meanings.items() if m.role == names.IGNORED and sheet.numbers(c)]
    if request.losses or "loss" in request.columns:
        units = {c: unit_of(c) for c in (*request.losses, columns.get("loss", "")) if unit_of(c)}
        return {column: column for column in request.losses}, units, tuple(needless)
    found = {
        c: m for c, m in meanings.items() if m.role == names.LOSS and c not in shares
        and (c == "loss" or sheet.numbers(c))
    }  # fmt: skip
    plain = {c: m for c, m in found.items() if m.unit in ("", BITS_PER_TOKEN)}
    by_set: dict[str, str] = {}
    for column, meaning in plain.items():
        by_set.setdefault(meaning.of, column)
    whole = by_set.pop("", None)
    if "loss" in columns or (whole is not None and (not by_set or "eval_set" in columns)):
        column = columns.setdefault("loss", whole or "loss")
        units = {column: plain[column].unit} if column in plain and plain[column].unit else {}
        _take_bpb(found, columns)
        return {}, units, tuple(needless)
    by_set = by_set or _by_corpus(sheet, meanings, shares)
    if not by_set:
        raise _no_loss(sheet, found)
    units = {c: plain[c].unit for c in by_set.values() if c in plain and plain[c].unit}
    named = {column: _set_name(eval_set, by_set) for eval_set, column in by_set.items()}
    return named, units, tuple(c for c in (*needless, whole) if c)


def _take_bpb(found: Mapping[str, names.Meaning], columns: dict[str, str]) -> None:
    """The bits per byte of a long table go beside its losses."""
    beside = [c for c, meaning in found.items() if meaning.unit == BITS_PER_BYTE and not meaning.of]
    if len(beside) == 1:
        columns.setdefault("bpb", beside[0])


def _set_name(eval_set: str, all_sets: Mapping[str, str]) -> str:
    """The usual name of a set that is abbreviated: d and g, dom and gen."""
    spelled = {_SHORT_SETS.get(name, name) for name in all_sets}
    return _SHORT_SETS.get(eval_set, eval_set) if {"domain", "general"} <= spelled else eval_set


def _by_corpus(
    sheet: Sheet, meanings: Mapping[str, names.Meaning], shares: Sequence[str]
) -> dict[str, str]:
    """Columns that are called like the corpora but for a common beginning, and hold losses."""
    corpora = set(without_common_ends(shares).values())
    unknown = [
        column for column, meaning in meanings.items()
        if meaning.role == names.UNKNOWN and column not in shares
        and (values := sheet.numbers(column))
        and _LOSSES[0] < min(values) <= max(values) < _LOSSES[1]
    ]  # fmt: skip
    short = {name: column for column, name in without_common_ends(unknown).items()}
    return short if len(short) > 1 and set(short) == corpora else {}


def _no_loss(sheet: Sheet, found: Mapping[str, names.Meaning]) -> DataError:
    wrong = [f"'{c}' is {_a(m.unit)}" for c, m in found.items() if m.unit]
    because = f" ({'; '.join(wrong)}, no nats per token)" if wrong else ""
    return DataError(
        f"'{sheet.name}' has no column that is taken for a held-out loss{because}; its columns are "
        f"{', '.join(sheet.header[:20])}. Name it in the description: 'eval_sets: {{COLUMN: "
        "domain}' for one column per eval set, or 'columns: {loss: COLUMN}'; 'mixlaw import "
        "--help-columns' lists all keys."
    )


def _a(unit: str) -> str:
    return "a perplexity" if unit == PERPLEXITY else unit


def _units(
    sheet: Sheet,
    request: Request,
    meanings: Mapping[str, names.Meaning],
    columns: Mapping[str, str],
) -> dict[str, str]:
    units = dict(request.units)
    shares = [c for role, c in columns.items() if role.startswith(SHARE) or role == "domain_ratio"]
    if shares and SHARES not in units:
        most = max(_sums(sheet, shares), default=0.0)
        if most > 1 + NEAR:
            units[SHARES] = "%"
    for role, column in columns.items():
        if role in _COUNTS or role.startswith(UNIQUE_TOKENS) or role == "batch_tokens":
            unit = meanings[column].unit if column in meanings else ""
            most = max(sheet.numbers(column) or [FEWEST])
            if role in units or (unit and most * factor_of(unit) > MOST.get(role, MOST["tokens"])):
                continue
            if unit and not _spelled_out(sheet, column):
                units[role] = unit
            elif role in _COUNTS and 0 < most < FEWEST and column != role:
                raise _unknown_unit(sheet, role, column)
    return units


def _spelled_out(sheet: Sheet, column: str) -> bool:
    """Whether the cells have their unit themselves, as 70M has."""
    return any(row.get(column, "").strip()[-1:].isalpha() for row in sheet.rows)


def _unknown_unit(sheet: Sheet, role: str, column: str) -> ConfigError:
    values = sheet.numbers(column) or []
    unit = "M" if role == "n_params" else "B"
    return ConfigError(
        f"'{sheet.name}': in which unit is '{column}' ({min(values):g} to {max(values):g})? Say it "
        f"in the description, such as 'units: {{{role}: {unit}}}', or on the command line: --set "
        f"units.{role}={unit}."
    )


def _remainder(request: Request, columns: Mapping[str, str], losses: Mapping[str, str]) -> str:
    """Who has the rest where one share is given: the other eval set, else the general corpus."""
    if request.remainder:
        return request.remainder
    corpora = [role.removeprefix(SHARE) for role in columns if role.startswith(SHARE)]
    if len(corpora) != 1:
        return ""
    others = [name for name in dict.fromkeys(losses.values()) if name != corpora[0]]
    if corpora[0] == "general":
        return "domain"
    return others[0] if len(others) == 1 and corpora[0] in losses.values() else "general"
