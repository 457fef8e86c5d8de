# Every target depends on `setup`, which costs nothing the second time.

CACHE := $(or $(APPRENTICE_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/apprentice)
export ORT_DYLIB_PATH ?= $(CACHE)/onnxruntime/1.31.1/libonnxruntime.so

.PHONY: practice test check audit bench setup practice-base fmt

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

bench: setup
	cargo build --locked
	deploy/bench-practice.sh

# Makes the practice base again; about half an hour on two cores.
practice-base: setup
	cargo build --locked
	target/debug/apprentice practice-base --out models/practice

setup:
	@sh deploy/setup-onnxruntime.sh
	@sh tests/clients/setup.sh

fmt:
	cargo fmt --all
