# Three commands matter: `make run`, `make dev` and `make test`. They install what is missing, print what they do, and may be repeated.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# sudo drops Go's own folder from the PATH.
export PATH := $(PATH):/usr/local/go/bin

GO ?= go
LINT := .cache/bin/golangci-lint
ACTIONLINT := .cache/bin/actionlint
GOTESTSUM := .cache/bin/gotestsum
S3_SERVER := .cache/bin/versitygw
SQS_SERVER := .cache/fauxqs/server.mjs

# A checkout that belongs to somebody else (a bind mount, sudo) cannot be asked for its revision, and must still build.
BUILDVCS := $(shell git status --porcelain >/dev/null 2>&1 && echo auto || echo false)
# Only from make's own command line: VERSION is a common name in environments.
ifeq ($(origin VERSION),command line)
LDFLAGS := -X risingstars/app.version=$(VERSION)
endif

.PHONY: help
help: ## show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## install what is missing, build, and serve on http://localhost:8080, worker included (HTTP_ADDR=:9000 for another port)
	@infra/setup/packages.sh ffmpeg
	@exec ./bin/app serve

.PHONY: dev
dev: build ## the one-host stage on http://localhost:8080 (PORT=9000 make dev): nginx, two serve, two work, PostgreSQL, Redis; gone after Ctrl-C
	@infra/setup/packages.sh ffmpeg postgres redis-server nginx
	@exec infra/setup/test.sh --postgres --redis infra/dev/dev.sh

.PHONY: build
build: ## build ./bin/app (VERSION=1.2.3 to name another version)
	@infra/setup/packages.sh go
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=$(BUILDVCS) -ldflags '$(LDFLAGS)' -o bin/app .

# Only from make's own command line: a STAGE in the environment must not make the suite smaller.
ifneq ($(origin STAGE),command line)
override STAGE :=
endif

.PHONY: test
test: $(LINT) $(ACTIONLINT) $(GOTESTSUM) $(S3_SERVER) $(SQS_SERVER) ## everything: format, lint, scripts, all tests under the race detector, end to end in all stages (STAGE=aws: only that, in one)
	@infra/setup/packages.sh go gcc ffmpeg shellcheck postgres redis-server nginx chromium node rsync sqlite3 promtool
	@infra/setup/test.sh --postgres --redis --s3 --sqs infra/setup/suite.sh $(STAGE)

.PHONY: test-short
test-short: ## the quick tests: no race detector, no servers, results cached
	@infra/setup/packages.sh go ffmpeg
	infra/setup/test.sh $(GO) test -short ./...

.PHONY: lint
lint: $(LINT) $(ACTIONLINT) ## format, golangci-lint, go vet for macOS, a build for arm64, shellcheck, actionlint
	@infra/setup/packages.sh go shellcheck
	@infra/setup/lint.sh

.PHONY: hooks
hooks: $(LINT) $(ACTIONLINT) ## install a pre-commit hook that formats and lints what is staged
	@infra/setup/packages.sh go shellcheck
	@infra/setup/hooks.sh

.PHONY: fmt
fmt: $(LINT) ## format the Go code
	$(LINT) fmt
	gofmt -w .

.PHONY: siege
siege: $(S3_SERVER) $(SQS_SERVER) ## the attacks of the end-to-end tests one by one, in all stages; others must be answered within 500 ms (p99)
	@infra/setup/packages.sh go ffmpeg postgres redis-server nginx node
	attacks=$$(sed -n 's/^func \(Test[A-Za-z0-9]*\).*/\1/p' infra/e2e/attack_*_test.go | paste -sd'|'); \
	status=0; \
	for stage in embedded onehost aws; do \
		TEST_STAGE=$$stage TEST_P99=500ms infra/setup/test.sh --postgres --redis --s3 --sqs \
			$(GO) test -count=1 -v -parallel 1 -timeout 30m -run "^($$attacks)$$" ./infra/e2e | grep -v -e '^=== ' -e SKIP || status=1; \
	done; exit $$status

.PHONY: bench
bench: ## Go benchmarks
	@infra/setup/packages.sh go ffmpeg
	infra/setup/test.sh $(GO) test -run '^$$' -bench . -benchmem ./...

.PHONY: bench-media
bench-media: ## what one video costs, beside a bare ffmpeg pass and the usual pipeline of several passes
	@infra/setup/packages.sh go ffmpeg
	$(GO) run ./modules/media/internal/ffmpeg/benchmedia

.PHONY: metrics
metrics: ## write infra/observability/METRICS.md anew, after a change of the metrics
	@infra/setup/packages.sh go ffmpeg
	infra/setup/test.sh $(GO) test -count=1 ./app -run TestMetricsAreNamedByConventionAndListed -update

.PHONY: clean
clean: ## remove what was built (./data stays)
	rm -rf bin .cache

# Pinned in a module of its own, so that the linter's dependencies are not the application's.
$(LINT): infra/tools/go.mod infra/tools/go.sum
	@infra/setup/packages.sh go
	@echo 'building golangci-lint (once, some minutes)'
	cd infra/tools && CGO_ENABLED=0 GOBIN='$(CURDIR)/.cache/bin' $(GO) install tool
	@touch $@

$(ACTIONLINT): infra/tools/actionlint/go.mod infra/tools/actionlint/go.sum
	@infra/setup/packages.sh go
	@echo 'building actionlint (once)'
	cd infra/tools/actionlint && CGO_ENABLED=0 GOBIN='$(CURDIR)/.cache/bin' $(GO) install tool
	@touch $@

$(GOTESTSUM): infra/tools/gotestsum/go.mod infra/tools/gotestsum/go.sum
	@infra/setup/packages.sh go
	@echo 'building gotestsum (once)'
	cd infra/tools/gotestsum && CGO_ENABLED=0 GOBIN='$(CURDIR)/.cache/bin' $(GO) install tool
	@touch $@

# The S3 and SQS servers of the tests, pinned where they cannot touch the application's modules.
$(S3_SERVER): infra/tools/versitygw/go.mod infra/tools/versitygw/go.sum
	@infra/setup/packages.sh go
	@echo 'building versitygw, an S3 server (once, some minutes)'
	cd infra/tools/versitygw && CGO_ENABLED=0 GOBIN='$(CURDIR)/.cache/bin' $(GO) install tool
	@touch $@

$(SQS_SERVER): infra/tools/fauxqs/package-lock.json infra/tools/fauxqs/package.json infra/tools/fauxqs/server.mjs
	@infra/setup/packages.sh node
	@mkdir -p $(@D)
	cp infra/tools/fauxqs/package.json infra/tools/fauxqs/package-lock.json $(@D)
	cd $(@D) && npm ci --ignore-scripts --omit=optional --no-audit --no-fund --loglevel=error
	cp infra/tools/fauxqs/server.mjs $@
