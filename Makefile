# Options of the benchmark, for example BENCH_FLAGS="--rounds 5 --only gzip/debian-plain"; --help lists them.
DISKS ?= target/disks
BENCH_FLAGS ?=

.PHONY: disks bench

# Real disks for the benchmark, made from Debian packages without root or mounts; those that are there are kept.
disks:
	integration/disks/make-disks.sh "$(DISKS)"

# diskette and every peer on this machine, in turn, on the disks of `make disks`.
bench:
	cargo build --release -p diskette
	cargo run --release -p diskette-integration --bin bench -- --disks "$(DISKS)" $(BENCH_FLAGS)
