# Everything this repository can do. `make help` lists it; `make check` and `make test` are what CI runs.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
HARNESS := PYTHONPATH=tests $(BIN)/python -m harness
DEMO := PYTHONPATH=tests $(BIN)/python -m demo
# The pages show worlds of the tests' corpus.
PAGES := PYTHONPATH=tests $(BIN)/python -m support.rule_pages
BENCH := PYTHONPATH=tests $(BIN)/python -m bench
# One for each of two cores. Tests on a control plane of their own wait more than they compute: one worker more keeps
# both cores busy, and two more leave too little of them for each.
WORKERS ?= 2
CLUSTER_WORKERS ?= 3
# Else every operator that the tests start, and every worker, compiles the same files anew.
unexport PYTHONDONTWRITEBYTECODE
# A file stays on one worker, which starts a cluster of that file's own once; in the order of tests/conftest.py. Groups
# (loadgroup) are none with pytest 9.2: xdist 3.8 marks them in a place where it no longer looks.
SPREAD := --dist loadfile --no-loadscope-reorder

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

.venv/.installed: requirements/dev.lock pyproject.toml
	@echo "creating .venv from requirements/dev.lock …"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed: make PYTHON=python3.12 …" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@# The lock is whole: --no-deps, because an old pip resolves an extra (coverage[toml]) past its own pin.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m pip check --disable-pip-version-check >/dev/null || { $(BIN)/python -m pip check; echo "requirements/dev.lock is not whole: make lock" >&2; exit 1; }
	@touch $@

.PHONY: setup
setup: .venv/.installed ## Create .venv from the committed lock file

.PHONY: test
test: setup ## Run all tests: unit, rules, and those on a real Kubernetes control plane
	$(HARNESS) build
	$(HARNESS) build --world 1.34
	PYTHONPATH=tests $(BIN)/python -m support.reach_agreement 500
	$(BIN)/python -m pytest -n $(CLUSTER_WORKERS) $(SPREAD) tests -m cluster
	$(BIN)/python -m pytest -n $(WORKERS) $(SPREAD) tests -m "not cluster"

.PHONY: unit
unit: setup ## Run only the tests that need no cluster
	$(BIN)/python -m pytest -q tests -m "not cluster"

.PHONY: coverage
coverage: setup ## Show what the tests of the pure rooms leave out; fails below the floor
	$(BIN)/python -m pytest -q -n $(WORKERS) $(SPREAD) -m "not cluster" tests/unit tests/rules --cov

.PHONY: cluster
cluster: setup ## Run only the tests on a real control plane (CVA_CLUSTER=kind for kind)
	$(HARNESS) build
	$(HARNESS) build --world 1.34
	$(BIN)/python -m pytest -n $(CLUSTER_WORKERS) $(SPREAD) tests -m cluster

.PHONY: check
check: setup lint types contracts verify ## Lint, format, types, import contracts, generated files fresh

.PHONY: lint
lint: setup ## Lint, format and spelling, without changing anything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell README.md ARCHITECTURE.md CONTRIBUTING.md CHANGELOG.md docs operator deploy

.PHONY: fmt
fmt: setup ## Format, and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: types
types: setup ## Type-check with mypy, strictly
	$(BIN)/mypy

.PHONY: contracts
contracts: setup ## Hold the import contracts of the rooms
	$(BIN)/lint-imports

.PHONY: generate
generate: setup ## Write the generated files: CRD, RBAC, schema, the pages of the clauses
	$(BIN)/python -m coder_cva generate
	$(PAGES)

.PHONY: verify
verify: setup ## Fail where a generated file is stale
	$(BIN)/python -m coder_cva generate --check
	$(PAGES) --check

.PHONY: lock
lock: setup ## Resolve the dependencies anew into requirements/*.lock
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile -q --upgrade --universal --generate-hashes --no-emit-index-url --no-header --all-extras --python-version 3.11 pyproject.toml -o requirements/dev.lock
	$(BIN)/uv pip compile -q --upgrade --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml -o requirements/operator.lock
	echo cosmic-ray | $(BIN)/uv pip compile -q --upgrade --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 - -o requirements/mutants.lock
	echo hatchling | $(BIN)/uv pip compile -q --upgrade --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 - -o requirements/build.lock

.PHONY: cluster-up
cluster-up: setup ## Start a real Kubernetes control plane to play with, and say how to reach it
	$(HARNESS) up

.PHONY: cluster-down
cluster-down: setup ## Stop it
	$(HARNESS) down

.PHONY: run
run: setup ## Run the operator against $$KUBECONFIG as the shipped ServiceAccount
	$(DEMO) run

.PHONY: uninstall
uninstall: setup ## Take the operator, its CRD, policies and rights from $$KUBECONFIG; coderd runs on
	$(DEMO) uninstall

.PHONY: demo
demo: setup ## Watch a disorderly cluster being brought to the architecture
	$(DEMO) up

.PHONY: demo-down
demo-down: setup ## Stop the demo's cluster and operator; no process is left
	$(DEMO) down

.PHONY: bench
bench: setup ## Measure on a real control plane: build/bench.json and a table (QUICK=1 for a short one)
	$(HARNESS) build
	$(BENCH)

build/mutants/venv/.installed: requirements/mutants.lock
	@$(PYTHON) -m venv build/mutants/venv
	@build/mutants/venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/mutants.lock
	@touch $@

.PHONY: mutants
mutants: setup build/mutants/venv/.installed ## Change the code in hundreds of places and see whether the tests notice (AREA=sizing for one, AGAIN=1 after new tests)
	PYTHONPATH=tests $(BIN)/python -m mutants $(if $(AGAIN),--again) $(AREA)

.PHONY: reachability
reachability: setup ## Ask about connections in 10,000 random clusters, and compare with brute force (COUNT=500 for fewer)
	PYTHONPATH=tests $(BIN)/python -m support.reach_agreement $(COUNT)

.PHONY: image
image: ## Build the operator's image (needs a container runtime)
	docker build -f deploy/image/Dockerfile -t coder-cva-operator:dev .
