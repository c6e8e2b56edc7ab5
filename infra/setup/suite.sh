#!/usr/bin/env bash
# Runs the suite of `make test`, and prints at the end what took longest. Without arguments it runs everything: lint, all
# tests, under the race detector but for those in which it sees nothing new (infra/racetest), and the end-to-end tests in
# each stage. With stages as arguments (embedded, onehost, aws) it runs only the end-to-end tests, in these stages,
# without the detector; with the argument unit, only all other tests.
# The Makefile builds the tools that it uses, and infra/setup/test.sh starts the servers.
#
# TEST_FLAGS and TEST_PACKAGES replace the flags and the packages of `go test`. With TEST_RACED=all, the race detector
# watches every test of its run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

usage="usage: suite.sh [unit|embedded|onehost|aws]..."
read -ra packages <<<"${TEST_PACKAGES:-./...}"
# Two test binaries at once on any machine: the tests start servers and ffmpeg, which fill two cores by themselves.
read -ra flags <<<"${TEST_FLAGS:--race -count=1 -p 2 -timeout 50m}"
# The end-to-end tests wait more than they compute, so more of them than cores run at once.
stage_flags=(-parallel 4)
# The packages that have tests which the race detector need not watch. It watches the app in one stage, and the drivers of
# the others in their own tests.
divided=(./infra/e2e ./app/site ./modules/media/internal/ffmpeg)
read -ra unraced <<<"${flags[*]/#-race/}"
export CGO_ENABLED=1 # for the race detector
# The race detector does not watch code of others that only computes, because watching makes it three to five times as
# slow: SQLite, which is translated from C, the hashing of passwords, text, pictures, compression, and a table that each
# start of a process fills. It watches everything else. No package that instantiates generic code of the standard library
# may be listed: others would run its unwatched copy.
trusted=()
for package in modernc.org/sqlite/lib modernc.org/libc golang.org/x/crypto/... golang.org/x/text/... image/jpeg \
	compress/flate github.com/aws/aws-sdk-go/aws/endpoints; do
	trusted+=("-gcflags=$package=-race=false")
done

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
	TIMES="$reports/$name.times" .cache/bin/gotestsum --format pkgname --format-hide-empty-pkg --hide-summary skipped \
		--jsonfile "$reports/$name.json" -- -vet=off -exec "'$PWD/infra/setup/timed.sh'" "${trusted[@]}" "${flags[@]}" "$@"
}

# others runs, without the race detector, the tests that it does not watch in the packages.
others() {
	local flags=("${unraced[@]}" -p 1) trusted=() # beside those that the detector watches
	echo "what the race detector need not watch: go test ${flags[*]} $*"
	TEST_RACED=others go_test others "${stage_flags[@]}" "$@"
}

# stage_tests STAGE... runs the end-to-end tests in one stage after the other.
stage_tests() {
	local stage status=0 flags=("${unraced[@]}") trusted=()
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
raced=${TEST_RACED:-watched}
unset TEST_RACED
[[ $raced == watched || $raced == all ]] || { echo "suite.sh: TEST_RACED=$raced, want all" >&2; exit 2; }
if [[ $raced == all ]]; then divided=(); fi

# watched runs the packages under the race detector.
watched() {
	if [[ $raced == watched ]]; then export TEST_RACED=watched; fi
	go_test tests "$@"
}

if [[ $* == unit ]]; then
	mapfile -t packages < <("${GO:-go}" list ./... | grep -v '/infra/e2e$')
	in_background tests watched "${packages[@]}"
	if [[ $raced == watched ]]; then in_background others others "${divided[@]:1}"; fi
elif [[ $# -gt 0 ]]; then
	in_background "${*}" stage_tests "$@"
else
	in_background lint infra/setup/lint.sh
	echo "go test ${flags[*]} ${packages[*]}"
	in_background tests watched "${packages[@]}"
	listed=$("${GO:-go}" list "${packages[@]}")
	has() { grep -q "/${1#./}\$" <<<"$listed"; }
	stages=() rest=()
	if has ./infra/e2e; then stages=(onehost aws); fi
	for part in "${divided[@]}"; do
		if has "$part"; then rest+=("$part"); fi
	done
	unwatched() {
		local status=0
		if [[ ${#rest[@]} -gt 0 ]]; then others "${rest[@]}" || status=1; fi
		if [[ ${#stages[@]} -gt 0 ]]; then stage_tests "${stages[@]}" || status=1; fi
		return "$status"
	}
	in_background "without the race detector" unwatched
fi
await_all

for report in "$reports"/*.json; do
	name=$(basename "$report" .json)
	echo "$name: what took longest, and the packages that took most processor time:"
	.cache/bin/gotestsum tool slowest --threshold 5s <"$report" | sed -n 1,15p
	if [[ -e $reports/$name.times ]]; then sort -rn "$reports/$name.times" | sed -n 1,8p; fi
done
if [[ ${#failed[@]} -gt 0 ]]; then
	echo "make test: failed: ${failed[*]}"
	exit 1
fi
