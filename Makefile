# What people and CI run. Every target installs what it needs and is missing: see scripts/install.

.DEFAULT_GOAL := help
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
# Where scripts/install puts what the system's packages lack.
export PATH := $(CURDIR)/target/tools/node/bin:$(PATH)

INSTALL := scripts/install
STEP := scripts/step
BUILD_TOOLS := rust cc c++ nasm libclang
VM_TOOLS := python3 strip flock qemu
TEST_TOOLS := $(BUILD_TOOLS) $(VM_TOOLS) node cmake cargo-deny nats-server nats-server-current gst-rtsp-server ffmpeg haproxy chromium
# What the tests start; they build it themselves if it is missing or old.
PROGRAMS := cargo build --locked --bins -p sightline-publisher -p sightline-relay -p sightline
# With the same features for every target: nothing is built twice.
TESTS := cargo test --locked -p sightline-tests --features browser
# For faults that need more than a signal.
FAULT_TOOLS := nats-server nats-server-current gst-rtsp-server haproxy chromium faketime ip iptables
# What the files in deploy/ are checked by.
DEPLOY_TOOLS := python3 openssl nats-server nats-server-current haproxy nginx caddy promtool traefik compose \
	systemd-analyze dpkg-deb chart

.PHONY: help demo test check bench audit fuzz image install \
	test-unit test-web test-e2e test-faults test-browser test-v4l2 faults soak \
	check-format check-clippy check-deny check-doc check-links check-web check-deploy packages

help: ## This list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sort -u | \
		awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

demo: ## Build and start both parts in one process: open the address it prints
	@$(INSTALL) $(BUILD_TOOLS)
	cargo run --release --locked -p sightline $(if $(ARGS),-- $(ARGS))

test: ## Everything that CI runs: installs the tools, checks, and runs every test
	@$(STEP) install $(MAKE) install
	@$(STEP) check $(MAKE) check
	@$(STEP) test-unit $(MAKE) test-unit
	@$(STEP) test-web $(MAKE) test-web
	@$(STEP) test-e2e $(MAKE) test-e2e
	@$(STEP) test-faults $(MAKE) test-faults
	@$(STEP) test-browser $(MAKE) test-browser
	@$(STEP) test-v4l2 $(MAKE) test-v4l2
	@echo; echo "all steps passed"

install: ## Install what the tests need and is missing
	@$(INSTALL) $(TEST_TOOLS) $(DEPLOY_TOOLS)

check: ## Format, lints, licences, docs, links, the files in deploy/
	@$(STEP) format $(MAKE) check-format
	@$(STEP) clippy $(MAKE) check-clippy
	@$(STEP) deny $(MAKE) check-deny
	@$(STEP) doc $(MAKE) check-doc
	@$(STEP) links $(MAKE) check-links
	@$(STEP) web $(MAKE) check-web
	@$(STEP) deploy $(MAKE) check-deploy

check-format:
	cargo fmt --all --check

check-clippy:
	@$(INSTALL) $(BUILD_TOOLS) cmake
	cargo clippy --locked --workspace --all-targets --features sightline-tests/browser,sightline-bench/browser -- -D warnings
	cargo clippy --locked -p sightline-publisher --all-targets --features turbojpeg -- -D warnings

check-deny:
	@$(INSTALL) rust cargo-deny
	cargo deny --locked --all-features check --hide-inclusion-graph bans licenses sources

check-doc:
	@$(INSTALL) $(BUILD_TOOLS)
	RUSTDOCFLAGS="-D warnings -A rustdoc::private-intra-doc-links" cargo doc --locked --no-deps --workspace --document-private-items

check-links:
	@$(INSTALL) node
	node scripts/links.mjs

check-web: web/node_modules/.package-lock.json
	cd web && npm run --silent check

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	@$(INSTALL) node
	cd web && npm ci --no-audit --no-fund
	@touch $@

check-deploy: ## Files in deploy/, each by the program that it is for
	@$(INSTALL) $(DEPLOY_TOOLS)
	scripts/check-deploy

bench: ## What serving, encoding and watching cost, beside the physical floor, in about half an hour: NAMES="..." picks some
	@$(INSTALL) $(BUILD_TOOLS) nats-server chromium
	cargo build --release --locked -p sightline-publisher -p sightline-relay -p sightline-bench --features sightline-bench/browser
	scripts/bench $(NAMES)

audit: ## Known vulnerabilities of the dependencies (fetches the advisory database)
	@$(INSTALL) rust cargo-deny
	cargo deny --locked --all-features check advisories

test-unit: ## Tests beside the code of every crate
	@$(INSTALL) $(BUILD_TOOLS)
	cargo test --locked

test-web: web/node_modules/.package-lock.json ## Tests of the page's modules
	cd web && npm test

test-e2e: ## Bus contract, and whole fleets with real nats-servers and clients
	@$(INSTALL) $(BUILD_TOOLS) nats-server nats-server-current gst-rtsp-server ffmpeg haproxy
	@$(INSTALL) python3 openssl nginx
	$(PROGRAMS)
	$(TESTS) --test workspace --test bus --test e2e -- --test-threads=4

test-faults: ## What faults do to viewers: the quick rows of `make faults`, once, and not their speed
	@$(INSTALL) $(BUILD_TOOLS) nats-server nats-server-current faketime
	$(PROGRAMS)
	$(TESTS) --test faults -- --quick --times 1

faults: ## What faults do to viewers, measured: docs/reliability.md. All rows five times, or those that ARGS names
	@$(INSTALL) $(BUILD_TOOLS) $(FAULT_TOOLS)
	cargo build --release --locked --bins -p sightline-publisher -p sightline-relay
	TEST_PROGRAMS=$(CURDIR)/target/release $(TESTS) --test faults -- $(or $(ARGS),--docs)

soak: ## Kill something every 30 s for an hour, or for the minutes that ARGS says
	@$(INSTALL) $(BUILD_TOOLS) $(FAULT_TOOLS)
	cargo build --release --locked --bins -p sightline-publisher -p sightline-relay
	TEST_PROGRAMS=$(CURDIR)/target/release $(TESTS) --test faults -- --soak $(or $(ARGS),60)

test-browser: ## The page in Chromium
	@$(INSTALL) $(BUILD_TOOLS) nats-server-current chromium
	$(PROGRAMS)
	$(TESTS) --lib --test browser

test-v4l2: ## Real camera drivers in a virtual machine
	@$(INSTALL) $(BUILD_TOOLS) $(VM_TOOLS)
	tests/v4l2/run

fuzz: ## Hostile bytes for every parser, SECONDS_EACH (600) seconds for each (nightly toolchain)
	@$(INSTALL) rust cargo-fuzz
	cd fuzz && for target in $$(cargo +nightly fuzz list); do \
		mkdir -p corpus/$$target && \
		cargo +nightly fuzz run $$target corpus/$$target seeds/$$target -- \
			-max_total_time=$${SECONDS_EACH:-600} -max_len=4096 || exit 1; \
	done

image: ## Container images of publisher and relay
	@docker version >/dev/null 2>&1 || { echo "error: needs a running docker engine" >&2; exit 1; }
	docker build --file deploy/docker/publisher.Dockerfile --tag sightline-publisher .
	docker build --file deploy/docker/relay.Dockerfile --tag sightline-relay .

packages: ## Debian packages of this machine's architecture, in target/debian
	@$(INSTALL) $(BUILD_TOOLS) cmake dpkg-deb
	cargo build --release --locked --bins -p sightline-publisher -p sightline-relay -p sightline \
		--features sightline-publisher/turbojpeg
	scripts/package
