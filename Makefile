# A thin face over cargo: what to type. The work is in buildroot/ (the image) and qemu-tests/ (machines).
# `make run` and `make test` need git, make, curl and Rust; buildroot/setup.sh installs the rest, and says so first.

CARGO ?= cargo
BUILD := $(CARGO) run --quiet --package buildroot --
VM := $(CARGO) run --quiet --package qemu-tests --bin vm --
# nextest runs each test in its own process; without it, plain cargo does, one at a time.
NEXTEST := $(shell $(CARGO) nextest --version >/dev/null 2>&1 && echo yes)

# What assembles Eclipse while its image is built. -B: no __pycache__, which would be a change of the image's folder.
JAVA_TESTS := cd desktops/java && python3 -B -m unittest discover --quiet -t . -s assemble

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

.PHONY: desktops
desktops: setup ## out/desktops/*.tar, the desktop images (COURSES="c python" for some, or folders; needs root)
	@$(BUILD) desktops $(COURSES)

.PHONY: iso
iso: setup ## out/dockos.iso for CD and USB stick, BIOS and UEFI; out/dockos puts a room's config into it
	@$(BUILD) iso

.PHONY: netboot
netboot: setup ## out/netboot/ for a DHCP and TFTP server that is there already
	@$(BUILD) netboot

.PHONY: run
run: image ## boot examples/lab.yml in QEMU, a desktop in the browser (ARGS="--help" for more)
	@$(BUILD) desktops c
	@$(VM) run $(ARGS)

.PHONY: test
test: iso netboot desktops ## unit tests, then boot tests in QEMU (FILTER=name for some)
	$(JAVA_TESTS)
ifeq ($(NEXTEST),yes)
	$(CARGO) nextest run --workspace --no-fail-fast $(FILTER)
else
	$(CARGO) test --workspace --no-fail-fast -- --test-threads=1 $(FILTER)
endif

.PHONY: unit
unit: ## only the tests that boot nothing
	$(JAVA_TESTS)
	$(CARGO) test --workspace --exclude qemu-tests --exclude buildroot $(FILTER)

.PHONY: check
check: ## formatting, lints, licences and advisories
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- --deny warnings
	$(CARGO) clippy --manifest-path fuzz/Cargo.toml --target-dir target/fuzz -- --deny warnings
	sh -n buildroot/setup.sh
	sh -n fuzz/run.sh
	sh -n system-services/netboot/serve.sh
	for script in qemu-tests/*.sh $$(grep -rl '^#!/bin/sh' desktops); do sh -n $$script || exit; done
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
bench: iso ## the README's figures, from several boots
	@$(CARGO) bench --quiet --package dockos-config --bench load
	@$(BUILD) floor
	@$(VM) bench $(ARGS)

.PHONY: bench-desktops
bench-desktops: image ## what desktops take: time to ready, memory, sizes of images (needs make desktops)
	@$(VM) bench-desktops $(ARGS)

.PHONY: bench-paths
bench-paths: iso ## what takes the time, from power-on to ready, by CD, stick and PXE (ARGS="--runs 3")
	@$(VM) paths $(ARGS)

.PHONY: netboot-serve
netboot-serve: ## boot a room from this machine (ARGS="--interface eth0 --dhcp proxy"; DHCP needs root)
	@CARGO=$(CARGO) sh system-services/netboot/serve.sh $(ARGS)

.PHONY: bench-netboot
bench-netboot: ## fifty clients at once: netboot beside nginx (CLIENTS=N)
	@CLIENTS=$(CLIENTS) $(CARGO) bench --quiet --package dockos-netboot --bench clients

.PHONY: update
update: setup ## take the packages that Debian has today, for the image and all desktops
	@$(BUILD) image --update
	@$(BUILD) desktops --update

.PHONY: clean-cache
clean-cache: ## remove out/ and the cache: downloads, kernels, desktop images
	@$(BUILD) clean --cache

.PHONY: clean
clean: ## remove out/ and target/; the kernel cache stays
	rm -rf out
	$(CARGO) clean
