# All commands write only what `make clean` removes, except `make bench`. With another Python: make test PYTHON=python3.13 VENV=.venv313

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
BUILT := $(VENV)/.built
SECONDS ?= 60
CARGO_FUZZ := $(BIN)/cargo-fuzz
TARPAULIN := $(BIN)/cargo-tarpaulin
RUST := build.rs Cargo.toml Cargo.lock $(shell find src -name '*.rs')

# maturin and PyO3 use this environment, even if another one is active in the shell.
export VIRTUAL_ENV := $(abspath $(VENV))
export PYO3_PYTHON := $(VIRTUAL_ENV)/bin/python
export HUGGINGFACE_HUB_2 := $(abspath $(VENV))/hub
unexport CONDA_PREFIX

.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test test-quick coverage bench bench-smoke fuzz dist lint build clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: $(BUILT) ## build the package in release mode, editable, in $(VENV)

demo: $(BUILT) $(VENV)/.demo ## read and balance models, and create and check maps of a million blocks
	$(BIN)/python -m examples.demo

test-quick: $(BUILT) $(VENV)/.test-core ## run the tests that need neither torch nor long times: 3 minutes
	$(BIN)/python -m pytest -m "not slow"
	cargo test --locked --no-default-features

test: $(BUILT) $(VENV)/.test ## run all tests: 10 minutes, and a download of some gigabytes (torch) at first
	$(BIN)/python -m pytest
	cargo test --locked --no-default-features

coverage: $(BUILT) $(VENV)/.coverage $(TARPAULIN) ## measure the line coverage of the Python and the Rust code
	$(BIN)/python -m coverage run -m pytest -q -m "not slow"
	$(BIN)/python -m coverage report
	$(TARPAULIN) --locked --no-default-features --skip-clean --target-dir target/tarpaulin --out Stdout

bench: $(BUILT) $(VENV)/.bench $(VENV)/.hub ## measure the bars, and write docs/benchmarks.md and the plot: 12 minutes on an idle machine
	$(BIN)/python -m pytest benches --benchmark-json=$(VENV)/benchmark.json
	$(BIN)/python -m benches.report $(VENV)/benchmark.json

bench-smoke: $(BUILT) $(VENV)/.bench $(VENV)/.hub ## run each benchmark once, untimed
	$(BIN)/python -m pytest benches --benchmark-disable

fuzz: $(CARGO_FUZZ) ## fuzz the readers of headers, each for SECONDS=60, with the nightly toolchain of Rust
	$(call fuzz_target,safetensors,json.dict)
	$(call fuzz_target,index,json.dict)
	$(call fuzz_target,gguf,gguf.dict)

# New inputs are stored in fuzz/corpus/, which is not committed. The limits are in MiB, bytes and seconds.
define fuzz_target
	mkdir -p fuzz/corpus/$(1)
	rustup run nightly $(CARGO_FUZZ) run --fuzz-dir fuzz $(1) fuzz/corpus/$(1) fuzz/seeds/$(1) -- -dict=fuzz/$(2) \
	  -max_total_time=$(SECONDS) -rss_limit_mb=1024 -malloc_limit_mb=64 -max_len=4096 -timeout=5 -print_final_stats=1
endef

dist: $(VENV)/.dist ## build the sdist and the wheels, and test them on each version of Python that is found
	$(BIN)/python .ci/dist.py

lint: $(BUILT) $(VENV)/.lint ## run the formatters, linters and type checkers, none of which changes a file
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --all-targets --no-default-features -- -D warnings
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest devicemap
	$(BIN)/zizmor --offline --quiet .github

clean: ## remove everything that the commands have created
	rm -rf $(VENV) target fuzz/target fuzz/corpus fuzz/artifacts dist .coverage .benchmarks .hypothesis .mypy_cache .pytest_cache .ruff_cache python/devicemap/*.so

$(BUILT): $(RUST) $(VENV)/.build
	@echo "==> building devicemap in release"
	$(BIN)/maturin develop --release --locked
	@touch $@

# A peer that cannot be imported together with transformers 4. It has a folder of its own.
$(VENV)/.hub: | $(PYO3_PYTHON)
	$(BIN)/python -m pip install --quiet --target $(VENV)/hub huggingface_hub==2.4.0
	@touch $@

# A stamp for each dependency group of pyproject.toml.
$(VENV)/.%: pyproject.toml | $(PYO3_PYTHON)
	@echo "==> installing the dependency group $*"
	$(BIN)/python -m pip install --group $*
	@touch $@

# It measures the coverage of Rust tests with ptrace, so that the toolchain needs no llvm-tools.
$(TARPAULIN): | $(PYO3_PYTHON)
	cargo install cargo-tarpaulin --version 0.37.5 --locked --root $(VENV)

$(CARGO_FUZZ): | $(PYO3_PYTHON)
	cargo install cargo-fuzz --version 0.13.2 --locked --root $(VENV)

$(PYO3_PYTHON):
	$(if $(shell command -v cargo 2>/dev/null),,$(error cargo is missing: install Rust from https://rustup.rs))
	$(if $(shell $(PYTHON) -c 'import sys; print(sys.version_info >= (3, 10) or "")' 2>/dev/null),,\
	  $(error $(PYTHON) is missing or older than 3.10: name a newer one, as in make $(MAKECMDGOALS) PYTHON=python3.13))
	@echo "==> creating $(VENV)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
