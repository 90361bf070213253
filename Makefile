# Everything one does here by name. `make` lists it; what a target needs and this machine lacks is set up first.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Flags a person may add: make test TEST_FLAGS='-run Refund -v', make bench BENCH_FLAGS='…', make run RUN_FLAGS='--listen :9000'
TEST_FLAGS  ?=
BENCH_FLAGS ?=
RUN_FLAGS   ?=
PACKAGES    ?= ./...

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

.PHONY: help build run test race bench bench-smoke lint generate verify faults soak fuzz setup

help: ## This list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build bin/paymint
	CGO_ENABLED=0 go build -trimpath -ldflags '-X main.version=$(VERSION)' -o bin/paymint ./cmd/paymint

run: setup build ## Start Paymint with everything it needs on this machine (Ctrl-C stops it)
	@exec bin/paymint up $(RUN_FLAGS)

test: setup ## All tests, with the race detector, against real PostgreSQL and NATS
	@scripts/setup-compiler.sh
	go test -race -timeout 8m $(TEST_FLAGS) $(PACKAGES)

race: test ## The same as test: the race detector is always on

bench: setup ## The benchmark on this machine: rates, latencies, calibrators (minutes, some GB of disk)
	go run ./cmd/bench $(BENCH_FLAGS)

bench-smoke: setup ## The benchmark in seconds: shows that it runs, measures nothing worth quoting
	go run ./cmd/bench --smoke $(BENCH_FLAGS)

lint: ## All linters: Go, shell, OpenAPI, known vulnerabilities
	@scripts/lint.sh

generate: ## Write generated files anew
	go generate ./...

verify: ## Is the tree whole: modules, formatting, generated files, architecture
	@scripts/verify.sh

faults: setup ## Fault tests: kills and failures at each step (minutes); ROUNDS=20
	@scripts/faults.sh $(or $(ROUNDS),20)

soak: setup ## The same tests with many more rounds (hours); ROUNDS=1000
	@scripts/faults.sh $(or $(ROUNDS),1000)

fuzz: ## Every fuzz target for a short while; FUZZ_TIME=10s
	@scripts/fuzz.sh $(or $(FUZZ_TIME),10s)

setup:
	@scripts/setup-postgres.sh
