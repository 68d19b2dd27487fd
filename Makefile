# `make check` is for between two edits, `make test` is everything that has to pass; `make demo` shows what the program does.

CARGO ?= cargo
# Where cargo builds; only `demo` and `bench` need to know.
TARGET ?= $(or $(CARGO_TARGET_DIR),target)
DEMO ?= $(TARGET)/demo

# Options of the benchmark, for example BENCH_FLAGS="--rounds 5 --only gzip/debian-plain"; --help lists them.
DISKS ?= target/disks
BENCH_FLAGS ?=

FUZZ_SECONDS ?= 60
# All, unless some are named.
FUZZ_TARGETS ?=

# Where `make install` puts things.
PREFIX ?= /usr/local
DESTDIR ?=

# What `make dist` builds for, and what `make image` makes of it.
DIST_TARGET ?= $(shell rustc -vV | sed -n 's/^host: //p')
PROGRAMS ?= $(TARGET)/programs
TAG ?=
PUSH ?=

.NOTPARALLEL:
.PHONY: docs demo check test deny msrv peers fuzz soak disks bench install dist dist-check image clean engines

# A two-platform image from the spec and the disks that come with the sources. Needs Rust, a C
# compiler, make and perl, nothing else; with pkg-config and OpenSSL's headers it takes half as long.
demo: .cargo/config.toml
	$(CARGO) build --release -p diskette
	"$(TARGET)/release/diskette" build --file spec-files/demo.yaml --output "oci:$(DEMO)" --progress plain
	@echo; echo "$(DEMO)/index.json:"; cat "$(DEMO)/index.json"; echo
	@echo; echo "$(DEMO):"; cd "$(DEMO)" && ls -lR blobs

# Formatting, lints and unit tests.
check: .cargo/config.toml
	$(CARGO) fmt --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) test --workspace --lib --bins --test architecture

# Formatting, lints, unit and integration tests, after installing what they need where possible.
test: peers .cargo/config.toml
	$(CARGO) fmt --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) test --workspace

# The system's OpenSSL where pkg-config finds it: to build it from source takes minutes. It is written where cargo reads it,
# since cargo builds it anew whenever `make` and a `cargo test` by hand do not agree.
.cargo/config.toml:
	mkdir -p $(@D)
	if pkg-config --exists 'openssl >= 3.0' 2>/dev/null; then printf '[env]\nOPENSSL_NO_VENDOR = "1"\n'; fi >$@

# Licenses, sources and bans of the dependencies; needs cargo-deny. Advisories are looked up in the workflow of GitHub.
deny:
	$(CARGO) deny --all-features check bans licenses sources

# The oldest compiler that is supported; needs rustup.
msrv: .cargo/config.toml
	rustup run "$$(sed -n 's/^rust-version = "\(.*\)"$$/\1/p' Cargo.toml)" cargo check --workspace --all-targets --locked

# The generated documents: the picture of a terminal, the chart of docs/benchmark.json, the commands, the errors and the rules.
docs:
	SNAPSHOTS=overwrite $(CARGO) test -q -p diskette --test program -- picture:: chart:: cli:: errors_page::
	SNAPSHOTS=overwrite $(CARGO) test -q -p diskette-builder --lib rules::tests

peers:
	integration/peers.sh
	integration/machines.sh "$(TARGET)/machines"

# Random input for every target in builder/fuzz, a minute each, with a second and 64 MiB for each input; needs a nightly
# toolchain. What a target finds is in builder/fuzz/artifacts, and the other targets still run.
fuzz: .cargo/config.toml
	command -v cargo-fuzz >/dev/null || $(CARGO) install --locked cargo-fuzz
	builder/fuzz/run.sh "$(abspath $(TARGET))/fuzz" "$(FUZZ_SECONDS)" $(FUZZ_TARGETS)

