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
GOVULNCHECK := .cache/bin/govulncheck
K6 := .cache/bin/k6
S3_SERVER := .cache/bin/versitygw
ACME_SERVER := .cache/bin/pebble
CYCLONEDX := .cache/bin/cyclonedx-gomod
SQS_SERVER := .cache/fauxqs/server.mjs
OAPI_CODEGEN := .cache/bin/oapi-codegen
CLIENT_GO := .cache/client-go/client
CLIENT_TS := .cache/client-ts/out/main.js
NODE_TOOLS := .cache/newman/.installed .cache/pages/.installed .cache/redocly/.installed

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

.PHONY: demo
demo: build ## serve a site that fills itself with a dozen made-up performances, accounts and votes (in ./demo-data; DATA_DIR=x for another folder)
	@infra/setup/packages.sh ffmpeg
	@DATA_DIR="$${DATA_DIR:-demo-data}" exec ./bin/app demo

# The pages' templates are read anew for each page.
dev: TAGS := -tags dev

.PHONY: dev
dev: build ## the one-host stage on http://localhost:8080 (PORT=9000 make dev): nginx, two serve, two work, PostgreSQL, Redis; gone after Ctrl-C
	@infra/setup/packages.sh ffmpeg postgres redis-server nginx
	@exec infra/setup/test.sh --postgres --redis infra/dev/dev.sh

.PHONY: build
build: ## build ./bin/app (VERSION=1.2.3 to name another version)
	@infra/setup/packages.sh go
	CGO_ENABLED=0 $(GO) build $(TAGS) -trimpath -buildvcs=$(BUILDVCS) -ldflags '$(LDFLAGS)' -o bin/app .

# Only from make's own command line: a STAGE in the environment must not make the suite smaller.
ifneq ($(origin STAGE),command line)
override STAGE :=
endif

.PHONY: release
release: $(CYCLONEDX) ## what a version tag publishes, into ./dist: binaries, their SHA256SUMS and SBOMs (VERSION=1.2.3)
	@infra/setup/packages.sh go
	@infra/setup/release.sh '$(VERSION)'

.PHONY: test
test: $(LINT) $(ACTIONLINT) $(GOTESTSUM) $(K6) $(S3_SERVER) $(SQS_SERVER) $(ACME_SERVER) $(NODE_TOOLS) $(CLIENT_GO) $(CLIENT_TS) ## everything: format, lint, scripts, all tests under the race detector, end to end in all stages (STAGE=aws: only that, in one; STAGE=unit: all others)
	@infra/setup/packages.sh go gcc ffmpeg shellcheck postgres redis-server nginx chromium node rsync sqlite3 promtool curl systemd-analyze
	@infra/setup/test.sh --postgres --redis --s3 --sqs infra/setup/suite.sh $(STAGE)

.PHONY: test-short
test-short: ## the quick tests: no race detector, no servers, results cached
	@infra/setup/packages.sh go ffmpeg
	infra/setup/test.sh $(GO) test -short ./...

.PHONY: coverage
coverage: ## the quick tests, and which share of the statements they execute; fails below infra/setup/coverage.floor
	@infra/setup/packages.sh go ffmpeg
	@infra/setup/coverage.sh

.PHONY: advisories
advisories: $(GOVULNCHECK) ## known vulnerabilities in what the program calls (VULNDB=file:///folder asks no server)
	@infra/setup/packages.sh go
	$(GOVULNCHECK) $(if $(VULNDB),-db=$(VULNDB)) .

.PHONY: lint
lint: $(LINT) $(ACTIONLINT) .cache/redocly/.installed ## format, golangci-lint, types for macOS and arm64, shellcheck, actionlint, redocly
	@infra/setup/packages.sh go shellcheck node
	@infra/setup/lint.sh

.PHONY: hooks
hooks: $(LINT) $(ACTIONLINT) ## install a pre-commit hook that formats and lints what is staged
	@infra/setup/packages.sh go shellcheck
	@infra/setup/hooks.sh

.PHONY: fmt
fmt: $(LINT) ## format the Go code
	$(LINT) fmt
	gofmt -w .

