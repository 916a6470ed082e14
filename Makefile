# Everything a person needs, from a clone and Python alone. `make` or `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
PORT ?= 8080
AWS_PORT ?= 4566
STORES ?= embedded
BEDROCK ?= local
STATE ?= .ragops
PROFILE ?= small
UV_VERSION := 0.13.9

VENV := .venv
EMULATOR := .venv-emulator
INFRA := .venv-infra
BIN := $(VENV)/bin
UV := $(BIN)/uv
export IS_NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
# Stamps: what is installed is what these locks said when the stamp was made.
LOCK_LOCAL := $(VENV)/.local
LOCK_DEV := $(VENV)/.dev
LOCK_CLIENT := $(VENV)/.client
LOCK_EMULATOR := $(EMULATOR)/.installed
LOCK_INFRA := $(INFRA)/.installed

# What to do when packages cannot be fetched; the tool's own words stand above it.
define not_fetched
{ echo; echo "The packages could not be installed; the reason stands above."; \
  echo "- No way to the package index: behind a proxy, set HTTPS_PROXY; for an index of your own, set"; \
  echo "  PIP_INDEX_URL and UV_DEFAULT_INDEX to its address; for its certificate, set SSL_CERT_FILE."; \
  echo "- No package for this Python ($$($(BIN)/python --version 2>&1)): make clean setup PYTHON=python3.12"; \
  echo "Then do it again: what is there already is kept."; exit 1; }
endef

# Runs a verb of compose.local in whatever is installed.
define local
if [ -x $(BIN)/python ]; then $(BIN)/python -m compose.local $(1) --state $(STATE); \
elif [ -e $(VENV) ] || [ -L $(VENV) ]; then echo "$(VENV) is broken: it has no Python. To install again: make clean setup"; exit 1; \
else echo "Nothing is installed, so nothing runs. To start: make run"; fi
endef

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  PORT=$(PORT) page and API, AWS_PORT=$(AWS_PORT) AWS emulator, PYTHON=$(PYTHON) interpreter (3.11 or later),"
	@echo "  STORES=embedded | real passages and graph in a file, or in OpenSearch and Neo4j servers,"
	@echo "  BEDROCK=local | aws models on this machine, or of the AWS account of this shell, STATE=$(STATE) folder of all data"

.PHONY: setup
setup: $(LOCK_LOCAL) $(LOCK_EMULATOR) ## install what `make run` needs, into .venv and .venv-emulator

.PHONY: run
run: setup ## start the whole system and print the link to open (Ctrl-C stops it)
	@exec $(BIN)/python -m compose.local run --port $(PORT) --aws-port $(AWS_PORT) \
		--stores $(STORES) --bedrock $(BEDROCK) --state $(STATE) $(RUN_OPTIONS)

.PHONY: stop
stop: ## stop a system that runs in another terminal, or clean up after a killed one
	@$(call local,stop)

.PHONY: status
status: ## what runs, with memory and logs
	@$(call local,status)

.PHONY: test
test: $(LOCK_DEV) $(LOCK_EMULATOR) ## run the tests: unit, contract, integration, end to end
	$(BIN)/pytest tests/unit tests/contract tests/house tests/integration tests/e2e $(TEST_OPTIONS)

.PHONY: quality
quality: $(LOCK_DEV) ## retrieval's figures on the sets in RAGOPS_EVAL_SETS (default ../shared/eval)
	$(BIN)/pytest tests/quality $(TEST_OPTIONS)

.PHONY: test-localstack
test-localstack: $(LOCK_DEV) ## the end-to-end tests on LocalStack (needs mvn and a JDK)
	RAGOPS_E2E_EMULATOR=localstack $(BIN)/pytest tests/e2e -m "not real" $(TEST_OPTIONS)

.PHONY: fuzz
fuzz: $(LOCK_DEV) ## 1,000 broken files of each kind, and bombs: FUZZ_OPTIONS='pdf docx --count 100 --seed 2'
	$(BIN)/python -m tests.integration.ingestion.fuzz $(FUZZ_OPTIONS)

.PHONY: disorder
disorder: $(LOCK_DEV) ## 500 random interleavings of uploads, deletes, late messages and lost workers
	RAGOPS_INTERLEAVINGS=500 $(BIN)/pytest tests/integration/disorder/test_disorder.py $(TEST_OPTIONS)

.PHONY: chaos
chaos: $(LOCK_DEV) $(LOCK_EMULATOR) ## 2,000 documents while workers are killed and messages doubled
	$(BIN)/python -m tests.e2e.chaos $(CHAOS_OPTIONS)

