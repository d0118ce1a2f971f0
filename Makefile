# install and test are the two commands a checkout needs. Everything lands in .venv; nothing else is touched.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
# The stamp is named after the version, so that another PYTHON makes another environment.
STAMP := $(VENV)/.installed-$(shell $(PYTHON) -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null)
# The lock alone says which versions: a constraint file of this machine has no say.
PIP := PIP_CONSTRAINT= PIP_DISABLE_PIP_VERSION_CHECK=1 $(PY) -m pip --quiet
PYTEST_ARGS ?=
BENCH_ARGS ?=
CHAOS_ARGS ?=
LIVE_ARGS ?=
PARITY_ARGS ?=
E2E_ARGS ?=
# Requests that `api` makes of each path, that fit and that do not.
API_REQUESTS ?= 40
DEMO_ARGS ?=
DEMO_TEST_ARGS ?=
RUN_ARGS ?=
VERIFY_ARGS ?=
SPREAD_ARGS ?=
# Simulated lives whose reports `parity` compares with the truth.
LIVES ?= 60
# Things that test targets other than `test` may go without, as a comma-separated list: postgres, node, chromium, promtool,
# hadolint, compose, pgbouncer
ALLOW_MISSING ?=

.PHONY: install demo run check test test-pg conformance e2e api ops bench chaos parity verify spread pooler live demo-test vega lock clean

install: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "error: no $(PYTHON) here; name a Python 3.11 to 3.13: make install PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || \
	  { echo "error: $(PYTHON) is $$($(PYTHON) --version), not 3.11 to 3.13; name another: make install PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "error: $(PYTHON) has no venv module (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@[ -e $@ ] || rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes --requirement requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# All of it on a simulated cluster, without an endpoint: 45 days of history, a live tail, the comparison. Ctrl-C ends it, and
# each demo begins anew. DEMO_ARGS: --once (end after the table), --days, --hours, --seed.
demo: install
	@$(VENV)/bin/perps-indexer demo $(DEMO_ARGS)

# The daemon on mainnet: SOLANA_RPC_URL=https://... make run. Settings of config/default.toml by their variables. RUN_ARGS:
# --protocol.
run: install
	@$(VENV)/bin/perps-indexer run $(RUN_ARGS)

check: install
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy --strict indexer
	$(PY) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

# A file's tests run one after the other, files on as many processes as there are cores (PYTEST_ARGS='-n 0': on one).
test: check
	$(PY) -m pytest -n auto --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

# The same tests against another server version: DATABASE_URL (PostgreSQL 15 to 18, a role that may create databases
# and roles), or a PostgreSQL installed by the system.
test-pg: install
	ALLOW_MISSING='$(ALLOW_MISSING)' $(PY) -m tests.other_postgres $(PYTEST_ARGS)

# JavaScript clients that nobody here wrote, against the simulated nodes and portal. Needs node and npm; ALLOW_MISSING=node
# lets it go without.
conformance: install
	ALLOW_MISSING='$(ALLOW_MISSING)' $(PY) -m tests.conformance

# The HTML report and the web pages in a real browser, at two widths, light and dark, without a foreign host and without
# scripts. Needs Chromium; ALLOW_MISSING=chromium lets it go without. E2E_ARGS: --pictures FOLDER.
e2e: install
	ALLOW_MISSING='$(ALLOW_MISSING)' $(PY) -m tests.e2e $(E2E_ARGS)

# The JSON API: API_REQUESTS made-up requests of each path, fitting and not, held against the OpenAPI document; and a scrape
# of the metrics read by promtool (Debian: package `prometheus`), which ALLOW_MISSING=promtool lets it go without.
api: install
	API_REQUESTS=$(API_REQUESTS) PROMTOOL=$(if $(findstring promtool,$(ALLOW_MISSING)),,1) \
	  $(PY) -m pytest tests/http/test_document.py tests/http/test_metrics.py $(PYTEST_ARGS)

