"""mixlaw: how much domain data should continual pre-training see?

The public names are imported when they are first used, so ``import mixlaw`` is instant.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

#: Public name -> module that defines it.
_PUBLIC = {
    "Mixture": "mixlaw.mixture",
    "MixlawError": "mixlaw.errors",
    "Roles": "mixlaw.roles",
    "Law": "mixlaw.laws",
    "read_runs": "mixlaw.runs.table",
    "write_runs": "mixlaw.runs.table",
    "import_runs": "mixlaw.importers.assembly.api",
    "examine": "mixlaw.doctor",
    "fit_laws": "mixlaw.notebook.fit",
    "FitResult": "mixlaw.notebook.fit",
    "recommend_ratio": "mixlaw.notebook.answer",
    "Recommendation": "mixlaw.notebook.answer",
    "emit": "mixlaw.notebook.answer",
    "write_page": "mixlaw.report.page.build",
    "run_sweep": "mixlaw.sweep.api",
    "plan_runs": "mixlaw.sweep.plan",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'mixlaw' has no attribute '{name}'")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
