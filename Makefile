# Everything a contributor runs. Needs Go and git; `make test` also PostgreSQL,
# xmllint and litecoind.
# GNU make 4.3 or newer.

SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# No cgo anywhere: the product must build without it, and a C compiler would only
# spend time on libraries that the tests use as Go.
export CGO_ENABLED := 0

# How long `make fuzz` spends on each function, and what `make bench` measures.
FUZZTIME ?= 10s
BENCH ?= --accounts 1 --duration 10s

# Files that `make gen` writes. They are committed, and `make check` proves that
# they are what the generators make today.
GENERATED := docs/cases.md docs/cli.md docs/configuration.md ':(glob)**/states.md' ':(glob)**/*_gen.go'

# Tools are built from pinned modules of their own, so that what they depend on
# never reaches the product's go.mod. No cgo: the same result on every machine.
tool = cd tools/$(1) && CGO_ENABLED=0 go build -trimpath -o $(CURDIR)/$@ $(2)

.PHONY: help
help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|' 2>/dev/null \
		|| grep -hE '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: ## pay users on an in-process chain and watch (ARGS=--verbose shows everything)
	@tools/demo $(ARGS)

.PHONY: test
test: bin/geth bin/anvil bin/btcd ## run every test, on SQLite, PostgreSQL and real nodes
	@tools/need-postgres
	@tools/need-xmllint
	@tools/need-litecoind
	@tools/need-deploy
	SLUICE_TEST_GETH=$(CURDIR)/bin/geth SLUICE_TEST_BTCD=$(CURDIR)/bin/btcd go test ./...

# The one part that needs cgo, and is in no program unless it is asked for.
.PHONY: test-pkcs11
test-pkcs11: ## test keys in hardware modules, on SoftHSM (needs a C compiler)
	@tools/need-softhsm
	CGO_ENABLED=1 go test -tags pkcs11 ./internal/signer/pkcs11
	CGO_ENABLED=1 go vet -tags pkcs11 ./internal/signer/pkcs11 ./internal/app

.PHONY: check
check: vet lint arch gen-check contracts vuln ## vet, linters, import rule, generated files, cases, contracts, known vulnerabilities
	@echo "check: all good"

.PHONY: vet
vet:
	go vet ./...

.PHONY: lint
lint: bin/golangci-lint
	bin/golangci-lint run ./...

# -count=1: go test cannot see that the tree it lists has changed.
.PHONY: arch
arch:
	go test -count=1 ./internal/test/arch

# The same table is written by make gen, so make check fails on what is missing too.
.PHONY: cases
cases: ## list the numbered faults with their tests, and what has none
	@go run ./internal/test/cases

.PHONY: gen
gen: ## write the generated files
	go generate ./...

.PHONY: gen-check
gen-check: gen
	@git diff --exit-code -- $(GENERATED) || { echo "generated files are out of date: run make gen and commit the result" >&2; exit 1; }
	@new=$$(git ls-files --others --exclude-standard -- $(GENERATED)); \
		[ -z "$$new" ] || { echo "generated files are not committed: $$new" >&2; exit 1; }

# The compiled contracts are committed: they must be what the pinned compiler makes of
# the sources. It needs node; without it nothing is proved, and that is said.
.PHONY: contracts
contracts:
	@tools/solc/check

.PHONY: vuln
vuln: bin/govulncheck
	@tools/vulncheck bin/govulncheck

.PHONY: bench
bench: ## measure accepted withdrawals per second (BENCH="--http --accounts 10000")
	go run ./cmd/sluice bench accept $(BENCH)

.PHONY: fuzz
fuzz: ## fuzz every parser for a short while (FUZZTIME=10s)
	@tools/fuzz $(FUZZTIME)

.PHONY: build
build: ## build bin/sluice and bin/sluice-demo, static (VERSION=v1.2.3; default: the tag)
	@VERSION=$(VERSION) tools/compile ./cmd/sluice ./cmd/sluice-demo

bin/geth: tools/geth/go.mod tools/geth/go.sum
	$(call tool,geth,github.com/ethereum/go-ethereum/cmd/geth)

bin/btcd: tools/btcd/go.mod tools/btcd/go.sum
	$(call tool,btcd,github.com/btcsuite/btcd)

# From npm: where node is missing it is skipped, and that is said.
bin/anvil: tools/anvil/package.json tools/anvil/package-lock.json
	@tools/anvil/get $(CURDIR)/$@

bin/golangci-lint: tools/lint/go.mod tools/lint/go.sum
	$(call tool,lint,github.com/golangci/golangci-lint/v2/cmd/golangci-lint)

bin/govulncheck: tools/vuln/go.mod tools/vuln/go.sum
	$(call tool,vuln,golang.org/x/vuln/cmd/govulncheck)