# The operator's files, read by the programs that will read them: promtool and Prometheus itself, which asks a daemon at work
# (Debian: prometheus), hadolint, the compose specification's schema, docker compose.
# ALLOW_MISSING=promtool,hadolint,compose lets it go without.
ops: install
	ALLOW_MISSING='$(ALLOW_MISSING)' $(PY) -m tests.ops

# 300 trials of the daemon in memory and 30 on PostgreSQL, with faults and kills. CHAOS_ARGS: --seeds, --postgres-seeds, --first.
chaos: install
	$(PY) -m tests.chaos $(CHAOS_ARGS)

# How long rows take from confirmation to a reader, at the true speed of the chain: alone, behind faults, beside a backfill
# of 50,000 transactions. LIVE_ARGS: --only calm|faults|backfill|history, --history-slots, --rounds, --slack.
live: install
	$(PY) -m tests.live $(LIVE_ARGS)

# Every rollup and view against plain Python, over 240 random ledgers and 60 simulated runs of the daemon; SQL that is
# wrong, which it must notice; and reports against the truth of LIVES simulated lives. PARITY_ARGS: --worlds, --runs, --first,
# --processes.
parity: install
	$(PY) -m tests.aggregates $(PARITY_ARGS)
	PARITY_MUTANTS=all $(PY) -m pytest tests/aggregates/test_mutants.py $(PYTEST_ARGS)
	LIVES=$(LIVES) $(PY) -m pytest tests/report/test_truth.py $(PYTEST_ARGS)

# The certificate of completeness over 300 simulated chains: every kind of loss must be found in its bracket, for each
# protocol, and nothing that is not lost. VERIFY_ARGS: --seeds, --first, --processes.
verify: install
	$(PY) -m tests.verify $(VERIFY_ARGS)

# A backfill by four workers on hosts of their own (network namespaces, where root may make them) against an endpoint 200 ms
# away: as fast as four, and the same ledger after one was cut off and one killed; and `status`, `gaps` and `verify` of a year beside
# those of a day. SPREAD_ARGS: --only hosts|year, --slots, --least-times, --loopback (no namespaces).
spread: install
	$(PY) -m tests.spread $(SPREAD_ARGS)

# Writing, aggregates and workers by way of a real pgbouncer in transaction mode (Debian: pgbouncer). ALLOW_MISSING=pgbouncer
# lets it go without.
pooler: install
	ALLOW_MISSING='$(ALLOW_MISSING)' $(PY) -m tests.pooler

# Our stages against peers, which get environments of their own in .bench; blocks beside live requests; running aggregates
# against queries over five million rows (about ten minutes); whole pipelines and a day of the Portal (about five). Node and
# npm are used where they are. BENCH_ARGS: --only
# decoding|base58|blocks|loop|insert|digest|proving|peers|pipeline|growth|backfill|aggregates, --rounds, --seconds, --json.
bench: install
	$(PY) -m tests.bench $(BENCH_ARGS)

# The scripts that draw charts, as the locked vl-convert bundles them.
vega: install
	$(PY) -m tests.vega_bundle

# The whole demo: the table in time, PostgreSQL killed and away for a minute, Ctrl-C, and as root once more as a plain user.
# About five minutes. DEMO_TEST_ARGS: --away, --slack.
demo-test: install
	$(PY) -m tests.demo $(DEMO_TEST_ARGS)

# Resolve the newest allowed versions for all supported Pythons at once.
lock:
	rm -rf build/lock && $(PYTHON) -m venv build/lock && build/lock/bin/python -m pip --quiet install uv
	build/lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --extra dev --output-file requirements.lock pyproject.toml requirements.in
	cd tests/bench && for peer in anchorpy base58 driftpy; do \
	  ../../build/lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --output-file $$peer.lock $$peer.in || exit 1; done

clean:
	rm -rf $(VENV) .bench build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
