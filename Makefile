# Every target runs on a machine with Go alone, but for those that say so.
GO ?= go
SHARED ?= ../shared
T ?= 30s

.PHONY: check test race fuzz bench conform long generate lint build tools

build:
	$(GO) build -o bin/chortal ./cmd/chortal

# What a change has to pass: formatters, vet, staticcheck, tests.
check: lint test

test:
	$(GO) test ./...

lint:
	./.ci/lint

# The packages that run goroutines, under the race detector.
race:
	./.ci/race

# Every fuzz target for T each.
fuzz:
	./.ci/fuzz $(T)

# Every benchmark once: that it compiles and runs.
bench:
	$(GO) test -run '^$$' -bench . -benchtime 1x ./...

# Other people's suites against our broker, whole: an hour or so, and librdkafka is
# compiled first (needs SHARED, a C++ compiler, Java, Node, Python; see .ci/suites).
conform:
	SHARED=$(SHARED) ./.ci/suites

# The long forms: kill -9 storms, full disks (mounts a tmpfs: as root), power losses, fuzzing.
long:
	CHORTAL_KILLS=50 $(GO) test -count=1 -timeout 60m -run 'Kill' ./internal/integration -v
	./.ci/torture 10m
	CHORTAL_DISK_FULL=1 $(GO) test -count=1 -timeout 10m -run '^TestDiskFull$$' -v ./internal/torture
	./.ci/fuzz --frames
	./.ci/fuzz 5m

# Everything that is generated and committed.
generate:
	$(GO) run ./internal/ventas/gen >testdata/ventas.jsonl
	$(GO) generate ./...
