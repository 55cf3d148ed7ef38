"""The command line: one thin file a command group, each with ``register(app)``.

A command parses, calls one function of the package and prints. Errors raised on purpose become one
sentence on stderr and their exit code; anything else is exit code 1, with ``--debug`` for the
traceback. Nothing heavy is imported before a command runs.
"""

import sys
from importlib import import_module
from pathlib import Path

import typer
from typer.exceptions import TyperException

from mixlaw.errors import MixlawError

#: The main path first, as a person walks it; the other groups follow by name.
_ORDER = ("demo", "init", "sweep", "fit", "recommend", "plot")
#: Files of this folder that are no command groups.
_HELPERS = ("completion", "hints", "options", "output", "places")


def build_app() -> typer.Typer:
    """The application with every command group of this folder."""
    app = typer.Typer(
        name="mixlaw",
        help="How much domain data should continual pre-training see? "
        "Train proxies, fit scaling laws, read a ratio with its error bar.",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in _groups():
        import_module(f"mixlaw.cli.{name}").register(app)
    return app


def main(argv: list[str] | None = None) -> None:
    """Entry point of the ``mixlaw`` command."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    try:
        code = build_app()(arguments, prog_name="mixlaw", standalone_mode=False, obj=arguments)
    except TyperException as error:
        _complain(_usage(error))
        sys.exit(2)
    except typer.Abort:
        _complain("stopped.")
        sys.exit(130)
    except MixlawError as error:
        if debug:
            raise
        _complain(str(error))
        sys.exit(error.exit_code)
    except Exception as error:
        if debug:
            raise
        if isinstance(error, OSError) and error.filename is not None:
            _complain(
                f"'{error.filename}' cannot be read or written ({error.strerror}); "
                "give another path, or mend this one."
            )
            sys.exit(2)
        _complain(f"unexpected {type(error).__name__}: {error} (--debug shows the traceback)")
        sys.exit(1)
    sys.exit(code or 0)


def _usage(error: TyperException) -> str:
    """What is wrong with the options, and whose help to ask."""
    message = error.format_message().rstrip(".") or "Name a command"
    context = getattr(error, "ctx", None)
    return f"{message} (help: {context.command_path if context else 'mixlaw'} -h)"


def _show_version(wanted: bool) -> None:
    if wanted:
        from mixlaw import __version__

        typer.echo(__version__)
        raise typer.Exit


def _root(
    version: bool = typer.Option(
        False,
        "--version",
        help="Print the version and leave.",
        callback=_show_version,
        is_eager=True,
    ),
    # For the help alone: it may stand anywhere, so ``main`` takes it out before.
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
) -> None:
    pass


def _groups() -> list[str]:
    """Files of this folder that are command groups, in the order of the help."""
    files = {path.stem for path in Path(__file__).parent.glob("*.py")}
    rest = sorted(files.difference(_ORDER, _HELPERS, ("__init__",)))
    return [name for name in _ORDER if name in files] + rest


def _complain(message: str) -> None:
    typer.echo(f"mixlaw: {message}", err=True)
