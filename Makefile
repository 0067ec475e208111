# What CI runs, a person runs: `make help` lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FUZZ := dissectors/fuzz
KUSTO := deploy/sentinel/check
FUZZ_SECONDS ?= 600
FUZZ_CORPUS := $(FUZZ)/corpus
RSYSLOGD := /usr/sbin/rsyslogd
SYSLOG_NG := .cache/syslog-ng/usr/sbin/syslog-ng
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# The build finds maturin on the path.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help docs sentinel demo evaluate test lint bench bench-live bench-store bench-conclude bench-year fuzz fuzz-short wheel wheels deb bundle clean build rust tools receivers

help: ## List what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: build ## Build Otoscope and replay a day of a water works
	@$(BIN)/otoscope replay --rows 5 pcaps/plants/water.pcap

test: tools lint $(KUSTO)/node_modules ## Lint, test the Rust and the Python half, test the wheel; installs what it needs
	cargo test --locked --manifest-path dissectors/Cargo.toml
	@$(MAKE) --no-print-directory fuzz-short
	$(BIN)/python -m pytest

lint: build $(VENV)/.dev ## Check style and types of both halves
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	cargo fmt --check --manifest-path dissectors/Cargo.toml
	cargo fmt --check --manifest-path $(FUZZ)/Cargo.toml
	cargo clippy --locked --all-targets --all-features --manifest-path dissectors/Cargo.toml -- -D warnings

bench: build tools ## Measure packets a second on a plant trace of a million packets
	$(BIN)/python -m benchmarks.run

evaluate: build $(VENV)/.dev ## Hold the inferred Purdue levels against labelled plants
	$(BIN)/python -m tests.evaluation.levels

bench-live: build tools ## Measure live capture over a virtual wire, beside tcpdump; needs root
	$(BIN)/python -m benchmarks.live

bench-store: build ## Measure the database at the size of a large plant
	$(BIN)/python -m benchmarks.store

bench-conclude: build ## Measure the conclusions at the size of a large plant
	$(BIN)/python -m benchmarks.conclude
bench-year: build ## Let a year of a plant pass in a database that may not grow
	$(BIN)/python -m benchmarks.year

fuzz: rust ## Feed made-up frames and files to the engine, FUZZ_SECONDS (600) for each of both targets
	@command -v cargo-fuzz >/dev/null || cargo install --quiet --locked cargo-fuzz@0.13.2
	@for target in engine readers; do \
	    mkdir -p $(FUZZ_CORPUS)/$$target && find pcaps -name '*.pcap*' -size -64k -exec cp {} $(FUZZ_CORPUS)/$$target \; && \
	    echo "fuzzing $$target for $(FUZZ_SECONDS) s" && \
	    cargo fuzz run --fuzz-dir $(FUZZ) --sanitizer none $$target $(FUZZ_CORPUS)/$$target -- -max_total_time=$(FUZZ_SECONDS) \
	        -max_len=65536 -rss_limit_mb=1024 -timeout=10 -verbosity=0 -print_final_stats=1 || exit 1; \
	done

# From the captures alone: what longer runs have found would take the time to read it again.
fuzz-short:
	@rm -rf $(FUZZ)/target/short
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=20 FUZZ_CORPUS=$(FUZZ)/target/short

docs: build ## Write the pages that are made from the registry of detectors, and what is made from the model of the settings
	$(BIN)/otoscope detectors --format markdown > docs/detectors.md
	$(BIN)/otoscope detectors --coverage > docs/coverage.md
	$(BIN)/otoscope config reference > docs/settings.md
	$(BIN)/otoscope config example > deploy/otoscope.toml

sentinel: build $(VENV)/.dev ## Write what deploy/sentinel makes of its queries and of the registry of detectors
	$(BIN)/python -m deploy.sentinel.generator