.PHONY: soak
soak: $(LOCK_DEV) $(LOCK_EMULATOR) ## 20,000 turns of scripted users, then archive, lake and sets are checked: TURNS=500
	$(BIN)/python -m tests.soak --turns $(or $(TURNS),20000) $(SOAK_OPTIONS)

.PHONY: lint
lint: $(LOCK_DEV) ## style, the imports between rooms, Dockerfiles, workflows of GitHub Actions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/hadolint services/Dockerfile compose/Dockerfile
	$(BIN)/zizmor --offline --quiet .github

.PHONY: types
types: $(LOCK_DEV) ## mypy, strict
	$(BIN)/mypy

.PHONY: bench
bench: $(LOCK_DEV) $(LOCK_EMULATOR) ## speed and size, each as a ratio to a limit measured in the same run
	$(BIN)/python -m tests.bench

.PHONY: bench-smoke
bench-smoke: $(LOCK_DEV) $(LOCK_EMULATOR) ## the measurements that take less than a minute each
	$(BIN)/python -m tests.bench --again 5 consumer gateway startup

.PHONY: eval
eval: $(LOCK_CLIENT) ## measure the running system's retrieval: make eval SET=folder [JSON=file]
	@$(BIN)/python -m shared.client.evaluate --url http://127.0.0.1:$(PORT) \
		$(if $(JSON),--json $(JSON)) $(EVAL_OPTIONS) $(or $(SET),--help)

.PHONY: eval-answers
eval-answers: $(LOCK_CLIENT) ## measure the running system's answers: make eval-answers SET=folder [PROMPT=file] [JUDGE=model] [JSON=file]
	@$(BIN)/python -m shared.client.answers --url http://127.0.0.1:$(PORT) \
		$(if $(PROMPT),--prompt $(PROMPT)) $(if $(JUDGE),--judge-model $(JUDGE)) \
		$(if $(JSON),--json $(JSON)) $(EVAL_OPTIONS) $(or $(SET),--help)

.PHONY: ci
ci: lint types ## everything that a change must pass
	$(MAKE) --jobs 2 --output-sync=line ci-parts ci-system
	$(MAKE) bench-smoke

# Two halves that take about as long, so that they run side by side on two cores.
.PHONY: ci-parts ci-system
ci-parts: $(LOCK_DEV) $(LOCK_EMULATOR)
	$(BIN)/pytest tests/unit tests/contract tests/house tests/integration $(TEST_OPTIONS)
	$(MAKE) quality

ci-system: $(LOCK_DEV) $(LOCK_EMULATOR)
	$(BIN)/pytest tests/e2e $(TEST_OPTIONS)
	$(MAKE) test-localstack
	$(MAKE) infra-test
	$(MAKE) deploy-emulated

.PHONY: deploy
deploy: $(LOCK_INFRA) ## deploy PROFILE to the AWS account of this shell (docs/deploy.md): DEPLOY_OPTIONS='--certificate ARN'
	@$(INFRA)/bin/python -m infra.deploy --profile $(PROFILE) $(DEPLOY_OPTIONS)

.PHONY: destroy
destroy: $(LOCK_INFRA) ## take the services away from AWS; stores, queues and network stay
	@$(INFRA)/bin/python -m infra.deploy destroy $(DEPLOY_OPTIONS)

.PHONY: infra-test
infra-test: $(LOCK_INFRA) $(LOCK_EMULATOR) ## types and tests of the stacks: policy matrix, cfn-lint, cdk-nag
	$(INFRA)/bin/mypy --cache-dir .mypy_cache/infra -p infra -p tests.infra
	$(INFRA)/bin/pytest tests/infra $(TEST_OPTIONS)

.PHONY: synth
synth: $(LOCK_INFRA) ## write the CloudFormation templates of PROFILE into infra/out
	$(INFRA)/bin/python -m infra.synth --profile $(PROFILE)

.PHONY: images
images: $(LOCK_DEV) ## build the image of each service, with Docker or without: IMAGES_OPTIONS='memory --base NAME'
	$(BIN)/python -m compose.containers.images $(IMAGES_OPTIONS)

.PHONY: deploy-emulated
deploy-emulated: $(LOCK_DEV) $(LOCK_EMULATOR) synth ## roll the stacks of PROFILE=small out as real containers (needs podman)
	$(BIN)/python -m compose.containers.images --without-docker
	$(BIN)/pytest tests/deploy $(TEST_OPTIONS)

