"""What starting up must never load; who may import whom is a contract of import-linter."""

import subprocess
import sys

import pytest


def loaded_by(*arguments: str) -> set[str]:
    """Top-level packages in sys.modules after ``python <arguments>``."""
    probe = "import sys, runpy\nsys.argv = ['mixlaw', *sys.argv[1:]]\n"
    run = (
        "try:\n    runpy.run_module('mixlaw', run_name='__main__')\nexcept SystemExit:\n    pass\n"
    )
    code = probe + (run if arguments else "import mixlaw\n")
    code += "sys.stderr.write('\\n' + ' '.join({name.split('.')[0] for name in sys.modules}))"
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return set(result.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [(), ("--help",), ("fit", "--help"), ("recommend", "--help")])
def test_starting_up_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    heavy = {"torch", "transformers", "pandas", "scipy", "lmfit", "matplotlib", "ray", "wandb"}
    assert not loaded_by(*arguments) & heavy


def test_recommend_reads_a_fit_without_lmfit_or_pandas() -> None:
    code = "import sys, mixlaw.result.fit_result, mixlaw.recommend.api as _; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not set(result.stdout.split()) & {"torch", "transformers", "pandas", "lmfit"}
