# Every target depends on `setup`, which costs nothing the second time.

CACHE := $(or $(APPRENTICE_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/apprentice)
export ORT_DYLIB_PATH ?= $(CACHE)/onnxruntime/1.31.1/libonnxruntime.so

.PHONY: practice test check audit bench bench-practice bench-practice-drift setup practice-base fmt

# The main job: the whole loop on embedded parts; keeps serving until it is interrupted.
practice: setup
	cargo build --locked
	target/debug/apprentice practice $(ARGS)

test: setup
	cargo test --locked --workspace

# Format, lints, tidy.
check: setup
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo test --locked --test tidy

# Licences, bans and sources; advisories where their database can be had.
audit:
	deploy/audit.sh

bench: bench-practice bench-practice-drift

SEEDS ?= 5
AT_ONCE ?= 1
bench-practice: setup
	cargo build --locked
	python3 tests/bench/practice.py target/debug/apprentice --seeds $(SEEDS) --at-once $(AT_ONCE)

bench-practice-drift: setup
	cargo build --locked
	python3 tests/bench/practice.py target/debug/apprentice --seeds $(SEEDS) --at-once $(AT_ONCE) --drift

# Makes the practice base again; about half an hour on two cores.
practice-base: setup
	cargo build --locked
	target/debug/apprentice practice-base --out models/practice

setup:
	@sh deploy/setup-onnxruntime.sh
	@sh tests/clients/setup.sh

fmt:
	cargo fmt --all
