.PHONY: help run stop test years chaos distributed hostile rollout performance screenshots soak bench build profile lint docs fuzz mutants sbom release interleavings simulate

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' Makefile | expand -t 14

run: ## everything on this machine, from a private Redis to the API
	@scripts/run

stop: ## ends what `make run` left: its Redis
	@scripts/stop

test: ## every test, on SQLite and PostgreSQL, with real servers
	@scripts/test

years: ## the programs on a clock that is moved through 400 days and back, on both databases (`make test` has it in short)
	@scripts/years

chaos: ## 600 faults by a seed, on both databases, one Redis and a cluster (half an hour): SEED=7 repeats a plan, FAULTS=50 shortens it
	@scripts/chaos

distributed: ## the tests on a database that Citus spreads over two servers and a coordinator, a killed one included; says what to install
	@scripts/distributed run scripts/test-distributed

hostile: ## strangers at ingress: smuggling, floods, 15,000 slow connections, with the memory and the waits of honest senders beside them
	@scripts/need cc redis-server
	ulimit -n $$(ulimit -Hn) && scripts/release build --workspace --bins && target/release/hostile

rollout: ## the programs of an earlier revision and these mixed under load: make rollout OLD=HEAD~1
	@scripts/rollout "$(OLD)"

performance: ## the requirements' own test of a running deployment; see target/release/performance --help
	scripts/release build -p e2e --bin performance
	target/release/performance $(PERFORMANCE)

screenshots: ## every page of the dashboard, dark and light, into target/screenshots
	@scripts/screenshots

soak: ## the promises at full size (half an hour): a million jobs, chaos, PostgreSQL away for ten minutes; SOAK="directory" runs parts
	@scripts/need cc redis-server postgres
	scripts/release build --workspace --bins
	target/release/soak $(SOAK)

bench: ## what was promised, measured in one run; BENCH="stream misses" runs parts of it
	@scripts/need cc redis-server postgres node chromium
	@scripts/dashboard
	@scripts/npm-packages tests/bench/bull
	NETBANX_COMMIT=$$(git describe --always --dirty 2>/dev/null) NETBANX_RUSTC="$$(rustc --version)" scripts/release build --workspace --bins
	target/release/bench $(BENCH)

build: ## release binaries in target/release: ingress worker api netbanx
	@scripts/need cc
	@scripts/dashboard
	scripts/release build --workspace --bins

release: ## what a release is, into target/dist: an archive of the programs, SBOMs, checksums; images where buildah is installed
	@scripts/package

profile: ## learns what is hot, for release builds, into deploy/services.profdata.gz (20 minutes)
	@scripts/profile

lint: ## formatting, clippy, documents, the dashboard's texts, what is deployed and what it is made of; warnings refused
	@scripts/need cc
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy -p simulation --all-targets --features simulated --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc -q --workspace --no-deps --locked
	@scripts/check-promises
	@scripts/check-docs
	@scripts/lint-openapi
	@scripts/lint-dashboard
	@scripts/lint-supply
	@scripts/lint-deploy

docs: ## the documents as a book, into target/docs
	@scripts/book

mutants: ## what no test would notice, in shards: MUTANTS=common SHARD=0/8
	@scripts/mutants

interleavings: ## every history of small worlds around the queue's scripts, some millions of moments (ten minutes)
	@scripts/need cc
	cargo run --release --locked -p interleavings -- large

simulate: ## all services in one process by a seed each, with faults: SEEDS=10000 (a night); SEED=7 repeats one
	@scripts/need cc
	cargo run --profile fuzz --locked -p simulation --features simulated -- $(if $(SEED),--seed $(SEED),$(or $(SEEDS),1000))

fuzz: ## looks for bytes that break a promise, a minute for each target; FUZZ="masking envelope" FUZZ_SECONDS=600
	@scripts/fuzz

sbom: ## what the programs and the dashboard are made of, as CycloneDX, into target/sbom
	@scripts/sbom
