"""Options that several commands share, defined once."""

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
DomainSet = Annotated[
    str, typer.Option("--domain-set", help="Eval set that is the domain loss.", metavar="NAME")
]
GeneralSet = Annotated[
    str,
    typer.Option(
        "--general-set",
        help="Eval set that is the general loss, or several with weights: web=0.7,books=0.3.",
        metavar="NAME",
    ),
]
DomainCorpora = Annotated[
    str,
    typer.Option(
        "--domain-corpora",
        help="Corpora whose shares add up to the domain ratio (comma separated).",
        metavar="A,B",
    ),
]
Own = Annotated[
    list[str],
    typer.Option(
        "--own", help="An eval set's own corpus, where names differ.", metavar="EVAL=CORPUS"
    ),
]
