# Everything that the commands make stands in $(VENV) and target/. Another Python: make test PYTHON=python3.13 VENV=.venv313

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
BUILT := $(VENV)/.built
RUST := build.rs Cargo.toml Cargo.lock $(shell find src -name '*.rs')

# Whatever environment is active in the shell, maturin and PyO3 take this one.
export VIRTUAL_ENV := $(abspath $(VENV))
export PYO3_PYTHON := $(VIRTUAL_ENV)/bin/python
unexport CONDA_PREFIX

.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test bench bench-smoke lint build clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(BUILT) $(VENV)/.demo ## a model balanced; a million blocks mapped, checked, broken and timed
	$(BIN)/python -m examples.demo

test: $(BUILT) $(VENV)/.test ## all tests, Python's and Rust's; torch makes the first run long
	$(BIN)/python -m pytest
	cargo test --locked --no-default-features

bench: $(BUILT) $(VENV)/.bench ## the full benchmark, and the README's table and plot from it
	$(BIN)/python -m pytest benches --benchmark-json=$(VENV)/benchmark.json
	$(BIN)/python -m benches.report $(VENV)/benchmark.json

bench-smoke: $(BUILT) $(VENV)/.bench ## each benchmark once, untimed
	$(BIN)/python -m pytest benches --benchmark-disable

lint: $(BUILT) $(VENV)/.lint ## formatters, linters and type checkers, none of which changes a file
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --all-targets --no-default-features -- -D warnings
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest devicemap

build: $(BUILT) ## the package, in release and editable, in an environment of its own

clean: ## remove all that these commands have made
	rm -rf $(VENV) target .benchmarks .hypothesis .mypy_cache .pytest_cache .ruff_cache python/devicemap/*.so

$(BUILT): $(RUST) $(VENV)/.build
	@echo "==> building devicemap in release"
	$(BIN)/maturin develop --release --locked
	@touch $@

# One stamp for each dependency group of pyproject.toml.
$(VENV)/.%: pyproject.toml | $(PYO3_PYTHON)
	@echo "==> installing the packages for: make $*"
	$(BIN)/python -m pip install --group $*
	@touch $@

$(PYO3_PYTHON):
	$(if $(shell command -v cargo 2>/dev/null),,$(error cargo is missing: install Rust from https://rustup.rs))
	$(if $(shell $(PYTHON) -c 'import sys; print(sys.version_info >= (3, 10) or "")' 2>/dev/null),,\
	  $(error $(PYTHON) is missing or older than 3.10: name a newer one, as in make $(MAKECMDGOALS) PYTHON=python3.13))
	@echo "==> making $(VENV)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
