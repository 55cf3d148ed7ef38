# Two commands do everything on a fresh machine: `make demo` and `make test`.

PYTHON ?= python3
BIN := .venv/bin
# One thread per process, one process per core: spinning thread pools collapse on a busy machine.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: demo transcript test lint types bench slow docs clean

demo: .venv/installed
	$(BIN)/mixlaw demo

# The README's transcript, by the run itself.
transcript: .venv/installed
	$(BIN)/mixlaw demo | $(BIN)/python .ci/transcript.py

test: .venv/installed-dev
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: .venv/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

types: .venv/installed-dev
	$(BIN)/mypy

bench: .venv/installed-dev
	$(BIN)/python -m pytest -m bench -s tests/bench

slow: .venv/installed-dev
	$(BIN)/python -m pytest -m slow

# The site lies in site/ then; a broken link is an error.
docs: .venv/installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

clean:
	rm -rf .venv .mixlaw site experiments/quickstart fits/quickstart fits/quickstart-blind

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e ".[dev]"
	touch $@
