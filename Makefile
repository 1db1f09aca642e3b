# `make demo` paints a first picture, `make test` runs the tests; both set up .venv by themselves.
# Another Python: make demo PYTHON=python3.12. The rest is for those who work on impasto: see CONTRIBUTING.md.

PYTHON ?= python3
DEMO ?= demo.png
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install -c constraints.txt
TORCH_CPU := https://download.pytorch.org/whl/cpu

.PHONY: demo test test-all lint types docs reference clean

demo: $(VENV)/.demo
	@$(BIN)/impasto demo -o "$(DEMO)"

test: $(VENV)/.dev
	$(BIN)/python -m pytest

test-all: $(VENV)/.dev
	$(BIN)/python -m pytest -m ''

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

docs: $(VENV)/.dev
	$(BIN)/python docs/generate_reference.py --check
	$(BIN)/python -m pytest -q tests/test_docs.py

reference: $(VENV)/.dev
	$(BIN)/python docs/generate_reference.py

clean:
	rm -rf $(VENV) build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache
	rm -f demo.png demo-photo.png demo-style.png
	find src tests docs benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# ── setting up: each stamp says what is installed, so that a second make has nothing to do ──

$(VENV)/.demo: pyproject.toml | $(VENV)/.torch
	@echo "Installing impasto and the demo's photographs …"
	@$(PIP) -q --no-build-isolation -e '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/.torch
	@echo "Installing impasto and what its tests need …"
	@$(PIP) -q --no-build-isolation -e '.[dev]'
	@touch $@ $(VENV)/.demo

# On Linux the torch of PyPI brings 3 GB of CUDA libraries. Without an NVIDIA card the CPU build (200 MB) does the same;
# where its address cannot be reached, PyPI's is taken after all.
$(VENV)/.torch: constraints.txt | $(BIN)/python
	@echo "Installing PyTorch: the first time this takes a few minutes …"
	@$(PIP) -q setuptools
	@if [ "$$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null; then \
		$(PIP) --retries 0 --timeout 20 --no-deps --index-url $(TORCH_CPU) torch \
		|| echo "(no CPU build to be had from $(TORCH_CPU): taking the one from PyPI)"; \
	fi
	@$(PIP) torch
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null \
		|| { echo "error: impasto needs Python 3.10 or newer, $(PYTHON) is not: name one, as in make demo PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 \
		|| { rm -rf $(VENV); echo "error: $(PYTHON) has no venv module: install it (Debian, Ubuntu: sudo apt install python3-venv) and try again"; exit 1; }
