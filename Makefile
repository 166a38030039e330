# Each target sets up what it needs; the first run takes a minute, later ones start at once.
PYTHON ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,$(shell $(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(p))) python3)
BIN := .venv/bin
DATA ?= data
# Tests at a time: most of them wait for somebody most of the time, so four keep two cores busy.
WORKERS ?= 4

.PHONY: help run test lint types format fuzz attack bench conformance picture lock setup programs clean

help:            ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup:
	@$(PYTHON) tools/bootstrap.py

programs: setup
	@$(BIN)/python -m leafhub_tools.micropython >/dev/null

run: programs    ## Start the hub, four virtual leaves, and the dashboard
	@$(BIN)/leafhub demo --data "$(DATA)"

test: lint types programs  ## Run every check and every test
	@$(BIN)/python tests/support/bring_programs.py
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal $(PYTEST)

lint: setup      ## Check style and who imports whom
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/ruff check --quiet firmware
	@mkdir -p .import_linter_cache; $(BIN)/lint-imports --no-logo >.import_linter_cache/last.txt 2>&1 || { cat .import_linter_cache/last.txt; exit 1; }

types: setup     ## Check types
	@$(BIN)/mypy

format: setup    ## Put every file into shape
	@$(BIN)/ruff check --quiet --fix
	@$(BIN)/ruff format

fuzz: setup      ## Send a million damaged packets (ARGS="--packets 100000 --seed 7")
	@PYTHONPATH=tests/support $(BIN)/python -m fuzz $(ARGS)

attack: setup    ## Attack a hub with 10,000 failed logins and the like (ten minutes)
	@ATTACK_SCALE=$${ATTACK_SCALE:-20} $(BIN)/pytest tests/end_to_end/test_under_attack.py $(PYTEST)

bench: setup     ## Measure the hub beside mosquitto (ARGS="--rounds 5 --only idle")
	@$(BIN)/python -m leafhub_tools.bench $(ARGS)

conformance: setup  ## Write docs/conformance.md anew
	@$(BIN)/python tests/conformance/mqtt/page.py

picture: programs  ## Take the pictures in docs/ anew (a minute and a half)
	@set -e; folder=$$(mktemp -d); \
	LEAFHUB_MQTT__LISTENERS='[{host = "127.0.0.1", port = 0}, {host = "127.0.0.1", port = 0, tls = true}]' \
	LEAFHUB_HTTP__LISTENERS='[{port = 0}]' \
	$(BIN)/leafhub demo --no-dashboard --interval 1 --data $$folder/data >$$folder/log 2>&1 & demo=$$!; \
	trap 'kill $$demo; wait $$demo; rm -r $$folder' EXIT; \
	until grep -q 'all is running' $$folder/log; do kill -0 $$demo || { cat $$folder/log; exit 1; }; sleep 0.2; done; \
	$(BIN)/python -m leafhub_tui.picture docs/dashboard.svg --data $$folder/data --size 110x30 --after 75 \
		--device 'Weather mast' --page docs/device.svg --command set-temp --argument 24

lock: setup      ## Renew requirements.lock
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --universal --generate-hashes \
		--no-emit-index-url --python-version 3.11 --upgrade pyproject.toml --all-extras --group dev --output-file requirements.lock

clean:           ## Remove what was set up; the data folder stays
	@rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