.PHONY: openapi
openapi: ## write infra/openapi: the API's document and the catalogue of errors, and nginx's texts, as the code has them
	@infra/setup/packages.sh go
	UPDATE_OPENAPI=1 $(GO) test -count=1 -run '^Test(TheCommittedDocument|TheCommittedCatalogue|ProxiesAnswer)' ./app

.PHONY: client-go client-ts
client-go: $(CLIENT_GO) ## generate a client of the API in Go, into .cache/client-go/showcase, and compile it
client-ts: $(CLIENT_TS) ## generate a client of the API in TypeScript, into .cache/client-ts/showcase.ts, and compile it

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

.PHONY: web-report
web-report: build .cache/lighthouse/.installed ## how quick the pages are on a cheap phone, by Lighthouse: a report (TARGET=https://contest.example for a site that runs)
	@infra/setup/packages.sh ffmpeg chromium node
	@infra/setup/web-report.sh

.PHONY: bench-media
bench-media: ## what one video costs, beside a bare ffmpeg pass and the usual pipeline of several passes
	@infra/setup/packages.sh go ffmpeg
	$(GO) run ./modules/media/internal/ffmpeg/benchmedia

.PHONY: bench-web
bench-web: ## reads, votes and uploads beside bare handlers and plain statements, with a verdict each (BENCH='-rounds 3' for flags)
	@infra/setup/packages.sh go ffmpeg postgres redis-server
	$(GO) build -o .cache/benchweb ./app/benchweb
	infra/setup/test.sh --postgres --durable --redis .cache/benchweb $(BENCH)

.PHONY: metrics
metrics: ## write infra/observability/METRICS.md anew, after a change of the metrics
	@infra/setup/packages.sh go ffmpeg
	infra/setup/test.sh $(GO) test -count=1 ./app -run TestMetricsAreNamedByConventionAndListed -update

# LOAD has the scenarios' flags: make load-web LOAD='--stage onehost', or '--target https://contest.example'.
LOAD ?=

.PHONY: load-web load-night load-uploads load-workers
load-web: ## 5, 100, 200, 300 people who sign up and upload 10 KB (LOAD='--stage onehost', '--target URL', '--smoke': all load-*)
load-night: ## a voting night: 90 % gallery and ranking, 9 % votes, half of them for one video, 1 % sign-ins
load-uploads: ## a hundred uploads of 200 MB at once
load-workers: ## videos per minute with 1, 2, 4 workers and clips of 50, 100, 200 MB
load-web load-night load-uploads load-workers: load-%: build $(K6) $(S3_SERVER) $(SQS_SERVER)
	@infra/setup/packages.sh ffmpeg postgres redis-server node
	$(GO) build -o .cache/bin/load ./infra/load
	infra/setup/test.sh --postgres --durable --redis --s3 --sqs .cache/bin/load $* $(LOAD)

