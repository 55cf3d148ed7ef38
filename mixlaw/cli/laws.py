"""``mixlaw laws``: the laws a sweep can be fitted with, and what each of them says and needs."""

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixlaw.cli import hints, options, output

if TYPE_CHECKING:
    from mixlaw.laws import Law, Parameter

#: What a person reads for the name of an input.
INPUTS = {
    "N": "model size",
    "D": "tokens",
    "r": "own share",
    "R": "domain share",
    "h": "shares",
    "L0": "base loss",
    "U": "unique own tokens",
    "P": "tokens of the base",
    "lr": "learning-rate ratio",
}
#: Which rows a law describes: for a person, and in JSON.
ROWS = {
    "ends": ("final losses", "final"),
    "trunk": ("checkpoints of runs", "trajectory"),
    "all": ("final losses, checkpoints of runs and base models", "all"),
}


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("laws")(laws)


def laws(
    name: Annotated[
        str | None, typer.Argument(help="One law, described in full.", metavar="NAME")
    ] = None,
    json: options.Json = False,
) -> None:
    """List the laws with formula, inputs, minimum sensible data and source."""
    from mixlaw import laws as room
    from mixlaw import plugins

    chosen = [room.load(law) for law in ([name] if name else plugins.available("laws"))]
    if json:
        documents = [_document(law) for law in chosen]
        output.write_json(documents[0] if name else documents)
    elif name:
        output.write(_page(chosen[0]))
        if command := hints.fit_of(name):
            output.hint(command)
    else:
        width = max(len(law.name) for law in chosen) + 2
        output.write("\n".join(_entry(law, width) for law in chosen))
        output.hint(f"mixlaw laws {chosen[0].name}")


def _entry(law: "Law", width: int) -> str:
    """Formula, needs and source of a law, beside its name."""
    needs = ", ".join(INPUTS[name] for name in law.inputs) or "nothing"
    lines = [law.formula, f"needs {needs}; {law.minimum}", law.source]
    names = [law.name, "", ""]
    return "".join(f"{name:<{width}}{line}\n" for name, line in zip(names, lines, strict=True))


def _page(law: "Law") -> str:
    """The law's docstring, which is its specification, and a table of its parameters."""
    from mixlaw import plugins

    rows = [
        (p.name, "linear" if p.amplitude else "", _number(p.low), _number(p.high), p.meaning)
        for p in (*law.parameters, *law.per_corpus)
    ]
    width = max(len(row[0]) for row in rows)
    lines = [
        f"  {name:<{width}}  {kind:<6}  from {low:<6} to {high:<6}  {meaning}"
        for name, kind, low, high, meaning in rows
    ]
    specification = (plugins.load("laws", law.name).__doc__ or "").strip()
    constraints = "".join(
        f"\n  {name}  {switch.meaning} (off by default)" for name, switch in law.switches.items()
    )
    return "\n".join(
        [
            f"{law.name}: {specification}",
            "",
            f"Minimum sensible data: {law.minimum}. Fits {ROWS[law.takes][0]}.",
            "",
            "Parameters:",
            *lines,
            *(["\nSwitches (mixlaw fit --constrain NAME):" + constraints] if constraints else []),
        ]
    )


def _document(law: "Law") -> dict[str, Any]:
    return {
        "name": law.name,
        "formula": law.formula,
        "source": law.source,
        "inputs": list(law.inputs),
        "units": dict(law.units),
        "parameters": [_parameter(p) for p in law.parameters],
        "per_corpus": [_parameter(p) for p in law.per_corpus],
        "claims": [f"{claim.direction} in {claim.variable}" for claim in law.claims],
        "expects": [f"{claim.direction} in {claim.variable}" for claim in law.expects],
        "needs_positive": list(law.needs_positive),
        "constraints": {name: switch.meaning for name, switch in law.switches.items()},
        "rows": ROWS[law.takes][1],
        "minimum": law.minimum,
    }


def _parameter(p: "Parameter") -> dict[str, Any]:
    return {
        "name": p.name,
        "meaning": p.meaning,
        "linear": p.amplitude is not None,
        "low": p.low if math.isfinite(p.low) else None,
        "high": p.high if math.isfinite(p.high) else None,
    }


def _number(value: float) -> str:
    return f"{value:g}"