wheel: rust $(VENV)/.maturin ## Build the wheel into dist/
	$(BIN)/pip wheel --quiet --no-build-isolation --no-deps --wheel-dir dist .
	@ls dist/*.whl

deb: wheels ## Build the Debian package into dist/
	@deploy/debian/build dist/wheels $(BIN)/python dist

bundle: wheels $(VENV)/.dev ## Build what a plant without the Internet installs from into dist/
	@$(BIN)/python -m deploy.bundle dist/wheels dist

# Otoscope and all that it stands on: the same for the package and the bundle.
wheels: rust $(VENV)/.maturin
	@rm -rf dist/wheels
	@$(BIN)/pip wheel --quiet --no-build-isolation --only-binary :all: --wheel-dir dist/wheels '.[azure,stix]' pip

clean: ## Remove everything that was built or downloaded
	rm -rf $(VENV) .cache dist $(KUSTO)/node_modules dissectors/target $(FUZZ)/target $(FUZZ)/corpus $(FUZZ)/artifacts benchmarks/traces .mypy_cache .ruff_cache .pytest_cache
	find sensor tests benchmarks pcaps -name __pycache__ -prune -exec rm -rf {} +
	rm -f sensor/_dissectors*.so

# Cargo knows what is up to date; an editable install costs seconds where nothing has changed.
build: rust $(VENV)/.maturin
	@$(BIN)/pip install --quiet --no-build-isolation --editable .

rust:
	@command -v cargo >/dev/null || { echo "Otoscope is built with Rust: install it from https://rustup.rs and try again" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "Rust needs a C compiler: install one (Debian: sudo apt-get install build-essential) and try again" >&2; exit 1; }

tools:
	@command -v tshark >/dev/null && command -v tcpdump >/dev/null && command -v chromium >/dev/null && command -v promtool >/dev/null && command -v npm >/dev/null && command -v ip >/dev/null && command -v ethtool >/dev/null && command -v shellcheck >/dev/null && command -v lintian >/dev/null && ls -d /usr/lib/postgresql/*/bin >/dev/null 2>&1 || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends tshark tcpdump chromium postgresql prometheus nodejs npm iproute2 ethtool shellcheck lintian; \
	else echo "the tests need tshark, tcpdump, chromium, PostgreSQL, Prometheus, npm, iproute2, ethtool, shellcheck and lintian: install them (Debian: sudo apt-get install tshark tcpdump chromium postgresql prometheus npm iproute2 ethtool shellcheck lintian) and try again" >&2; exit 1; fi
	@[ -x $(SYSLOG_NG) ] && command -v $(RSYSLOGD) >/dev/null && ls /usr/lib/*/rsyslog/lmnsd_gtls.so /usr/lib/*/rsyslog/lmnsd_ossl.so >/dev/null 2>&1 || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then $(MAKE) --no-print-directory receivers; \
	else echo "the tests need rsyslog and syslog-ng, which Debian does not install side by side: run \"sudo make receivers\" on Debian and try again" >&2; exit 1; fi

# Debian's syslog-ng and rsyslog refuse each other: one is installed, the other only unpacked, with what it needs installed.
receivers:
	@apt-get update -qq
	@DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-upgrade --no-install-recommends rsyslog rsyslog-gnutls rsyslog-openssl \
	    $$(apt-cache depends syslog-ng-core | sed -n 's/^  Depends: \([^<]*\)$$/\1/p')
	@mkdir -p .cache/syslog-ng && cd .cache && apt-get download -qq -o APT::Sandbox::User=root syslog-ng-core && \
	    dpkg -x syslog-ng-core_*.deb syslog-ng && rm syslog-ng-core_*.deb

# The language service that reads the queries of deploy/sentinel.
$(KUSTO)/node_modules: $(KUSTO)/package-lock.json
	cd $(KUSTO) && npm ci --no-audit --no-fund
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	    { echo "Otoscope needs Python 3.11 or newer with its venv module (Debian: sudo apt-get install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.maturin: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet 'maturin>=1.9.4,<2'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"], sep="\n")' > $(VENV)/dev.txt
	$(BIN)/pip install --quiet --requirement $(VENV)/dev.txt
	@touch $@