.PHONY: capacity
capacity: build $(K6) $(S3_SERVER) $(SQS_SERVER) ## all load-*, their tables and charts into infra/load/CAPACITY.md; an hour without other work
	@infra/setup/packages.sh ffmpeg postgres redis-server node
	$(GO) build -o .cache/bin/load ./infra/load
	rm -rf .cache/capacity
	for scenario in web night uploads workers; do \
		infra/setup/test.sh --postgres --durable --redis --s3 --sqs \
			.cache/bin/load $$scenario --out .cache/capacity $(LOAD) || [[ $$? -eq 3 ]]; \
	done
	.cache/bin/load capacity .cache/capacity/*.json

.PHONY: clean
clean: ## remove what was built (./data stays)
	rm -rf bin dist .cache

# Pinned in a module of its own, so that the linter's dependencies are not the application's.
$(LINT): infra/tools/go.mod infra/tools/go.sum infra/tools/crosscheck/main.go
	@infra/setup/packages.sh go
	@echo 'building golangci-lint and crosscheck (once, some minutes)'
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

$(OAPI_CODEGEN): infra/tools/oapi-codegen/go.mod infra/tools/oapi-codegen/go.sum
	@infra/setup/packages.sh go
	@echo 'building oapi-codegen, which makes clients in Go (once)'
	cd infra/tools/oapi-codegen && CGO_ENABLED=0 GOBIN='$(CURDIR)/.cache/bin' $(GO) install tool
	@touch $@

$(CLIENT_GO): $(OAPI_CODEGEN) infra/openapi/openapi.yaml $(wildcard infra/clients/go/*)
	@infra/setup/packages.sh go
	@mkdir -p $(@D)/showcase
	cp $(wildcard infra/clients/go/*) $(@D)
	cd $(@D) && '$(CURDIR)/$(OAPI_CODEGEN)' -config oapi-codegen.yaml '$(CURDIR)/infra/openapi/openapi.yaml'
	cd $(@D) && CGO_ENABLED=0 $(GO) build -buildvcs=false -o client .

$(CLIENT_TS): .cache/client-ts/.installed infra/openapi/openapi.yaml $(wildcard infra/clients/ts/*)
	@infra/setup/packages.sh node
	cp infra/clients/ts/main.ts infra/clients/ts/tsconfig.json .cache/client-ts
	cd .cache/client-ts && node_modules/.bin/openapi-typescript '$(CURDIR)/infra/openapi/openapi.yaml' -o showcase.ts
	cd .cache/client-ts && node_modules/.bin/tsc

$(GOVULNCHECK): infra/tools/govulncheck/go.mod infra/tools/govulncheck/go.sum
	@infra/setup/packages.sh go
	@echo 'building govulncheck (once)'
	cd infra/tools/govulncheck && CGO_ENABLED=0 GOBIN='$(CURDIR)/.cache/bin' $(GO) install tool
	@touch $@

$(K6): infra/tools/k6/go.mod infra/tools/k6/go.sum
	@infra/setup/packages.sh go
	@echo 'building k6, which makes load (once, some minutes)'
	cd infra/tools/k6 && CGO_ENABLED=0 GOBIN='$(CURDIR)/.cache/bin' $(GO) install tool
	@touch $@

# The S3 and SQS servers of the tests, pinned where they cannot touch the application's modules.
$(S3_SERVER): infra/tools/versitygw/go.mod infra/tools/versitygw/go.sum
	@infra/setup/packages.sh go
	@echo 'building versitygw, an S3 server (once, some minutes)'
	cd infra/tools/versitygw && CGO_ENABLED=0 GOBIN='$(CURDIR)/.cache/bin' $(GO) install tool
	@touch $@

$(ACME_SERVER): infra/tools/pebble/go.mod infra/tools/pebble/go.sum
	@infra/setup/packages.sh go
	@echo 'building pebble, an ACME server (once)'
	cd infra/tools/pebble && CGO_ENABLED=0 GOBIN='$(CURDIR)/.cache/bin' $(GO) install tool
	@touch $@

$(CYCLONEDX): infra/tools/cyclonedx/go.mod infra/tools/cyclonedx/go.sum
	@infra/setup/packages.sh go
	@echo 'building cyclonedx-gomod, which lists what a binary is made of (once)'
	cd infra/tools/cyclonedx && CGO_ENABLED=0 GOBIN='$(CURDIR)/.cache/bin' $(GO) install -trimpath tool
	@touch $@

$(SQS_SERVER): infra/tools/fauxqs/package-lock.json infra/tools/fauxqs/package.json infra/tools/fauxqs/server.mjs
	@infra/setup/packages.sh node
	@mkdir -p $(@D)
	cp infra/tools/fauxqs/package.json infra/tools/fauxqs/package-lock.json $(@D)
	cd $(@D) && npm ci --ignore-scripts --omit=optional --no-audit --no-fund --loglevel=error
	cp infra/tools/fauxqs/server.mjs $@

# Programs of node: newman, Redocly, what checks the pages (axe-core, html-validate, TypeScript), and Lighthouse.
.cache/client-ts/.installed: infra/clients/ts/package.json infra/clients/ts/package-lock.json
	@infra/setup/packages.sh node
	@mkdir -p $(@D)
	cp $^ $(@D)
	cd $(@D) && npm ci --ignore-scripts --omit=optional --no-audit --no-fund --loglevel=error
	@touch $@

$(NODE_TOOLS) .cache/lighthouse/.installed: .cache/%/.installed: infra/tools/%/package.json infra/tools/%/package-lock.json
	@infra/setup/packages.sh node
	@mkdir -p $(@D)
	cp $^ $(@D)
	cd $(@D) && npm ci --ignore-scripts --omit=optional --no-audit --no-fund --loglevel=error
	@touch $@