# Tests that take too long for every day: sparse disks of 100 GiB and 1 TiB and a dense tar of 64 GiB in bounded
# memory, a push of 10 GiB that is cut each 100 MiB, catalogues of up to ten thousand images, the validators of deploy/, Debian's
# installer in virtual machines of two architectures, registries with the program as it is released (its OpenSSL is
# not the system's), a new user in a bare Debian and podman of Debian 13 (need root), names that a registry and this
# program might read differently, 2,000 random COPY and ADD against buildah (needs root), a fault at every system call
# (some need root), and an hour of fuzzing for each target.
soak:
	$(CARGO) build --release -p diskette
	DISKETTE="$(abspath $(TARGET)/release/diskette)" DISKETTE_LARGE_GIB=100 \
		$(CARGO) test -p diskette --test disks -- --nocapture large::
	DISKETTE="$(abspath $(TARGET)/release/diskette)" DISKETTE_HUGE_GIB=1024 DISKETTE_DENSE_GIB=64 \
		$(CARGO) test -p diskette --test disks -- --nocapture huge::
	DISKETTE="$(abspath $(TARGET)/release/diskette)" DISKETTE_CUT_GIB=10 \
		$(CARGO) test -p diskette --test registry -- --nocapture long::
	DISKETTE="$(abspath $(TARGET)/release/diskette)" DISKETTE_MANY_IMAGES=1000 \
		$(CARGO) test -p diskette --test sync -- --nocapture many_images
	DISKETTE="$(abspath $(TARGET)/release/diskette)" DISKETTE_SCALE_IMAGES=100,1000,10000 \
		$(CARGO) test -p diskette --test sync -- --nocapture scale::cost
	$(MAKE) engines
	$(CARGO) test -p diskette --test sync -- --nocapture engines::
	integration/disks/make-bootable.sh "$(TARGET)/bootable"
	DISKETTE="$(abspath $(TARGET)/release/diskette)" DISKETTE_BOOTABLE="$(abspath $(TARGET)/bootable)" \
		$(CARGO) test -p diskette --test disks -- --nocapture debians_installer
	integration/trixie.sh "$(TARGET)/trixie"
	DISKETTE_TRIXIE="$(abspath $(TARGET)/trixie)" $(CARGO) test -p diskette --test images -- --nocapture podman oras_
	DISKETTE_TRIXIE="$(abspath $(TARGET)/trixie)" $(CARGO) test -p diskette --test registry -- --nocapture oras_ cosign signatures::
	$(MAKE) dist
	DISKETTE="$$(ls "$(abspath $(TARGET))"/programs/diskette-*-"$(DIST_TARGET)")" $(CARGO) test -p diskette --test registry
	integration/test-user.sh "$(TARGET)/test-user"
	DISKETTE_GRAMMAR_NAMES=20000 $(CARGO) test -p diskette --test registry -- --nocapture grammar::
	DISKETTE_GRAMMAR_NAMES=1000 $(CARGO) test -p diskette --test program -- --nocapture names_of_files
	DISKETTE="$(abspath $(TARGET)/release/diskette)" DISKETTE_COPY_CASES=2000 \
		$(CARGO) test -p diskette --test dockerfile -- --nocapture random_copies
	DISKETTE="$(abspath $(TARGET)/release/diskette)" DISKETTE_FAULT_POINTS=100000 \
		$(CARGO) test -p diskette --test faults -- --nocapture --test-threads 1
	$(MAKE) fuzz FUZZ_SECONDS=3600

# The validators of the files in deploy/: 400 MiB from package registries, which the tests do without if they are not there.
engines:
	integration/engines.sh

# Real disks for the benchmark, made from Debian packages without root or mounts; existing ones are kept.
disks:
	integration/disks/make-disks.sh "$(DISKS)"

# diskette and every other tool on this machine, in turn, on the disks of `make disks`.
bench:
	$(CARGO) build --release -p diskette
	$(CARGO) run --release -p diskette-integration --bin bench -- --disks "$(DISKS)" $(BENCH_FLAGS)

# The program, its manual pages and completions, below $(DESTDIR)$(PREFIX); LTO takes minutes, and makes it small and fast.
install: .cargo/config.toml
	$(CARGO) build --profile dist --locked -p diskette
	install -D -m 755 "$(TARGET)/dist/diskette" "$(DESTDIR)$(PREFIX)/bin/diskette"
	install -d "$(DESTDIR)$(PREFIX)/share/man/man1" "$(DESTDIR)$(PREFIX)/share/bash-completion/completions" \
		"$(DESTDIR)$(PREFIX)/share/zsh/site-functions" "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d"
	"$(TARGET)/dist/diskette" man "$(DESTDIR)$(PREFIX)/share/man/man1"
	"$(TARGET)/dist/diskette" completions bash >"$(DESTDIR)$(PREFIX)/share/bash-completion/completions/diskette"
	"$(TARGET)/dist/diskette" completions zsh >"$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_diskette"
	"$(TARGET)/dist/diskette" completions fish >"$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/diskette.fish"

# The program as it is released: static, and the same bytes wherever it is built.
dist:
	packaging/dist.sh "$(DIST_TARGET)" "$(TARGET)/programs"

# Builds that twice, the second time elsewhere, and compares.
dist-check: dist
	rm -rf "$(TARGET)/again" && git clone -q . "$(TARGET)/again"
	"$(TARGET)/again/packaging/dist.sh" "$(DIST_TARGET)" "$(abspath $(TARGET))/again/programs"
	cd "$(TARGET)/programs" && sha256sum diskette-* | tee ../again/SHA256SUMS
	cd "$(TARGET)/again/programs" && sha256sum -c ../SHA256SUMS

# diskette as an image, made by diskette of the programs in PROGRAMS: a layout, or pushed as TAG with PUSH=1.
image:
	packaging/image.sh "$(PROGRAMS)" "oci:$(TARGET)/image" --digestfile "$(TARGET)/image.digest" \
		$(if $(TAG),--tag "$(TAG)") $(if $(PUSH),--push)

clean:
	$(CARGO) clean
