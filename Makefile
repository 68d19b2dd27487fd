# `make demo` shows what the program does; `make test` runs everything that must pass.

CARGO ?= cargo
# Where cargo builds; only `demo` and `bench` need to know.
TARGET ?= $(or $(CARGO_TARGET_DIR),target)
DEMO ?= $(TARGET)/demo

# Options of the benchmark, for example BENCH_FLAGS="--rounds 5 --only gzip/debian-plain"; --help lists them.
DISKS ?= target/disks
BENCH_FLAGS ?=

FUZZ_SECONDS ?= 60

.PHONY: demo test peers fuzz soak disks bench clean

# A two-platform image from the spec and the disks that come with the sources. Needs Rust, a C
# compiler, make and perl, nothing else.
demo:
	$(CARGO) build --release -p diskette
	"$(TARGET)/release/diskette" build --file spec-files/demo.yaml --output "oci:$(DEMO)" --progress plain
	@echo; echo "$(DEMO)/index.json:"; cat "$(DEMO)/index.json"; echo
	@echo; echo "$(DEMO):"; cd "$(DEMO)" && ls -lR blobs

# Formatting, lints, unit and integration tests, after installing what they need where possible.
test: peers
	$(CARGO) fmt --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) build --workspace --all-targets
	$(CARGO) test --workspace

peers:
	integration/peers.sh
	integration/machines.sh "$(TARGET)/machines"

# Random specs, auth files and registries.conf, a minute each; needs a nightly toolchain.
fuzz:
	command -v cargo-fuzz >/dev/null || $(CARGO) install --locked cargo-fuzz
	cd builder/fuzz && for target in $$(cargo +nightly fuzz list); do \
		cargo +nightly fuzz run "$$target" -- -max_total_time=$(FUZZ_SECONDS) -timeout=10 \
			$$([ ! -e "$$target.dict" ] || echo "-dict=$$target.dict") || exit; \
	done

# What takes too long for every day: a 100 GiB sparse disk in bounded memory, Debian's installer in virtual machines of two
# architectures, and longer fuzzing.
soak:
	$(CARGO) build --release -p diskette
	DISKETTE="$(abspath $(TARGET)/release/diskette)" DISKETTE_LARGE_GIB=100 \
		$(CARGO) test -p diskette-integration --test large -- --nocapture
	integration/disks/make-bootable.sh "$(TARGET)/bootable"
	DISKETTE="$(abspath $(TARGET)/release/diskette)" DISKETTE_BOOTABLE="$(abspath $(TARGET)/bootable)" \
		$(CARGO) test -p diskette-integration --test boot -- --nocapture debians_installer
	$(MAKE) fuzz FUZZ_SECONDS=1800

# Real disks for the benchmark, made from Debian packages without root or mounts; those that are there are kept.
disks:
	integration/disks/make-disks.sh "$(DISKS)"

# diskette and every peer on this machine, in turn, on the disks of `make disks`.
bench:
	$(CARGO) build --release -p diskette
	$(CARGO) run --release -p diskette-integration --bin bench -- --disks "$(DISKS)" $(BENCH_FLAGS)

clean:
	$(CARGO) clean
