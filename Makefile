# A thin face over cargo: what to type. The work is in buildroot/ (the image) and qemu-tests/ (machines).
# `make run` and `make test` need git, make, curl and Rust; buildroot/setup.sh installs the rest, and says so first.

CARGO ?= cargo
BUILD := $(CARGO) run --quiet --package buildroot --
VM := $(CARGO) run --quiet --package qemu-tests --bin vm --
# nextest runs each test in its own process; without it, plain cargo does, one at a time.
NEXTEST := $(shell $(CARGO) nextest --version >/dev/null 2>&1 && echo yes)

.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

.PHONY: setup
setup:
	@sh buildroot/setup.sh

.PHONY: image
image: setup ## build what changed: out/vmlinuz, out/initramfs, out/rootfs
	@$(BUILD) image

.PHONY: run
run: image ## boot examples/lab.yml in QEMU (ARGS="--help" for more)
	@$(VM) run $(ARGS)

.PHONY: test
test: image ## unit tests, then boot tests in QEMU (FILTER=name for some)
ifeq ($(NEXTEST),yes)
	$(CARGO) nextest run --workspace $(FILTER)
else
	$(CARGO) test --workspace -- --test-threads=1 $(FILTER)
endif

.PHONY: unit
unit: ## only the tests that boot nothing
	$(CARGO) test --workspace --exclude qemu-tests --exclude buildroot $(FILTER)

.PHONY: check
check: ## formatting, lints, licences and advisories
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- --deny warnings
	$(CARGO) clippy --manifest-path fuzz/Cargo.toml --target-dir target/fuzz -- --deny warnings
	sh -n buildroot/setup.sh
	sh -n fuzz/run.sh
	@sh -c '$(CARGO) deny --version >/dev/null 2>&1 || { echo "check: no cargo-deny (cargo install cargo-deny): licences and advisories are not checked"; exit 0; }; \
	  $(CARGO) deny check licenses bans sources && \
	  if $(CARGO) deny fetch db >/dev/null 2>&1; then $(CARGO) deny check advisories; \
	  else echo "check: the advisory database cannot be fetched from here, so advisories are not checked"; fi'

.PHONY: generate
generate: ## rewrite what is made from the declared keys: JSON Schema, reference
	UPDATE_GENERATED=1 $(CARGO) test --quiet --package dockos-config --test generated

.PHONY: fuzz
fuzz: ## look for inputs that crash the config's readers (TIME=60 s each, TARGET=name)
	@CARGO=$(CARGO) sh fuzz/run.sh $(or $(TIME),60) $(TARGET)

.PHONY: bench
bench: image ## the README's figures, from several boots
	@$(CARGO) bench --quiet --package dockos-config --bench load
	@$(BUILD) floor
	@$(VM) bench $(ARGS)

.PHONY: clean
clean: ## remove out/ and target/; the kernel cache stays
	rm -rf out
	$(CARGO) clean
