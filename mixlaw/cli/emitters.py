"""``mixlaw emitters``: the trainers a recommendation can be written for."""

import typer

from mixlaw.cli import hints, options, output


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(name="emitters")(emitters)


def emitters(json: options.Json = False) -> None:
    """List the trainers that 'recommend --emit NAME' can write for, each with an example line."""
    from mixlaw import plugins

    listing = [
        {"name": name, "unit": module.UNIT, "example": module.EXAMPLE}
        for name in plugins.available("emitters")
        for module in [plugins.load("emitters", name)]
    ]
    if json:
        output.write_json(listing)
        return
    width = max(len(entry["name"]) for entry in listing)
    for entry in listing:
        output.write(f"{entry['name']:<{width}}  weights are {entry['unit']}")
        output.write(f"{'':<{width}}    {entry['example']}")
    if command := hints.emit_for():
        output.hint(command)
