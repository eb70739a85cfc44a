# Two commands matter: `make demo` runs the product, `make test` proves it. Both set up what they need.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help demo demo-asterisk test test-fast test-servers test-long test-asterisk test-documents console console-same screenshots attack sbom vulnerabilities lint format bench bench-pacing lock clean clean-data
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

demo: $(VENV)/.installed ## a sample centre, 5,000 leads through the API, and a server that keeps serving
	$(BIN)/callfloor demo

demo-asterisk: $(VENV)/.installed ## the demo with real SIP calls: a testbed's Asterisk, customers, agents and callers
	$(BIN)/python -m testbed.demo

test: $(VENV)/.installed-dev ## every check and every test, beside each other
	$(BIN)/python -m tests.run --beside lint --beside console-same

test-fast: $(VENV)/.installed-dev ## the tests without the static checks; what failed and then passed alone is named
	$(BIN)/python -m tests.run

test-servers: $(VENV)/.installed-dev ## the tests on each PostgreSQL that there is, not only those of the store
	CALLFLOOR_TEST_EACH_SERVER=1 $(BIN)/python -m tests.run

test-long: $(VENV)/.installed-dev ## every test, far and wide: on each PostgreSQL, more examples, 1,000 random days of the floor
	CALLFLOOR_TEST_LONG=1 CALLFLOOR_TEST_EACH_SERVER=1 CALLFLOOR_DAYS=1000 $(BIN)/python -m tests.run -m ''

test-asterisk: $(VENV)/.installed-dev ## the tests that place real calls, alone
	$(BIN)/python -m tests.run -m asterisk

console: $(VENV)/.installed-dev ## build callfloor/console/static from console/
	$(BIN)/python console/build.py build

console-same: $(VENV)/.installed-dev # what is committed is what the sources build, byte for byte
	$(BIN)/python console/build.py same

screenshots: $(VENV)/.installed-dev ## pictures of the console's pages, in console/screenshots
	$(BIN)/python -m testbed.screenshots

# checked again only when the console or what it is told of the APIs changed
CONSOLE_SOURCES := $(wildcard $(shell git ls-files console callfloor/api callfloor/contract 2>/dev/null))
console/node_modules/.checked: $(CONSOLE_SOURCES) $(VENV)/.installed-dev
	$(BIN)/python console/build.py check
	touch $@

test-documents: $(VENV)/.installed-dev ## every command block of README and docs/, typed in a fresh folder
	$(BIN)/pytest -m '' tests/documents

# `bench hostile` sends the corpora of these two, whole, and fails of a 5xx: once is enough
SENT_BELOW := $(addprefix --deselect tests/attack/test_loop.py::,test_the_whole_corpus_leaves_the_loop_to_others \
	test_no_operation_keeps_the_loop_from_others)

# what held when the product was attacked, where its tests stand beside what they test
HELD := tests/system/test_isolation.py tests/system/test_roles.py tests/system/test_giving_root_up.py \
	tests/system/test_superusers.py tests/engine/test_functions.py tests/mail/test_outbox.py \
	tests/rules/test_evidence.py tests/store/test_evidence.py tests/media/test_encryption.py tests/cli/test_commands.py \
	tests/store/test_emails.py tests/api/test_gate.py tests/api/test_import_duplicates.py tests/auth/test_passkeys.py \
	tests/rules/test_passkeys.py tests/auth/test_single_sign_on.py tests/auth/test_signing_in.py \
	tests/auth/test_second_factor.py tests/console/test_files.py tests/rules/test_sheets.py tests/rules/test_import_report.py
attack: $(VENV)/.installed-dev ## the whole attack suite, what takes too long for every run too, and the event loop's longest block
	$(BIN)/pytest -n 2 --dist worksteal -m '' $(SENT_BELOW) tests/attack $(HELD)
	$(BIN)/python -m bench hostile

sbom: $(VENV)/.installed-dev ## sbom.json: the bill of materials, CycloneDX
	$(BIN)/python -m supply_chain.sbom sbom.json

vulnerabilities: $(VENV)/.installed-dev ## known vulnerabilities of what is locked, offline (DATABASE=all.zip of osv.dev for PyPI)
	@test -n "$(DATABASE)" || { echo "name a database: make vulnerabilities DATABASE=all.zip (OSV records of PyPI, from osv.dev)"; exit 2; }
	$(BIN)/python -m supply_chain.vulnerabilities $(DATABASE) requirements.lock requirements-dev.lock

lint: $(VENV)/.installed-dev console/node_modules/.checked ## ruff, pyright strict, import contracts, code that nothing uses, the console's types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	@# fields are read by name where vulture cannot see it: functions, classes and imports are looked at
	! $(BIN)/vulture | grep -v 'unused variable\|unused attribute'
	$(BIN)/pyright

format: $(VENV)/.installed-dev ## put the code into its standard form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-dev ## the figures of docs/benchmarks.md (SIZE=10000000 for the large ones)
	$(BIN)/python -m bench $(if $(SIZE),--size $(SIZE))

bench-pacing: $(VENV)/.installed-dev ## predictive dialling measured: docs/pacing.md and its plot (SEEDS=3 for a quick look)
	$(BIN)/python -m bench.pacing

lock: $(VENV)/.installed-dev ## renew the locked versions
	$(BIN)/pip install --quiet uv
	# the tests' versions first: what they try is what is installed
	$(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml --group dev -o requirements-dev.lock
	$(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-header --no-annotate --no-emit-index-url --constraint requirements-dev.lock pyproject.toml --group build -o requirements.lock

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { rm -rf $(VENV); $(PYTHON) -m venv $(VENV); } || { rm -rf $(VENV); echo "No virtual environment can be made: install the venv module (Debian, Ubuntu: apt install python3-venv), then run make again"; exit 1; }
	@echo "Installing what requirements.lock names into $(VENV): a minute or two, once"
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.lock
	touch $@

clean: ## remove what the commands above made, but no data
	rm -rf $(VENV) console/node_modules testbed/.asterisk .pytest_cache .ruff_cache .hypothesis

clean-data: ## remove the demo's data (./callfloor-data) for good
	rm -rf callfloor-data
