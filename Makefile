# Sundial's tasks. `make` lists them. All that a machine needs is Python 3.11 or later, make and git.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export UV_PYTHON_DOWNLOADS := never
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

PORT ?=
CONFIG ?=
ARCH ?= arm64
ARGS ?=

# The first Python that is new enough and can make a virtual environment. Looked for only when one is to be made.
PYTHON = $(shell for python in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	"$$python" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$python"; break; }; done)

# The folder of a python3.13, the functions' own: `sam build` wants one on PATH.
PYTHON313 = $(shell for folder in $$(echo "$$PATH" | tr : ' ') "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.13*/bin; do \
	"$$folder/python3.13" -c '' 2>/dev/null && { echo "$$folder"; break; }; done)

##@ Use it

.PHONY: run
run: .venv-run/.complete .venv-ministack/.complete ## Serve on http://127.0.0.1:8080 (PORT=, CONFIG=file.yaml); Ctrl-C stops it
	@exec .venv-run/bin/python -m sundial_local $(if $(PORT),--port '$(PORT)') $(if $(CONFIG),--config '$(CONFIG)')

.PHONY: reset
reset: ## Forget what `make run` keeps: users' sessions, refresh tokens, keys
	@.venv-run/bin/python -m sundial_local --reset 2>/dev/null || rm -rf .sundial

##@ Work on it

.PHONY: test
test: .venv/.complete .venv-ministack/.complete .venv-sam/.complete ## Run every test that this machine can (ARGS="tests/unit -k refresh")
	@.venv/bin/python -m pytest -n auto --dist worksteal --no-fold-skipped $(ARGS)

.PHONY: lint
lint: .venv/.complete ## Check style, types and the template
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy
	@.venv/bin/cfn-lint template.yaml

.PHONY: format
format: .venv/.complete ## Format the code and sort the imports
	@.venv/bin/ruff check --fix-only
	@.venv/bin/ruff format

.PHONY: bench
bench: .venv/.complete .venv-ministack/.complete ## Measure round trips, handler time and size
	@.venv/bin/python -m bench $(ARGS)

.PHONY: docs-config
docs-config: .venv/.complete ## Write docs/configuration.md from the configuration's classes
	@.venv/bin/sundial config docs > docs/configuration.md

.PHONY: lock
lock: .venv/.complete ## Lock every requirement again, with hashes (ARGS=--upgrade for the newest)
	@for name in layers/sundial/requirements requirements/bootstrap requirements/run requirements/dev requirements/ministack requirements/sam; do \
		echo "$$name.txt" && .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links $(ARGS) $$name.in -o $$name.txt || exit; done

##@ Deploy it

.PHONY: validate
validate: .venv-sam/.complete ## Check template.yaml as `sam deploy` would
	@SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam validate --lint

.PHONY: build
build: .venv-sam/.complete ## Build what is deployed into .aws-sam (wants a Python 3.13; ARCH=x86_64 for Intel)
	@test -n "$(PYTHON313)" || { echo 'make build: the functions run on Python 3.13, and no python3.13 was found on PATH or in pyenv'; exit 1; }
	@find functions -name __pycache__ -type d -prune -exec rm -rf {} +
	@PATH="$(PYTHON313):$$PATH" ARCH=$(ARCH) SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam build --parameter-overrides Architecture=$(ARCH) $(ARGS)

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
	@test -n "$(PYTHON)" || { echo 'Sundial needs Python 3.11 or later with its venv module (on Debian and Ubuntu: apt install python3-venv); none was found on PATH'; exit 1; }
	@echo "Preparing .venv-uv ($$($(PYTHON) --version))"
	@$(PYTHON) -m venv --clear .venv-uv
	@.venv-uv/bin/python -m pip install --quiet --require-hashes -r requirements/bootstrap.txt
	@touch $@

define environment
$(1)/.complete: $(2) $(if $(3),tools/link_environment.py) .venv-uv/.complete
	@echo "Preparing $(1) from $(2)"
	@$(1)/bin/python -c '' 2>/dev/null || .venv-uv/bin/uv venv --quiet --clear --python .venv-uv/bin/python $(1)
	@.venv-uv/bin/uv pip sync --quiet --require-hashes --python $(1)/bin/python $(2)
	$(3)
	@touch $$@
endef

link = @$(1)/bin/python tools/link_environment.py

$(eval $(call environment,.venv,requirements/dev.txt,$(call link,.venv)))
$(eval $(call environment,.venv-run,requirements/run.txt,$(call link,.venv-run)))
$(eval $(call environment,.venv-ministack,requirements/ministack.txt))
$(eval $(call environment,.venv-sam,requirements/sam.txt))
