#!/usr/bin/env bash
# Runs the suite of `make test`, and prints at the end what took longest. Without arguments it runs everything: lint, all
# tests under the race detector, and the end-to-end tests in each stage (with the detector in the embedded one). With
# stages as arguments (embedded, onehost, aws) it runs only the end-to-end tests, in these stages, without the detector;
# with the argument unit, only all other tests, with it.
# The Makefile builds the tools that it uses, and infra/setup/test.sh starts the servers.
#
# TEST_FLAGS and TEST_PACKAGES replace the flags and the packages of `go test`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

usage="usage: suite.sh [unit|embedded|onehost|aws]..."
read -ra packages <<<"${TEST_PACKAGES:-./...}"
# Two test binaries at once on any machine: the tests start servers and ffmpeg, which fill two cores by themselves.
read -ra flags <<<"${TEST_FLAGS:--race -count=1 -p 2 -timeout 50m}"
# The end-to-end tests wait more than they compute, so more of them than cores run at once. The race detector watches the
# app in one stage, and the drivers of the others in their own tests; watching the app in all three would cost as much as
# everything else.
stage_flags=(-parallel 4)
read -ra unraced <<<"${flags[*]/#-race/}"
export CGO_ENABLED=1 # for the race detector
# The race detector does not watch third-party code that only computes, because watching makes it three to five times as
# slow: SQLite, which is translated from C, and the hashing of passwords. It watches everything else. No package that
# instantiates generic code of the standard library may be listed: others would run its unwatched copy.
unwatched=(
	'-gcflags=modernc.org/sqlite/lib=-race=false' '-gcflags=modernc.org/libc=-race=false'
	'-gcflags=golang.org/x/crypto/...=-race=false'
)

reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT

failed=() names=() jobs=()

# in_background NAME COMMAND... starts the command; await_all reports it by its name.
in_background() {
	names+=("$1")
	shift
	"$@" &
	jobs+=($!)
}

# await_all waits for what runs in the background, and notes what failed.
await_all() {
	local i
	for i in "${!jobs[@]}"; do
		wait "${jobs[i]}" || failed+=("${names[i]}")
	done
	names=() jobs=()
}

# go_test NAME ARGUMENT... prints a line per package, and the output of what failed.
go_test() {
	local name=$1
	shift
	# Lint vets the code, so `go test` need not.
	.cache/bin/gotestsum --format pkgname --format-hide-empty-pkg --hide-summary skipped --jsonfile "$reports/$name.json" \
		-- -vet=off "${unwatched[@]}" "${flags[@]}" "$@"
}

# stage_tests STAGE... runs the end-to-end tests in one stage after the other.
stage_tests() {
	local stage status=0 flags=("${unraced[@]}") unwatched=()
	for stage in "$@"; do
		echo "stage $stage: go test ${flags[*]} ./infra/e2e"
		TEST_STAGE=$stage go_test "$stage" "${stage_flags[@]}" ./infra/e2e || status=1
	done
	return "$status"
}

for stage in "$@"; do
	case $stage in
	unit) [[ $# -eq 1 ]] || { echo "$usage" >&2; exit 2; } ;;
	embedded | onehost | aws) ;;
	*) echo "$usage" >&2; exit 2 ;;
	esac
done
if [[ $* == unit ]]; then
	mapfile -t packages < <("${GO:-go}" list ./... | grep -v '/infra/e2e$')
	in_background tests go_test tests "${packages[@]}"
elif [[ $# -gt 0 ]]; then
	in_background "${*}" stage_tests "$@"
else
	in_background lint infra/setup/lint.sh
	# With these come the end-to-end tests in the embedded stage.
	echo "go test ${flags[*]} ${packages[*]}"
	in_background tests go_test tests "${packages[@]}"
	for package in "${packages[@]}"; do
		if [[ $package == ./... || $package == ./infra/e2e ]]; then in_background stages stage_tests onehost aws; fi
	done
fi
await_all

echo "what took longest:"
cat "$reports"/*.json | .cache/bin/gotestsum tool slowest --threshold 5s | sed -n 1,25p
if [[ ${#failed[@]} -gt 0 ]]; then
	echo "make test: failed: ${failed[*]}"
	exit 1
fi
