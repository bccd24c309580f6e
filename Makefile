# `make` lists what can be done. The work is in scripts/; CI runs `make test`, nothing else.
.DEFAULT_GOAL := help
.PHONY: help setup run check test bench fuzz image install clean

# Passed on to `mizan demo` by `make run`, and to the comparison by `make bench`.
ARGS ?=

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what building and testing need, as far as it is missing
	@scripts/setup test

run: ## Build and serve a demo on 127.0.0.1:8080 (ARGS="--listen 127.0.0.1:8081" for another port)
	@scripts/setup build
	cargo run --package mizan --bin mizan -- demo $(ARGS)

check: ## The quick look before a commit: format, lints, unit tests
	@scripts/setup check
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo nextest run --workspace --lib

test: ## Everything that CI runs: lints, all tests, docs, fuzzing with a time limit, a short bench
	@scripts/setup test
	@scripts/test

bench: ## Micro-benchmarks, then mizan beside nginx and HAProxy (ARGS="--rounds 5"; --help lists more)
	@scripts/setup test
	cargo bench --package mizan-benches --bench '*' -- --quick
	@scripts/bench $(ARGS)

fuzz: ## Fuzz every target for a minute (SECONDS=600 for longer)
	@scripts/setup test
	@scripts/fuzz $(or $(SECONDS),60)

image: ## Build static binaries and a Docker image of them (TAG=mizan:dev, PROFILE=fast to be quicker)
	@scripts/setup build
	@TAG="$(or $(TAG),mizan:dev)" PROFILE="$(or $(PROFILE),release)" scripts/image

install: ## Install mizan and mizanctl, their completions and man pages (PREFIX=/usr/local)
	@scripts/install "$(or $(PREFIX),/usr/local)"

clean: ## Remove everything that was built or measured
	cargo clean
	rm -rf fuzz/target fuzz/artifacts benches/side_by_side/results
