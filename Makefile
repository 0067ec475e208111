# What CI runs, a person runs: `make help` lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FUZZ := dissectors/fuzz
KUSTO := deploy/sentinel/check
DIST ?= dist
# The Python that package and bundle are for: the system's, whichever one builds them.
SYSTEM_PYTHON ?= /usr/bin/python3
# At once; the tests of a file stay together, for what they share is made once.
TEST_PROCESSES ?= 2
FUZZ_SECONDS ?= 600
ENDURANCE_SECONDS ?= 600
FUZZ_CORPUS := $(FUZZ)/corpus
SYSLOG_NG := .cache/syslog-ng/usr/sbin/syslog-ng
# What the tests call, COMMAND=PACKAGE: the Debian package that it comes from.
TOOLS := tshark=tshark tcpdump=tcpdump chromium=chromium /usr/lib/postgresql/*/bin/initdb=postgresql promtool=prometheus node=nodejs npm=npm \
    /usr/bin/python3=python3 ip=iproute2 ethtool=ethtool sysctl=procps setpriv=util-linux mount=mount systemd-analyze=systemd openssl=openssl git=git \
    shellcheck=shellcheck lintian=lintian /usr/sbin/rsyslogd=rsyslog /usr/lib/*/rsyslog/lmnsd_gtls.so=rsyslog-gnutls \
    /usr/lib/*/rsyslog/lmnsd_ossl.so=rsyslog-openssl /usr/lib/*/faketime/libfaketimeMT.so.1=libfaketime $(SYSLOG_NG)=syslog-ng-core
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# The build finds maturin on the path.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help console endurance docs sentinel demo evaluate test lint bench bench-live bench-store bench-conclude bench-console bench-year screenshots fuzz fuzz-short wheel wheels deb bundle clean build rust tools

help: ## List what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: build ## Build Otoscope and replay a day of a water works
	@$(BIN)/otoscope replay --rows 5 pcaps/plants/water.pcap

console: build ## Show that day in the console, in a browser
	@$(BIN)/pip install --quiet --no-build-isolation --editable '.[console]'
	@mkdir -p .cache
	@[ -e .cache/console/plant.db ] || { rm -rf .cache/console.new && mkdir .cache/console.new && \
	    $(BIN)/otoscope replay --database .cache/console.new/plant.db --evidence .cache/console.new/evidence pcaps/plants/water.pcap \
	        > .cache/console.new/shown.txt && mv .cache/console.new .cache/console; }
	@$(BIN)/otoscope console --database .cache/console/plant.db

test: tools lint $(KUSTO)/node_modules ## Lint, test the Rust and the Python half, test the wheel; installs what it needs
	cargo test --locked --manifest-path dissectors/Cargo.toml
	@$(MAKE) --no-print-directory fuzz-short
	$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

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

bench-console: build $(VENV)/.dev ## Time each page of the console over a large plant
	$(BIN)/python -m benchmarks.console

screenshots: build $(VENV)/.dev tools ## Take the pictures of the console that the README shows
	$(BIN)/python -m benchmarks.screenshots

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

endurance: build tools $(VENV)/.dev ## Kill the service and flood it with hostile traffic, ENDURANCE_SECONDS (600) each; needs root
	ENDURANCE_SECONDS=$(ENDURANCE_SECONDS) $(BIN)/python -m pytest -s tests/end_to_end/test_endurance.py

docs: build ## Write the pages that are made from the registry of detectors, and what is made from the model of the settings
	$(BIN)/otoscope detectors --format markdown > docs/detectors.md
	$(BIN)/otoscope detectors --coverage > docs/coverage.md
	$(BIN)/otoscope config reference > docs/settings.md
	$(BIN)/otoscope config example > deploy/otoscope.toml

sentinel: build $(VENV)/.dev ## Write what deploy/sentinel makes of its queries and of the registry of detectors
	$(BIN)/python -m deploy.sentinel.generator

wheel: rust $(VENV)/.maturin ## Build the wheel into dist/
	$(BIN)/pip wheel --quiet --no-build-isolation --no-deps --wheel-dir $(DIST) .
	@ls $(DIST)/*.whl

deb: wheels ## Build the Debian package into dist/
	@deploy/debian/build $(DIST)/wheels $(SYSTEM_PYTHON) $(DIST)

bundle: wheels $(VENV)/.dev ## Build what a plant without the Internet installs from into dist/
	@$(BIN)/python -m deploy.bundle $(DIST)/wheels $(SYSTEM_PYTHON) $(DIST)

# Otoscope and all that it stands on: the same for the package and the bundle.
wheels: rust $(VENV)/.maturin
	@rm -rf $(DIST)/wheels
	@$(BIN)/pip wheel --quiet --no-build-isolation --no-deps --wheel-dir $(DIST)/wheels .
	@$(BIN)/pip --python $(SYSTEM_PYTHON) wheel --quiet --only-binary :all: --wheel-dir $(DIST)/wheels \
	    "$$(echo $(DIST)/wheels/otoscope-*.whl)[azure,console,directory,stix]" pip

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
	@missing=$$(for tool in $(TOOLS); do command -v $${tool%=*} >/dev/null || ls $${tool%=*} >/dev/null 2>&1 || echo $${tool#*=}; done); \
	[ -n "$$missing" ] || exit 0; \
	[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null || \
	    { echo "the tests need what is not here:" $$missing "(on Debian \"sudo make tools\" installs it)" >&2; exit 1; }; \
	apt-get update -qq && \
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$(echo $$missing | sed 's/syslog-ng-core//') && \
	$(MAKE) --no-print-directory $(SYSLOG_NG)

# Debian's syslog-ng and rsyslog refuse each other: it is only unpacked, with what it needs installed.
$(SYSLOG_NG):
	@DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$(apt-cache depends syslog-ng-core | sed -n 's/^  Depends: \([^<]*\)$$/\1/p')
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