.PHONY: docs
docs: $(LOCK_DEV) ## write the generated pages anew: settings and the index of decisions
	$(BIN)/python -m docs.generate

.PHONY: lock
lock: $(UV) ## write the locks anew from pyproject.toml (hashes, no index address)
	$(UV) pip compile -q --generate-hashes --universal --python-version 3.11 --no-header --no-annotate \
		--group pyproject.toml:dev -o requirements.lock
	$(UV) pip compile -q --generate-hashes --universal --python-version 3.11 --no-header --no-annotate \
		--group pyproject.toml:emulator -o compose/local/emulator.lock
	$(UV) pip compile -q --generate-hashes --universal --python-version 3.11 --no-header --no-annotate \
		--group pyproject.toml:infra -o infra/requirements.lock

.PHONY: clean
clean: ## stop the system and remove the environments; documents and conversations in .ragops stay
	@($(call local,stop)) || echo "Removing the installation all the same."
	rm -rf $(VENV) $(EMULATOR) $(INFRA) .venv-localstack

# A Python that went away or was replaced leaves environments that look installed and are not.
.PHONY: sound
sound:
	@for environment in $(VENV) $(EMULATOR); do \
		if [ -e $$environment ] && ! $$environment/bin/python -c "$$IS_NEW_ENOUGH" 2>/dev/null; then \
			echo "$$environment is broken: its Python is gone or older than 3.11. To install again: make clean setup"; exit 1; fi; \
	done
	@if [ -e $(LOCK_LOCAL) ] && ! $(BIN)/python -c 'import psutil, uvicorn' 2>/dev/null; then \
		echo "$(VENV) is broken: its packages are not those of $$($(BIN)/python --version). To install again: make clean setup"; exit 1; fi
	@if [ -e $(LOCK_EMULATOR) ] && ! $(EMULATOR)/bin/python -c 'import uvicorn' 2>/dev/null; then \
		echo "$(EMULATOR) is broken: its packages are missing. To install again: make clean setup"; exit 1; fi

$(UV): | sound
	@command -v $(PYTHON) >/dev/null || { \
		echo "There is no '$(PYTHON)' on this machine. RagOps needs Python 3.11 or later:"; \
		echo "install one and name it, for example: make run PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c "$$IS_NEW_ENOUGH" || { \
		echo "RagOps needs Python 3.11 or later; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)."; \
		echo "Install one and name it, for example: make run PYTHON=python3.12"; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { \
		echo "$(VENV) could not be made; Python's reason stands above."; \
		echo "If the venv module is missing (Debian and Ubuntu): apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION) || $(not_fetched)

# A machine may hold only some groups: `dev` contains `local`, so its stamp counts for both.
$(LOCK_LOCAL): requirements.lock pyproject.toml | $(UV)
	@echo "Installing the packages of requirements.lock"
	@$(UV) pip install -q --python $(BIN)/python --group local --require-hashes -c requirements.lock || $(not_fetched)
	@touch $@

$(LOCK_DEV): requirements.lock pyproject.toml | $(UV)
	@echo "Installing the packages of requirements.lock, with the developers' tools"
	@$(UV) pip install -q --python $(BIN)/python --group dev --require-hashes -c requirements.lock || $(not_fetched)
	@touch $@ $(LOCK_LOCAL)

$(LOCK_CLIENT): requirements.lock pyproject.toml | $(UV)
	@echo "Installing the packages of requirements.lock for the client"
	@$(UV) pip install -q --python $(BIN)/python --group client --require-hashes -c requirements.lock || $(not_fetched)
	@touch $@

# An environment of its own: it pins a botocore that the services do not want.
$(LOCK_EMULATOR): compose/local/emulator.lock | $(UV)
	@echo "Installing the AWS emulator into $(EMULATOR)"
	@$(UV) venv -q --allow-existing --python $(BIN)/python $(EMULATOR)
	@$(UV) pip install -q --python $(EMULATOR)/bin/python --require-hashes -r compose/local/emulator.lock || $(not_fetched)
	@touch $@

# An environment of its own: CDK and node are half a gigabyte.
$(LOCK_INFRA): infra/requirements.lock | $(UV)
	@echo "Installing AWS CDK into $(INFRA)"
	@$(UV) venv -q --allow-existing --python $(BIN)/python $(INFRA)
	@$(UV) pip install -q --python $(INFRA)/bin/python --require-hashes -r infra/requirements.lock || $(not_fetched)
	@touch $@
